package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"

	"isuride/bench/chart"
	"isuride/bench/live"
)

//go:embed page.html.tmpl
var pageText string

// HTML writes the record as a page that loads nothing from elsewhere.
func (r *Record) HTML(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"count":  count,
		"millis": millisText,
		"known":  knownMillis,
		"number": Number,
		"style":  func() template.CSS { return chart.Style },
	}).Parse(pageText)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return t.Execute(w, newPage(r))
}

// page is what the template shows. Empty lists are left out.
type page struct {
	*Record
	Tiles     []tile
	Course    []plot // over time
	Errors    []plot
	Codes     []live.CodeCount
	Cycles    []plot // of the first seconds
	Latencies plot
	Delays    plot // of notifications
	Rides     []plot
	Facts     facts
}

// A tile is a large figure with a small explanation.
type tile struct{ Name, Value, Note string }

func newPage(r *Record) *page {
	p := &page{Record: r, Codes: r.Result.Errors, Facts: r.circumstances()}
	if r.Ticks > 0 {
		p.Tiles, p.Course, p.Cycles, p.Rides = r.tiles(), r.course(), r.cyclePlots(), r.rides()
		p.Facts = append(p.Facts, r.findings()...)
	}
	p.Facts = append(p.Facts, r.flags()...)
	if len(p.Codes) > 0 {
		p.Errors = []plot{errorsByCode(p.Codes), r.errorsOverTime()}
	}
	p.Latencies = latencies("Time from call to answer", r.Endpoints).
		note("The dashed line is a tick, 30 ms: a call that takes longer costs its caller time.")
	p.Delays = latencies("Time from a change of status to its receipt", r.Notices).
		note("A change counts from when the bench knows of it, so a notification ahead of the answer takes no time.")
	return p
}

func (r *Record) tiles() []tile {
	return []tile{
		{"rides evaluated", count(r.World.RidesEvaluated), fmt.Sprintf("of %s created", count(r.World.RidesCreated))},
		{"mean rating", fmt.Sprintf("%.2f", meanRating(r.Ratings)), "criteria met: " + strings.ReplaceAll(r.criteria(), " %", "\u00a0%")},
		{"users", count(r.World.Users), r.origins()},
		{"chairs", count(r.World.Chairs), speeds(r.World.ChairsBySpeed)},
		{"errors", count(r.ErrorCount), codes(r.Result.Errors)},
		{"ticks", count(r.Ticks), fmt.Sprintf("%s lost, %s late", count(r.LostTicks), count(r.LateTicks))},
		{"requests", count(int(r.AllRequests())), fmt.Sprintf("%s connections at once", count(r.Dials.PeakOpen))},
		{"the bench's CPU", fmt.Sprintf("%.1f s", r.Usage.CPUSeconds()),
			fmt.Sprintf("%.1f us a request, %d MiB", r.CPUPerRequest(), r.Usage.RSSBytes>>20)},
	}
}

func errorsByCode(list []live.CodeCount) plot {
	var cols []chart.Column
	for _, c := range list {
		cols = append(cols, chart.Column{Name: strconv.Itoa(c.Code), Value: float64(c.Count), Label: count(c.Count),
			Tip: fmt.Sprintf("code %d, %s: %s", c.Code, c.Meaning, count(c.Count))})
	}
	return plot{Picture: chart.Columns("Errors by code", timeWidth, cols)}
}
