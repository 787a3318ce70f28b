// Package grafana reads from a Grafana dashboard what is needed to draw it: the panels,
// their places on the grid, and their queries.
//
// It does not query Prometheus or draw, and ignores the parts of Grafana's format that
// our dashboard does not use.
package grafana

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Columns is the width of Grafana's grid.
const Columns = 24

// Kinds of panels.
const (
	Row        = "row"
	TimeSeries = "timeseries"
	Stat       = "stat"
)

// Dashboard is a page of panels in file order.
type Dashboard struct {
	Title  string  `json:"title"`
	Panels []Panel `json:"panels"`
}

// Panel is a heading, if its Kind is Row, or a picture of the results of its queries.
type Panel struct {
	ID          int    `json:"id"`
	Kind        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Place       Place  `json:"gridPos"`
	Config      struct {
		Defaults struct {
			Unit   string `json:"unit"`
			Custom struct {
				Stacking struct {
					Mode string `json:"mode"`
				} `json:"stacking"`
				Scale struct {
					Type string `json:"type"`
				} `json:"scaleDistribution"`
			} `json:"custom"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Queries []Query `json:"targets"`
}

// Place is a rectangle on the grid, from the upper left corner.
type Place struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

func (p Place) overlaps(q Place) bool {
	return p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H
}

// Query is an expression with the name of its series.
type Query struct {
	Expr string `json:"expr"`
	Name string `json:"legendFormat"`
}

// Unit returns Grafana's name for the unit of the values.
func (p *Panel) Unit() string { return p.Config.Defaults.Unit }

// Stacked reports whether the series are parts of a whole.
func (p *Panel) Stacked() bool { return p.Config.Defaults.Custom.Stacking.Mode == "normal" }

// Logarithmic reports whether the axis is logarithmic.
func (p *Panel) Logarithmic() bool { return p.Config.Defaults.Custom.Scale.Type == "log" }

// Read reads a dashboard and fails if it cannot be drawn.
func Read(r io.Reader) (*Dashboard, error) {
	var d Dashboard
	if err := json.NewDecoder(r).Decode(&d); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	if len(d.Panels) == 0 {
		return nil, errors.New("dashboard: there are no panels")
	}
	for i := range d.Panels {
		if err := d.check(i); err != nil {
			return nil, fmt.Errorf("dashboard: panel %d, %q: %w", d.Panels[i].ID, d.Panels[i].Title, err)
		}
	}
	return &d, nil
}

// check checks a panel by itself and against those before it.
func (d *Dashboard) check(i int) error {
	p := &d.Panels[i]
	if err := p.check(); err != nil {
		return err
	}
	for k := range i {
		switch other := &d.Panels[k]; {
		case other.ID == p.ID:
			return fmt.Errorf("%q has the same id", other.Title)
		case other.Place.overlaps(p.Place):
			return fmt.Errorf("it lies on %q", other.Title)
		}
	}
	return nil
}

func (p *Panel) check() error {
	at := p.Place
	if at.X < 0 || at.Y < 0 || at.W < 1 || at.H < 1 || at.X+at.W > Columns {
		return fmt.Errorf("it does not lie on the grid of %d columns", Columns)
	}
	switch p.Kind {
	case Row:
		return nil
	case TimeSeries, Stat:
	default:
		return fmt.Errorf("type %q cannot be drawn", p.Kind)
	}
	if len(p.Queries) == 0 {
		return errors.New("it asks for nothing")
	}
	for _, q := range p.Queries {
		if strings.TrimSpace(q.Expr) == "" {
			return errors.New("it has an empty expression")
		}
	}
	return nil
}

// RateInterval is the shortest range over which Grafana computes rates.
func RateInterval(scrape, step time.Duration) time.Duration { return max(4*scrape, step+scrape) }

// In returns the expression for Prometheus, with rates over the interval.
func (q Query) In(rateInterval time.Duration) string {
	return strings.ReplaceAll(q.Expr, "$__rate_interval", rateInterval.String())
}

// Of returns the name of a series with these labels.
func (q Query) Of(labels map[string]string) string {
	name := q.Name
	for label, value := range labels {
		name = strings.ReplaceAll(name, "{{"+label+"}}", value)
	}
	return name
}
