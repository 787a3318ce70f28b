package world

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRunSetWalksInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var s runSet
	for range 50 {
		want := map[int32]bool{}
		for range r.IntN(40) {
			i := int32(r.IntN(500))
			s.add(i)
			want[i] = true
		}
		var got []int32
		s.take(func(i int32) { got = append(got, i) })
		if !slices.IsSorted(got) || len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for _, i := range got {
			if !want[i] {
				t.Fatalf("%d was never added", i)
			}
		}
		s.take(func(i int32) { t.Fatalf("%d is still there", i) })
	}
}

func TestGridFindsWhatIsNear(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	g := newGrid()
	var chairs []*chair
	for range 300 {
		c := &chair{position: Point{int32(between(r, -200, 200)), int32(between(r, -200, 200))}}
		chairs = append(chairs, c)
	}
	for range 200 {
		c := chairs[r.IntN(len(chairs))]
		if coin(r) {
			g.add(c)
		} else {
			g.remove(c)
		}
		p, d := randomPoint(r), r.IntN(80)
		found := map[*chair]bool{}
		g.within(p, d, func(c *chair) {
			if found[c] {
				t.Fatal("found twice")
			}
			found[c] = true
		})
		for _, c := range chairs {
			if want := c.empty && c.position.distance(p) <= d; found[c] != want {
				t.Fatalf("chair at %v, %v from %v: found %v", c.position, d, p, found[c])
			}
		}
	}
}

type parked func()

func (p parked) resume() { p() }

func TestWaitLockIsFair(t *testing.T) {
	var l waitLock
	var order []string
	enter := func(name string) func() {
		var try func()
		try = func() {
			if l.acquire(parked(func() { try() })) {
				order = append(order, name)
			}
		}
		return try
	}
	look := func() { order = append(order, "look") }
	enter("a")()
	enter("b")()
	if l.pass(parked(look)) {
		t.Fatal("passed a held lock")
	}
	enter("c")()
	l.release() // b takes it; the others stay parked
	if want := []string{"a", "b"}; !slices.Equal(order, want) {
		t.Fatalf("order %v, want %v", order, want)
	}
	l.release() // who only passes does not hold up c
	if want := []string{"a", "b", "look", "c"}; !slices.Equal(order, want) {
		t.Fatalf("order %v, want %v", order, want)
	}
	l.release()
	if l.held {
		t.Error("held by nobody")
	}
}

func TestInboxKeepsOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	var b inbox[int]
	in, out := 0, 0
	for range 5000 {
		if coin(r) {
			b.push(in)
			in++
		} else if !b.empty() {
			if b.peek() != out {
				t.Fatalf("got %d, want %d", b.peek(), out)
			}
			b.drop()
			out++
		}
	}
	if b.empty() != (in == out) {
		t.Error("lost or kept too much")
	}
}

func TestHistogram(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	var h Histogram
	if h.Percentile(50) != 0 || h.Mean() != 0 {
		t.Error("an empty histogram has values")
	}
	var all []Instant
	for range 5000 {
		d := Instant(r.ExpFloat64() * 40_000)
		all = append(all, d)
		h.Add(d)
	}
	slices.Sort(all)
	for _, p := range []float64{1, 50, 90, 99, 99.9, 100} {
		exact := all[min(int(p/100*float64(len(all))), len(all)-1)]
		got := h.Percentile(p)
		if got < exact || float64(got) > 1.04*float64(exact)+1 {
			t.Errorf("percentile %v: %d, exactly %d", p, got, exact)
		}
	}
	if h.Max() != all[len(all)-1] || h.Count() != len(all) {
		t.Error("wrong maximum or count")
	}
}

func TestHistogramBuckets(t *testing.T) {
	last := -1
	for d := Instant(0); d < 1<<14; d++ {
		b := bucketOf(d)
		if b != last && b != last+1 {
			t.Fatalf("bucket %d follows %d", b, last)
		}
		if bucketEnd(b) < d || b > 0 && bucketEnd(b-1) >= d {
			t.Fatalf("%d does not belong to bucket %d, which ends at %d", d, b, bucketEnd(b))
		}
		last = b
	}
}

func TestTally(t *testing.T) {
	var tally Tally
	for _, n := range []int{2, 2, 5, -1} {
		tally.Add(n)
	}
	if tally.Mean() != 2.25 || tally.Share(2) != 0.5 || tally.Share(0) != 0.25 || tally.Share(99) != 0 {
		t.Errorf("wrong tally %+v", tally)
	}
}
