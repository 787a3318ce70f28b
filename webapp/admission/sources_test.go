package admission

import (
	"context"
	"math"
	"testing"
	"time"
)

func TestLowOf(t *testing.T) {
	bounds := []float64{math.Inf(-1), 0, 0.001, 0.01, 0.1, math.Inf(1)}
	for _, tc := range []struct {
		counts, before []uint64
		want           time.Duration
		ok             bool
	}{
		{[]uint64{0, 0, 0, 0, 0}, []uint64{0, 0, 0, 0, 0}, 0, false},
		{[]uint64{0, 9, 0, 0, 91}, []uint64{0, 0, 0, 0, 0}, 100 * time.Millisecond, true},
		{[]uint64{0, 10, 0, 0, 90}, []uint64{0, 0, 0, 0, 0}, 0, true},
		{[]uint64{0, 10, 5, 0, 90}, []uint64{0, 10, 0, 0, 90}, time.Millisecond, true}, // what was before does not count
		{[]uint64{1, 0, 0, 0, 0}, []uint64{0, 0, 0, 0, 0}, 0, true},
	} {
		if got, ok := lowOf(bounds, tc.counts, tc.before); got != tc.want || ok != tc.ok {
			t.Errorf("%v after %v: %v, %t", tc.counts, tc.before, got, ok)
		}
	}
}

// TestScheduler: the runtime has what is asked for.
func TestScheduler(t *testing.T) {
	s := Scheduler()
	for range 10_000 { // it looks at some of them only
		done := make(chan struct{})
		go close(done)
		<-done
		if d, ok := s.Low(); ok {
			if d > time.Minute {
				t.Errorf("goroutines have waited for %v", d)
			}
			return
		}
	}
	t.Error("no goroutine has waited, ever")
}

// TestProbe: a byte that nobody reads counts by its age, one that was read by its time.
func TestProbe(t *testing.T) {
	p, err := NewProbe()
	if err != nil {
		t.Fatal(err)
	}
	from := p.Source()
	if d, ok := from.Low(); ok {
		t.Errorf("before the first byte: %v", d)
	}
	began := time.Duration(p.sent.Load())
	first, ok := from.Low()
	second, _ := from.Low()
	if least := time.Since(p.began) - began; !ok || first <= 0 || second < first || second > least {
		t.Errorf("a byte under way: %v, then %v", first, second)
	}
	p.out.Close()
	p.read() // to its end: of one byte, the second time it was still under way
	p.in.Close()
	third, ok := from.Low()
	if !ok || third < second {
		t.Errorf("the byte that was read: %v, %t; before %v", third, ok, second)
	}
	if d, ok := from.Low(); ok {
		t.Errorf("nothing is under way: %v", d)
	}
}

// TestProbeEnds, and leaves nothing.
func TestProbeEnds(t *testing.T) {
	p, err := NewProbe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Run(ctx)
	if p.in.Close() == nil || p.out.Close() == nil {
		t.Error("a socket was left open")
	}
}

func TestPressure(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"some avg10=11.59 avg60=26.96 avg300=33.08 total=9406983301\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n": 9406983301 * time.Microsecond,
		"full avg10=0.00 total=7\n": -1, "some avg10=1\n": -1, "some total=x\n": -1, "": -1,
	} {
		if got, ok := parsePressure([]byte(text)); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %v, %t", text, got, ok)
		}
	}
}
