package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"isuride/bench/live"
)

//go:embed page.html.tmpl
var pageText string

// HTML writes the record as a page that needs nothing from elsewhere.
func (r *Record) HTML(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"count":   func(n int) string { return count(n) },
		"millis":  millisText,
		"percent": func(part, all int) string { return fmt.Sprintf("%.1f %%", 100*share(part, all)) },
	}).Parse(pageText)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return t.Execute(w, newPage(r))
}

// A page is what the template shows.
type page struct {
	*Record
	Tiles      []tile
	Facts      []fact
	Course     []*chart // over time
	Rides      []*chart
	Latencies  *chart // nil if there are none
	Delays     *chart // nil if there are none
	Errors     *chart // nil if there are none
	CodeCounts []live.CodeCount
}

type (
	// A tile is a large figure with a small explanation.
	tile struct{ Name, Value, Note string }
	// A fact is a line of a table.
	fact struct{ Name, Value string }
)

func newPage(r *Record) *page {
	p := &page{Record: r, Facts: r.facts(), CodeCounts: r.Result.Errors}
	if r.Ticks > 0 {
		p.Tiles, p.Course, p.Rides = r.tiles(), r.course(), r.rides()
	}
	if len(r.Endpoints) > 0 {
		p.Latencies = latencies("Time from call to answer", "The dashed line is a tick, 30 ms: a call that takes longer costs its caller time.", r.Endpoints)
	}
	if len(r.Notices) > 0 {
		p.Delays = latencies("Time from a change of status to its receipt", "A change counts from when the bench knows of it, so a notification ahead of the answer takes no time.", r.Notices)
	}
	if len(r.Result.Errors) > 0 {
		p.Errors = errorChart(r.Result.Errors)
	}
	return p
}

func (r *Record) tiles() []tile {
	p := r.ScoreParts
	return []tile{
		{"score", count(r.Score), fmt.Sprintf("driving %s, rides %s, pickup %s, unfinished %s",
			count(p.Driving/scoreUnit), count(p.Base/scoreUnit), count(p.Pickup/scoreUnit), count(p.Partial/scoreUnit))},
		{"rides evaluated", count(r.World.RidesEvaluated), fmt.Sprintf("of %s created", count(r.World.RidesCreated))},
		{"users", count(r.World.Users), fmt.Sprintf("%s by invitation, %s by reputation, %s left",
			count(r.Origins["invitation"]), count(r.Origins["reputation"]), count(r.UsersLeft))},
		{"chairs", count(r.World.Chairs), speeds(r.World.ChairsBySpeed)},
		{"errors", count(r.ErrorCount), codes(r.Result.Errors)},
		{"ticks", count(r.Ticks), fmt.Sprintf("%s lost, %s late", count(r.LostTicks), count(r.LateTicks))},
		{"requests", count(int(r.AllRequests())), fmt.Sprintf("%s connections at once", count(r.Dials.PeakOpen))},
		{"the bench's CPU", fmt.Sprintf("%.1f s", r.Usage.CPUSeconds()),
			fmt.Sprintf("%.1f us a request, %d MiB", r.CPUPerRequest(), r.Usage.RSSBytes>>20)},
	}
}

func codes(list []live.CodeCount) string {
	if len(list) == 0 {
		return "none of any code"
	}
	text := "code"
	for i, c := range list {
		if i > 0 {
			text += ","
		}
		text += " " + strconv.Itoa(c.Code)
	}
	return text
}

func (r *Record) facts() []fact {
	list := []fact{
		{"Started", r.Started.UTC().Format(time.DateTime + " UTC")},
		{"Target", r.Target + inLanguage(r.Language)},
		{"Bench", shortCommit(r.Commit)},
		{"Machine", fmt.Sprintf("%s, %d cores, %d MiB", r.Machine.CPU, r.Machine.Cores, r.Machine.MemoryBytes>>20)},
		{"System", r.Machine.Kernel + ", " + r.Machine.Go},
		{"Seed", strconv.FormatUint(r.Seed, 10)},
		{"Phases", phases(r.Phases)},
	}
	if r.Ticks > 0 {
		list = append(list, fact{"Requests", r.requests()}, fact{"Connections", r.connections()}, fact{"Payments", payments(r.Payments)}, fact{"Bench's own use", r.ownUse()})
	}
	for _, region := range r.World.Regions {
		list = append(list, fact{"Region " + region.Name, fmt.Sprintf("%s users, %s active", count(region.Registered), count(region.Active))})
	}
	for _, o := range r.World.Owners {
		list = append(list, fact{"Owner " + o.Name, fmt.Sprintf("sales %s, %s chairs, %s away", count(o.Sales), count(o.Chairs), count(o.ChairsAway))})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Settings)) {
		list = append(list, fact{"--" + name, r.Settings[name]})
	}
	return list
}

// payments lists the answers of the payment service by status.
func payments(answers map[int]int) string {
	text := "none"
	for i, status := range slices.Sorted(maps.Keys(answers)) {
		if i == 0 {
			text = ""
		} else {
			text += ", "
		}
		text += fmt.Sprintf("%s with status %d", count(answers[status]), status)
	}
	return text
}

func errorChart(list []live.CodeCount) *chart {
	var cols []column
	for _, c := range list {
		cols = append(cols, column{strconv.Itoa(c.Code), float64(c.Count), count(c.Count), fmt.Sprintf("code %d, %s: %s", c.Code, c.Meaning, count(c.Count))})
	}
	return columns("Errors by code", "", cols)
}
