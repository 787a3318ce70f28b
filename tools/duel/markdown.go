package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"isuride/bench/report"
)

// readRuns reads what appendTo has written.
func readRuns(file string) ([]*run, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var runs []*run
	for d := json.NewDecoder(f); ; {
		r := new(run)
		switch err := d.Decode(r); {
		case err == io.EOF:
			return runs, nil
		case err != nil:
			return nil, fmt.Errorf("%s, record %d: %w", file, len(runs)+1, err)
		case r.Record == nil:
			return nil, fmt.Errorf("%s, record %d is none of a duel", file, len(runs)+1)
		}
		runs = append(runs, r)
	}
}

// outcomesOf sorts runs into those duels of which there are whole pairs, and judges them.
func outcomesOf(runs []*run) []*outcome {
	var list []*outcome
	for _, d := range duels() {
		o := &outcome{duel: d}
		for _, r := range runs {
			for side, c := range d.sides {
				if r.Duel == d.name && r.Contestant == c.name {
					o.runs[side] = append(o.runs[side], r)
				}
			}
		}
		pairs := min(len(o.runs[0]), len(o.runs[1]))
		if pairs == 0 {
			continue
		}
		o.runs[0], o.runs[1] = o.runs[0][:pairs], o.runs[1][:pairs]
		o.judge(time.Duration(o.runs[0][0].Record.LoadSeconds+0.5) * time.Second)
		list = append(list, o)
	}
	return list
}

// markdown writes a table for a document. All figures are medians; in brackets, those of the first side.
func markdown(w io.Writer, list []*outcome) {
	fmt.Fprintln(w, "| | pairs | score | ratio | bar | warnings and errors | CPU per 1,000 points | of the other's, at most 0.5 | position report p99 |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for _, o := range list {
		of := func(name string) string { return o.pair(name) }
		ratio := o.find(figureRatio).sides[1]
		cpu := report.Short(o.find(figureCPURatio).sides[1].Median)
		if !o.duel.sides[0].naive {
			cpu = ""
		}
		fmt.Fprintf(w, "| %s: %s (against %s) | %d | %s | **%s** | %s | %s | %s ms | %s | %s ms |\n",
			o.duel.about, o.duel.sides[1].name, o.duel.sides[0].name, ratio.Runs, of("score"), ratio, report.Short(o.duel.bars[0].limit),
			of(figureErrors), of("servers' CPU per 1,000 points, ms"), cpu, of("position report, p99 ms"))
	}
}

func (o *outcome) find(name string) row {
	for _, r := range o.rows {
		if r.name == name {
			return r
		}
	}
	panic("BUG: no figure " + name)
}

// pair shows the medians of both sides, that of the first in brackets.
func (o *outcome) pair(name string) string {
	r := o.find(name)
	show := func(s *report.Spread) string { return report.Short(s.Median) }
	return show(r.sides[1]) + " (" + show(r.sides[0]) + ")"
}
