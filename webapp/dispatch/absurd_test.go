package dispatch

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// absurd are rides that no town has. Each begins in the region of (0,0).
var absurd = []struct {
	name     string
	from, to isuride.Coordinate
}{
	{"destination", at(0, 0), at(math.MaxInt32, math.MaxInt32)},
	{"negative destination", at(0, 0), at(math.MinInt32, math.MinInt32)},
	{"just out of town", at(0, 0), at(150, -51)},
	{"pickup", at(-100_000, 0), at(-100_000, 100)},
	{"both negative", at(math.MinInt32, math.MinInt32), at(math.MinInt32, math.MinInt32)},
	{"as far as can be", at(math.MinInt32, math.MinInt32), at(math.MaxInt32, math.MaxInt32)},
	{"pickup at the edge of the world", at(math.MinInt32, 0), at(math.MinInt32, 200)},
}

// However many younger absurd rides wait, an ordinary ride has its chair in the round in
// which it would have it without them, or in the next, whether it is past the ramp or
// not.
func TestAbsurdRidesTakeNobodysPlace(t *testing.T) {
	for _, a := range absurd {
		for _, crowd := range []int{1, 10, 210} {
			for _, age := range []time.Duration{0, 3 * time.Second, 22 * time.Second} {
				for _, speeds := range []string{"7", "2", "27", "7253"} {
					t.Run(fmt.Sprintf("%s/%d/%v/%s", a.name, crowd, age, speeds), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							alone := places(newTown(t), age, speeds, func(*town) {})
							beside := places(newTown(t), age, speeds, func(w *town) {
								for range crowd {
									w.ride(a.from, a.to)
								}
							})
							for i := range alone {
								if beside[i] > alone[i]+1 {
									t.Errorf("ride %d has its chair in round %d, alone in round %d", i, beside[i], alone[i])
								}
							}
						})
					})
				}
			}
		}
	}
}

// places are the rounds in which ten ordinary rides get a chair. Others come when they
// have waited for a while, and then four chairs before each round.
func places(w *town, age time.Duration, speeds string, others func(*town)) []int {
	w.t.Helper()
	var rides []*state.Ride
	for i := range int32(10) {
		rides = append(rides, w.ride(at(5*i-20, 20), at(5*i-20, 20+3*i)))
	}
	time.Sleep(age)
	others(w)
	d := w.dispatcher(0, DefaultParams())
	rounds := make([]int, len(rides))
	for round := 1; round <= 30; round++ {
		for i := range 4 {
			w.chair(speeds[(round+i)%len(speeds):][:1], at(0, 0))
		}
		_, err := d.Round()
		must(w.t, err)
		for i, r := range rides {
			if rounds[i] == 0 && r.Chair() != nil {
				rounds[i] = round
			}
		}
	}
	for i := range rounds {
		if rounds[i] == 0 {
			rounds[i] = math.MaxInt32 // never
		}
	}
	return rounds
}

// Past the ramp rides are served by age alone, also when they wait so long that no number
// could tell their ages apart, are more than the solver sees, or differ by less than a
// tick.
func TestPastTheRampAgeAloneCounts(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Minute, 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := newTown(t)
			p := DefaultParams()
			var rides []*state.Ride
			for i := range p.MaxRides + 50 {
				far := int32(i) // the younger the dearer, and the nearer
				rides = append(rides, w.ride(at(50-far%50, 0), at(50-far%50, far%150)))
				time.Sleep(time.Millisecond)
			}
			time.Sleep(p.Ramp + wait)
			d := w.dispatcher(0, p)
			for served := 0; served < 30; served += 3 {
				for range 3 {
					w.chair("7", at(0, 0))
				}
				w.round(d, 3)
				for i, r := range rides {
					if (r.Chair() != nil) != (i < served+3) {
						t.Fatalf("after %v more, %d chairs: ride %d has one: %v", wait, served+3, i, r.Chair() != nil)
					}
				}
			}
		})
	}
}

// The reserve holds no chair back from a ride past the ramp.
func TestNoReservePastTheRamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		for i := range int32(30) {
			w.ride(at(i, 0), at(i, 30))
		}
		time.Sleep(DefaultParams().Ramp)
		for i := range int32(30) {
			w.ride(at(i, 0), at(i, 30))
			w.chair("3", at(i, 1))
		}
		w.round(w.dispatcher(0, DefaultParams()), 30)
	})
}

// Absurd rides do not make the reserve larger, which ordinary ones would wait for.
func TestAbsurdRidesMakeNoReserve(t *testing.T) {
	w := newTown(t)
	for i := range int32(4) {
		w.ride(at(i, 0), at(i, 30))
		w.chair("3", at(i, 1))
	}
	for range 100 {
		w.ride(at(0, 0), at(math.MaxInt32, 0))
	}
	w.round(w.dispatcher(0, DefaultParams()), 4)
}

// A chair anywhere, of any speed that the table of models holds, costs a finite number.
func TestCostsStayInTheirClass(t *testing.T) {
	p := DefaultParams()
	w := newTown(t)
	p.AgeWeight, p.TripWeight, p.CarryWeight = 1<<30, 1<<30, 1<<30
	for _, a := range absurd {
		r := w.ride(a.from, a.to)
		for _, age := range []time.Duration{-time.Hour, 0, p.Ramp, math.MaxInt64} {
			for _, speed := range []int{math.MinInt32, 0, 1, math.MaxInt32} {
				chairs := []state.FreeChair{{Chair: &state.Chair{Speed: speed}, At: at(math.MaxInt32, math.MaxInt32)}}
				c := candidate{r, p.classOf(r, age), p.rideCost(r, age)}
				cost := int64(p.fill(nil, []candidate{c}, chairs)[0])
				if off := cost - int64(c.class)*classStep; off < -maxCost || off > maxCost {
					t.Errorf("%s, age %v, speed %d: cost %d in class %d", a.name, age, speed, cost, c.class)
				}
			}
		}
	}
}
