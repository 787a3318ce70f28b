package dispatch

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// noting keeps the reasons of each assignment before it is made.
type noting struct {
	*state.Store
	whys map[*state.Ride]isuride.Why
}

func (n noting) Assign(r *state.Ride, c *state.Chair, why *isuride.Why) (bool, error) {
	kept := *why
	kept.Lost = slices.Clone(why.Lost)
	n.whys[r] = kept
	return n.Store.Assign(r, c, why)
}

func explained(w *town, p Params, want int) map[*state.Ride]isuride.Why {
	w.t.Helper()
	whys := map[*state.Ride]isuride.Why{}
	d := w.dispatcher(0, p)
	d.store = noting{w.Store, whys}
	w.round(d, want)
	return whys
}

// TestReasons: the terms are those of the cost in docs/dispatch.md, by hand.
func TestReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		r := w.ride(at(0, 0), at(10, 0))
		time.Sleep(3 * time.Second) // 100 ticks
		w.chair("2", at(30, 0))
		near, next, chosen := w.chair("3", at(6, 0)), w.chair("5", at(10, 0)), w.chair("5", at(0, 5))
		w.chair("7", at(50, 0))
		got := explained(w, DefaultParams(), 1)[r]
		want := isuride.Why{Class: isuride.Ordinary, Trip: -800, Age: -10_000,
			Chosen: isuride.ChairCost{Pickup: 1000, Carry: 0},
			Lost: []isuride.Rival{
				{Chair: next.Ref, ChairCost: isuride.ChairCost{Pickup: 2000, Carry: 0}},
				{Chair: near.Ref, ChairCost: isuride.ChairCost{Pickup: 2000, Carry: 266}},
			}}
		if expectPair(t, r, chosen); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if got.Cost(got.Chosen) != -9_800 {
			t.Errorf("the cost is %d", got.Cost(got.Chosen))
		}
	})
}

// TestReasonsOfARound: the round gives the first ride the dearer chair. Its reasons show
// the cheaper one, which went to the other ride.
func TestReasonsOfARound(t *testing.T) {
	w := newTown(t)
	first, second := w.ride(at(0, 0), at(10, 0)), w.ride(at(-10, 0), at(0, 0))
	near, far := w.chair("3", at(-4, 0)), w.chair("3", at(20, 0))
	whys := explained(w, DefaultParams(), 2)
	expectPair(t, first, far)
	why := whys[first]
	if len(why.Lost) != 1 || why.Lost[0].Chair != near.Ref || why.Cost(why.Lost[0].ChairCost) >= why.Cost(why.Chosen) {
		t.Errorf("%+v", why)
	}
	if why := whys[second]; len(why.Lost) != 1 || why.Lost[0].Chair != far.Ref {
		t.Errorf("%+v", why)
	}
}

func TestReasonsWithoutRivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := newTown(t), DefaultParams()
		r := w.ride(at(0, 0), at(10, 0))
		w.chair("3", at(1, 0))
		time.Sleep(time.Minute)
		if why := explained(w, p, 1)[r]; len(why.Lost) != 0 || why.Class != isuride.Overdue || why.Age != -60_000 {
			t.Errorf("%+v", why) // the age counts up to the ramp, 600 ticks
		}
	})
}

func TestCheapestOthers(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		row := make([]int32, 1+random.IntN(9))
		for i := range row {
			row[i] = random.Int32N(6) - 3
		}
		chosen := random.Int32N(int32(len(row)))
		var others []int32
		for k := range int32(len(row)) {
			if k != chosen {
				others = append(others, k)
			}
		}
		slices.SortStableFunc(others, func(a, b int32) int { return int(row[a] - row[b]) })
		others = append(others, -1, -1)
		if got := cheapestOthers(row, chosen); got != [2]int32{others[0], others[1]} {
			t.Fatalf("%v but %d: %v, want %v", row, chosen, got, others[:2])
		}
	}
}

// TestReasonsAddUp: the terms of every pair of a crowded round add up to its cost.
func TestReasonsAddUp(t *testing.T) {
	w := newTown(t)
	random := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		w.ride(at(random.Int32N(300)-150, random.Int32N(90)), at(random.Int32N(90), random.Int32N(90)))
		w.chair([]string{"2", "3", "5", "7"}[random.IntN(4)], at(random.Int32N(90), random.Int32N(90)))
	}
	d := w.dispatcher(0, DefaultParams())
	d.store = refusing{w.Store}
	w.round(d, 0)
	for _, p := range d.pairs {
		why := d.explainLocked(p)
		if got, want := int64(why.Cost(why.Chosen)), int64(p.cost)-int64(d.stock.candidates[p.ride].class)*classStep; got != want {
			t.Errorf("the terms add up to %d, the cost is %d", got, want)
		}
		for _, lost := range why.Lost {
			if lost.Chair == d.stock.chairs[p.chair].Ref {
				t.Error("the chosen chair lost")
			}
		}
	}
}

// BenchmarkReasons is what the reasons of a whole round take, to be set against
// BenchmarkRound of the same size.
func BenchmarkReasons(b *testing.B) {
	for _, size := range [][2]int{{50, 50}, {200, 200}, {200, 400}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			d := crowd(b, size[0], size[1], 50)
			if _, err := d.Round(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, p := range d.pairs {
					d.explainLocked(p)
				}
			}
		})
	}
}
