package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"isuride/tools/ops/observability/grafana"
	"isuride/tools/ops/observability/prometheus"
)

// span is the time range of the picture.
type span struct{ from, to time.Time }

func (s span) seconds() float64 { return s.to.Sub(s.from).Seconds() }

// maxPoints is the maximum number of points of a curve: more than one per two pixels
// would not be visible.
const maxPoints = 240

// step is a whole number of scrapes.
func (s span) step(scrape time.Duration) time.Duration {
	n := math.Ceil(s.seconds() / maxPoints / scrape.Seconds())
	return time.Duration(max(n, 1)) * scrape
}

// curve is a series with its name and at least one point; times are in seconds since the
// beginning of the span.
type curve struct {
	name   string
	points []prometheus.Point
}

// last returns the newest value.
func (c curve) last() float64 { return c.points[len(c.points)-1].Value }

func (c curve) max() float64 {
	top := math.Inf(-1)
	for _, p := range c.points {
		top = max(top, p.Value)
	}
	return top
}

// figures are the curves of each panel, by panel id, with the time between their points.
type figures struct {
	curves map[int][]curve
	step   time.Duration
}

// fetch evaluates all queries.
func fetch(ctx context.Context, client prometheus.Client, d *grafana.Dashboard, s span, scrape time.Duration) (figures, error) {
	f := figures{map[int][]curve{}, s.step(scrape)}
	for _, p := range d.Panels {
		for _, q := range p.Queries {
			list, err := client.Range(ctx, q.In(grafana.RateInterval(scrape, f.step)), s.from, s.to, f.step)
			if err != nil {
				return f, fmt.Errorf("panel %q: %w", p.Title, err)
			}
			f.curves[p.ID] = append(f.curves[p.ID], curves(q, list, s)...)
		}
	}
	return f, nil
}

// curves returns the series of one query by name.
func curves(q grafana.Query, list []prometheus.Series, s span) []curve {
	var all []curve
	for _, series := range list {
		c := curve{name: q.Of(series.Labels)}
		for _, p := range series.Points {
			if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) { // quantiles or shares without any data
				c.points = append(c.points, prometheus.Point{At: p.At - float64(s.from.Unix()), Value: p.Value})
			}
		}
		if len(c.points) > 0 {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b curve) int { return cmp.Compare(a.name, b.name) })
	return all
}
