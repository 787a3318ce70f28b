package dispatch

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"isuride/webapp/isuride"
)

// BenchmarkRound is one whole round that assigns nothing, so that each finds the same:
// stock, choice, costs and solution. It must stay below 10 ms at any size. Nearly square
// problems are the hard ones, above all if all rides begin in the middle, with the chairs
// around it.
func BenchmarkRound(b *testing.B) {
	for _, size := range [][2]int{{50, 50}, {200, 200}, {200, 400}, {400, 200}, {1000, 1000}, {5, 4000}, {15000, 100}, {15000, 4000}} {
		for _, radius := range []int32{50, 5} {
			b.Run(fmt.Sprintf("%dx%d/within%d", size[0], size[1], radius), func(b *testing.B) {
				d := crowd(b, size[0], size[1], radius)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := d.Round(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// crowd makes a dispatcher whose rides begin within radius of the centre, and whose store
// assigns nothing.
func crowd(b *testing.B, rides, chairs int, radius int32) *Dispatcher {
	random := rand.New(rand.NewPCG(1, 2))
	within := func(radius int32) isuride.Coordinate {
		return at(random.Int32N(2*radius)-radius, random.Int32N(2*radius)-radius)
	}
	w := newTown(b)
	for range rides {
		w.ride(within(radius), within(50))
	}
	for range chairs {
		w.chair([]string{"2", "3", "7"}[random.IntN(3)], within(50))
	}
	d := w.dispatcher(0, DefaultParams())
	d.store = refusing{w.Store}
	return d
}
