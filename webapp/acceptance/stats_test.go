package acceptance

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"isuride/webapp/servertest"
)

// TestStats is line 8 of appendix D (S6.3): a chair's stats in the user's messages
// stay the same from ENROUTE to ARRIVED and change with COMPLETED.
func TestStats(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("over three rides, zero first", statsOverRides)
		p.Rule("a message that is read late tells what was true at its status", func(p *servertest.Process) {
			lateStats(p, func() {})
		})
		p.Rule("and so it does after a restart", func(p *servertest.Process) {
			lateStats(p, func() { p.Stop(); p.Start() })
		})
		p.Rule("a repetition tells the same", func(p *servertest.Process) {
			s := p.Scene()
			first := s.User
			ride := s.Ride()
			first.Listen().Expect(ride, servertest.Statuses...)
			s.User, _ = p.User("second", "")
			s.Ride() // of the same chair
			wantStats(first.Listen(), ride, "COMPLETED", 1, 5)
		})
	})
}

// statsOverRides rates 5, 4 and 2; the mean of three has a fraction.
func statsOverRides(p *servertest.Process) {
	s := p.Scene()
	var ratings []int
	for i, rating := range []int{5, 4, 2} {
		s.User, _ = p.User(fmt.Sprint("rider ", i), "")
		ride := s.User.Request(servertest.Pickup, servertest.Destination)
		stream := s.User.Listen()
		stream.Expect(ride, "MATCHING")
		for _, status := range servertest.Between("MATCHING", "ARRIVED") {
			s.Step(ride, status)
			wantStats(stream, ride, status, len(ratings), ratings...)
		}
		s.User.Rate(ride, rating)
		ratings = append(ratings, rating)
		wantStats(stream, ride, "COMPLETED", len(ratings), ratings...)
	}
}

// wantStats reads the next message: the chair has so many rides, and the mean of these
// ratings. The average is there even if it is zero (trap T1).
func wantStats(e *servertest.Stream, ride, status string, rides int, ratings ...int) {
	t := e.Client.T
	t.Helper()
	chair, ok := e.Expect(ride, status)["chair"].(servertest.Object)
	if !ok && status == "MATCHING" {
		return // not assigned yet
	}
	stats, _ := chair["stats"].(servertest.Object)
	average, ok := stats["total_evaluation_avg"].(json.Number)
	if !ok {
		t.Fatalf("%s: the stats are %v", status, stats)
	}
	got, err := average.Float64()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, r := range ratings {
		sum += r
	}
	if want := float64(sum) / float64(max(rides, 1)); math.Abs(got-want) > 0.01 {
		t.Errorf("%s: the average is %v, want %v", status, got, want)
	}
	if n := servertest.Integer(t, stats["total_rides_count"]); n != int64(rides) {
		t.Errorf("%s: there are %d rides, want %d", status, n, rides)
	}
}

// lateStats: the first rider reads nothing until its ride and the next one of the same
// chair are over.
func lateStats(p *servertest.Process, meanwhile func()) {
	s := p.Scene()
	first := s.User
	firstRide := s.Ride() // rated 5
	s.User, _ = p.User("second", "")
	second := s.User
	secondRide := second.Request(servertest.Pickup, servertest.Destination)
	s.Drive(secondRide, "MATCHING", "ARRIVED")
	second.Rate(secondRide, 2)
	meanwhile()

	stream := first.Listen()
	stream.Expect(firstRide, "MATCHING")
	for _, status := range servertest.Between("MATCHING", "ARRIVED") {
		wantStats(stream, firstRide, status, 0)
	}
	wantStats(stream, firstRide, "COMPLETED", 1, 5)
	stream = second.Listen()
	stream.Expect(secondRide, "MATCHING")
	for _, status := range servertest.Between("MATCHING", "ARRIVED") {
		wantStats(stream, secondRide, status, 1, 5)
	}
	wantStats(stream, secondRide, "COMPLETED", 2, 5, 2)
}
