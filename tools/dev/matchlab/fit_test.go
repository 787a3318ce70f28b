package main

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// The costs of the official tool explain the CPU times that they were derived from.
func TestCostsExplainAppendixE(t *testing.T) {
	e := &appendixE
	for _, c := range []struct {
		column *column
		costs  *costs
	}{{&e.plain, &official}, {&e.tls, &official}, {&e.static, &official}, {&e.landed, &nginx}, {&e.rust, &nginx}} {
		if got := cpu(c.column.counts(), c.costs[atClient]); math.Abs(got-c.column.client) > 0.01 {
			t.Errorf("%s: the tool costs %.2f s, measured %.2f", c.column.name, got, c.column.client)
		}
	}
	for _, c := range []*costs{&our, &official, &nginx} {
		for p := range c {
			if low := slices.Min(c[p][:]); low < 0 {
				t.Errorf("a cost of %v", low)
			}
		}
	}
}

func TestSolveLinearEquations(t *testing.T) {
	x := solve([][]float64{{2, 1, 0, 4}, {1, 3, 1, 10}, {0, 1, 4, 14}})
	for i, want := range []float64{1, 2, 3} {
		if math.Abs(x[i]-want) > 1e-9 {
			t.Errorf("x[%d] = %v, want %v", i, x[i], want)
		}
	}
}

func TestRankCorrelation(t *testing.T) {
	if r := rankCorrelation([][2]float64{{1, 10}, {2, 20}, {3, 30}}); r != 1 {
		t.Errorf("equal orders: %v", r)
	}
	if r := rankCorrelation([][2]float64{{1, 30}, {2, 20}, {3, 10}}); r != -1 {
		t.Errorf("opposite orders: %v", r)
	}
}

// Noise hides an order of policies that are close to each other, and none that are far apart.
func TestAttainable(t *testing.T) {
	noisy := func(step float64) (pairs [][2]float64, all []measurement) {
		for i := range 10 {
			v := 100 + step*float64(i)
			pairs = append(pairs, [2]float64{v, v})
			all = append(all, measurement{"static", "", []float64{v * 0.9, v * 1.1}}, measurement{"plain", "", []float64{1, 2}})
		}
		return pairs, all
	}
	spread, near := attainable(noisy(0.5))
	if math.Abs(spread-math.Sqrt2/10) > 1e-9 || near.mean > 0.5 || near.low > near.mean || near.high < near.mean {
		t.Errorf("close policies, spread %v: %+v", spread, near)
	}
	if _, far := attainable(noisy(200)); far.mean < 0.95 {
		t.Errorf("policies far apart: %+v", far)
	}
}

// Every policy and regime that was measured exists.
func TestMeasuredPoliciesParse(t *testing.T) {
	for _, m := range measured {
		if _, err := parsePolicy(m.policy); err != nil {
			t.Error(err)
		}
		if _, err := regimeOf(m.regime); err != nil {
			t.Error(err)
		}
	}
}

func TestFitPrints(t *testing.T) {
	var out bytes.Buffer
	printCosts(&out)
	if err := short(1).check(&out, checks[2]); err != nil || !strings.Contains(out.String(), "position reports") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
