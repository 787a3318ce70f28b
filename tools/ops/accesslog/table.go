package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
)

// table writes a run, largest first.
func table(out io.Writer, l *logKind, by column, r *run) error {
	w := newTable(out)
	columns := l.columns()
	for _, c := range columns {
		fmt.Fprintf(w, "%s\t", c.name)
	}
	fmt.Fprintf(w, "  %s (%s)\n", l.groups, timeUnits)
	for _, g := range append(sorted(r, by), &r.total) {
		for _, c := range columns {
			fmt.Fprintf(w, "%s\t", c.text(c.value(g)))
		}
		fmt.Fprintf(w, "  %s\n", g.name)
	}
	return w.Flush()
}

func newTable(out io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// sorted are the groups by falling value, and then by name.
func sorted(r *run, by column) []*group {
	return slices.SortedFunc(maps.Values(r.groups), func(a, b *group) int {
		return cmp.Or(cmp.Compare(by.value(b), by.value(a)), cmp.Compare(a.name, b.name))
	})
}

// compared are the columns that two runs show side by side, if the log has them.
var compared = [...]string{"count", "sum", "avg", "p50", "p99", "5xx", "examined"}

// compare writes two runs, what has changed most first.
func compare(out io.Writer, l *logKind, by column, before, after *run) error {
	w := newTable(out)
	var columns []column
	for _, name := range compared {
		if c, ok := l.column(name); ok {
			columns = append(columns, c)
			fmt.Fprintf(w, "%s\tafter\tchange\t", name)
		}
	}
	fmt.Fprintf(w, "  %s (%s)\n", l.groups, timeUnits)
	for _, p := range pairs(by, before, after) {
		for _, c := range columns {
			a, b := c.value(p.before), c.value(p.after)
			fmt.Fprintf(w, "%s\t%s\t%s\t", c.text(a), c.text(b), change(a, b))
		}
		fmt.Fprintf(w, "  %s\n", p.after.name)
	}
	return w.Flush()
}

// pair is a group in two runs; where it is missing it is empty.
type pair struct{ before, after *group }

// pairs are the groups of both runs, and the totals at the end.
func pairs(by column, before, after *run) []pair {
	var list []pair
	for name, g := range before.groups {
		list = append(list, pair{g, cmp.Or(after.groups[name], &group{name: name})})
	}
	for name, g := range after.groups {
		if before.groups[name] == nil {
			list = append(list, pair{&group{name: name}, g})
		}
	}
	moved := func(p pair) float64 { return math.Abs(by.value(p.after) - by.value(p.before)) }
	slices.SortFunc(list, func(a, b pair) int {
		return cmp.Or(cmp.Compare(moved(b), moved(a)), cmp.Compare(a.after.name, b.after.name))
	})
	return append(list, pair{&before.total, &after.total})
}

// change is the difference in percent of what was.
func change(before, after float64) string {
	switch {
	case before == after:
		return "="
	case before == 0:
		return "new"
	case after == 0:
		return "gone"
	}
	return fmt.Sprintf("%+.0f%%", 100*(after-before)/before)
}

// runJSON is a run in the machine-readable output.
type runJSON struct {
	Name      string           `json:"name"`
	Malformed int              `json:"malformed"`
	Groups    []map[string]any `json:"groups"` // the columns and the name
	Total     map[string]any   `json:"total"`
}

func writeJSON(out io.Writer, l *logKind, runs []*run) error {
	columns := l.columns()
	figures := func(g *group) map[string]any {
		m := map[string]any{l.groups: g.name}
		for _, c := range columns {
			m[c.name] = c.value(g)
		}
		return m
	}
	list := []runJSON{}
	for _, r := range runs {
		j := runJSON{Name: r.name, Malformed: r.malformed, Groups: []map[string]any{}, Total: figures(&r.total)}
		for _, g := range sorted(r, columns[1]) {
			j.Groups = append(j.Groups, figures(g))
		}
		list = append(list, j)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(list)
}
