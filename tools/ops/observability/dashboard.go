package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"isuride/bench/chart"
)

//go:embed dashboard.json
var dashboardFile []byte

// dashboard contains the parts of Grafana's format that a picture needs.
type dashboard struct {
	Title  string  `json:"title"`
	Panels []panel `json:"panels"`
}

// panel is a heading (its kind is "row"), a figure ("stat") or a plot ("timeseries").
type panel struct {
	Kind        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Config      struct {
		Defaults struct {
			Unit   string `json:"unit"`
			Custom struct {
				Stacking struct{ Mode string } `json:"stacking"`
				Scale    struct{ Type string } `json:"scaleDistribution"`
			} `json:"custom"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Queries []struct {
		Expr string `json:"expr"`
		Name string `json:"legendFormat"` // of its series
	} `json:"targets"`
}

func readDashboard() (d dashboard, err error) {
	err = json.Unmarshal(dashboardFile, &d)
	return d, err
}

// units, by Grafana's names; any other is a plain number.
var units = map[string]chart.Unit{"s": chart.Seconds, "bytes": chart.Bytes, "Bps": chart.BytesPerSecond,
	"ops": chart.PerSecond, "reqps": chart.PerSecond}

// span is the time range of the picture.
type span struct {
	from, to time.Time
	scrape   time.Duration
}

// maxPoints limits the points of a line: more than one per two pixels would not be
// visible.
const maxPoints = 240

// step is a whole number of scrapes.
func (s span) step() time.Duration {
	n := math.Ceil(s.to.Sub(s.from).Seconds() / maxPoints / s.scrape.Seconds())
	return time.Duration(max(n, 1)) * s.scrape
}

// times returns the times of the points, in seconds since the beginning.
func (s span) times() (list []float64) {
	for at := s.from; !at.After(s.to); at = at.Add(s.step()) {
		list = append(list, at.Sub(s.from).Seconds())
	}
	return list
}

// expand fills in the range over which Grafana would compute rates.
func (s span) expand(expr string) string {
	return strings.ReplaceAll(expr, "$__rate_interval", max(4*s.scrape, s.step()+s.scrape).String())
}

// values returns the values at the span's times, NaN where there is none or it is not
// finite, such as a share without any data.
func (s span) values(found []model.SamplePair) []float64 {
	list := slices.Repeat([]float64{math.NaN()}, len(s.times()))
	for _, p := range found {
		i := int(p.Timestamp.Time().Sub(s.from) / s.step())
		if v := float64(p.Value); i >= 0 && i < len(list) && !math.IsInf(v, 0) {
			list[i] = v
		}
	}
	return list
}

// fetch evaluates the panel's queries and drops lines without any values.
func (p *panel) fetch(ctx context.Context, db prometheus, s span) (lines []chart.Line, err error) {
	for _, q := range p.Queries {
		list, err := db.query(ctx, s.expand(q.Expr), s.from, s.to, s.step())
		if err != nil {
			return nil, fmt.Errorf("panel %q: %w", p.Title, err)
		}
		var found []chart.Line
		for _, series := range list {
			name := q.Name
			for label, value := range series.Metric {
				name = strings.ReplaceAll(name, "{{"+string(label)+"}}", string(value))
			}
			values := s.values(series.Values)
			if slices.ContainsFunc(values, func(v float64) bool { return !math.IsNaN(v) }) {
				found = append(found, chart.Line{Name: name, Values: values})
			}
		}
		slices.SortFunc(found, func(a, b chart.Line) int { return cmp.Compare(a.Name, b.Name) })
		lines = append(lines, found...)
	}
	return lines, nil
}

func (p *panel) draw(lines []chart.Line, s span) chart.Picture {
	unit := units[p.Config.Defaults.Unit]
	if p.Kind == "stat" {
		return chart.Tile(p.Title, chart.Width(6), unit, s.times(), append(lines, chart.Line{})[0].Values)
	}
	custom := p.Config.Defaults.Custom
	return chart.Lines{Title: p.Title, Width: chart.Width(3), Unit: unit, Log: custom.Scale.Type == "log",
		Stacked: custom.Stacking.Mode == "normal", Peaks: true, Seconds: s.times(), Lines: lines}.Draw()
}

// draw draws all panels as one picture.
func (d *dashboard) draw(ctx context.Context, db prometheus, s span, note string) ([]byte, error) {
	sections := []chart.Section{{}}
	for i := range d.Panels {
		p := &d.Panels[i]
		if p.Kind == "row" {
			sections = append(sections, chart.Section{Heading: p.Title})
			continue
		}
		lines, err := p.fetch(ctx, db, s)
		if err != nil {
			return nil, err
		}
		last := &sections[len(sections)-1]
		picture := p.draw(lines, s)
		picture.Tip = p.Description
		last.Pictures = append(last.Pictures, picture)
	}
	return chart.Sheet(d.Title, note, sections), nil
}
