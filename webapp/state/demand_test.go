package state

import (
	"testing"

	"isuride/webapp/isuride"
)

func TestDemandIsCountedByRegion(t *testing.T) {
	s := new(Store)
	for i := range s.regions {
		s.regions[i].init()
	}
	here, there := isuride.Coordinate{}, isuride.Coordinate{Latitude: 300, Longitude: 300}
	s.Looked(here, true)
	s.Looked(there, false)
	s.Looked(there, false)
	s.regions[1].wait(&Ride{})
	if a, b := s.Region(0).Demand(), s.Region(1).Demand(); a != (Demand{Found: 1}) || b != (Demand{Futile: 2, Orders: 1}) {
		t.Errorf("%+v and %+v", a, b)
	}
	if n := testing.AllocsPerRun(10, func() { s.Looked(here, false) }); n != 0 {
		t.Errorf("%v allocations a look", n)
	}
}
