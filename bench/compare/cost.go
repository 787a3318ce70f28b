package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"isuride/bench/report"
)

// cost compares what a ride costs two servers in CPU, while both have the same work: rides
// come at a fixed rate, in a city that does not grow. Pairs run one after the other, each
// second one in the other order.
type cost struct {
	overload
	rate float64 // rides a second
	most float64 // ratio of the medians
	pair [2]side
}

// side is one of the two: a program and its settings.
type side struct {
	name     string
	program  string // "" for that of the checkout
	settings []string
	readers  readers // of the feed
}

func runCost(ctx context.Context, args []string, out io.Writer) (passed bool, err error) {
	c := &cost{overload: overload{trial: trial{runs: 7}}}
	c.pair = [2]side{{name: "before"}, {name: "after"}}
	f := flags("cost", out)
	f.StringVar(&c.pair[0].program, "before", "", "`program` of the first server, isuride of another commit for instance; by default that of this checkout")
	settingFlag(f, &c.pair[1].settings, "a variable of the second server: a part that it has in use")
	f.IntVar(&c.pair[1].readers.number, "readers", 0, "`number` of the second server's readers of the feed")
	f.StringVar(&c.pair[1].readers.follow, "follow", "city", "`what` each of them follows: city (the public city and the server's figures, as a page of the interface does), all (every table, as an operator) or chair (one chair's positions, as an operator, another chair for each)")
	f.Float64Var(&c.rate, "rate", 250, "`number` of rides a second; choose one that takes half of the machine")
	f.Float64Var(&c.most, "most", 1.02, "the `ratio` that the second may have")
	if err := c.parse(f, args, "pairs", ".run/cost"); err != nil {
		return false, err
	}
	if c.rate <= 0 {
		return false, errors.New("want a -rate above 0")
	}
	if err := c.pair[1].readers.check(); err != nil {
		return false, err
	}
	if err := c.build(ctx, "./webapp/cmd/isuride", "./bench/cmd/bench"); err != nil {
		return false, err
	}
	return c.compare(out, func(pair, which int) (float64, error) { return c.measure(ctx, pair, c.pair[which]) })
}

// compare judges the median of the pairs' ratios. measure returns what a ride costs one side.
func (c *cost) compare(out io.Writer, measure func(pair, which int) (float64, error)) (passed bool, err error) {
	var costs [2][]float64
	var ratios []float64
	for pair := range c.runs {
		var now [2]float64
		for turn := range 2 {
			which := (pair + turn) % 2
			if now[which], err = measure(pair, which); err != nil {
				return false, err
			}
			costs[which] = append(costs[which], now[which])
		}
		ratios = append(ratios, now[1]/now[0])
		fmt.Fprintf(out, "pair %d: %.3f ms a ride before, %.3f ms after, ratio %.3f\n", pair+1, now[0], now[1], now[1]/now[0])
	}
	before, after, ratio := report.SpreadOf(costs[0]), report.SpreadOf(costs[1]), report.SpreadOf(ratios)
	b := bar{"ratio", c.most, true}
	missed := b.missed(ratio.Median)
	fmt.Fprintf(out, "\n%g rides/s, %g s, %d pairs: %s ms of CPU a ride before, %s ms after; ratio %s, want %s: %s\n",
		c.rate, c.seconds, c.runs, &before, &after, &ratio, b, verdict(missed))
	return !missed, nil
}

// measure returns the milliseconds of CPU, user and system, that a ride costs one side.
func (c *cost) measure(ctx context.Context, pair int, s side) (float64, error) {
	if s.program != "" {
		path, err := filepath.Abs(s.program)
		if err != nil {
			return 0, err
		}
		s.program = path
	}
	c.program, c.settings, c.readers = s.program, s.settings, s.readers
	r, err := c.run(ctx, fmt.Sprintf("pair-%d-%s.json", pair+1, s.name), "", c.rate, c.seconds, 0)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.name, err)
	}
	return 1000 * r.cpuPerRide, nil
}
