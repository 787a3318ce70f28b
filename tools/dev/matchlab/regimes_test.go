package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestPairedIntervals(t *testing.T) {
	base := []figures{{Score: 100}, {Score: 200}, {Score: 400}}
	same := paired(base, base, score)
	if same != (interval{}) {
		t.Errorf("against itself: %+v", same)
	}
	d := paired([]figures{{Score: 110}, {Score: 220}, {Score: 440}}, base, score)
	if math.Abs(d.mean-10) > 1e-9 || math.Abs(d.low-10) > 1e-9 || math.Abs(d.high-10) > 1e-9 {
		t.Errorf("a tenth more each: %+v", d)
	}
	d = intervalOf([]float64{-1, 1})
	if d.mean != 0 || math.Abs(d.high-12.71) > 1e-9 || math.Abs(d.low+12.71) > 1e-9 {
		t.Errorf("two values: %+v", d)
	}
	less := objective{of: score.of, less: true}
	if d := paired([]figures{{Score: 50}, {Score: 50}}, []figures{{Score: 100}, {Score: 100}}, less); d.mean != 100 {
		t.Errorf("half of what should be less: %+v", d)
	}
}

func TestRegimesPrintAndDraw(t *testing.T) {
	l := short(2)
	var all []outcome
	if err := l.tryRegimes([]string{"city"}, func(o outcome) { all = append(all, o) }); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, o := range all {
		printRegime(&out, o)
	}
	for _, want := range []string{"city", "in use", "against the best", "cap"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if svg := string(drawRegimes(all)); !strings.Contains(svg, "landed") {
		t.Errorf("drawing:\n%s", svg)
	}
}

// A bench that is apart has its own cores: the server's work does not delay it.
func TestPartiesApart(t *testing.T) {
	m := newMachine(nil, [parties]int{2, 8}, our)
	if m.count() != 10 || newMachine(nil, shared, our).count() != 2 {
		t.Error("wrong number of cores")
	}
	if &m.cores[atServer][0] == &m.cores[atClient][0] {
		t.Error("shared cores")
	}
}
