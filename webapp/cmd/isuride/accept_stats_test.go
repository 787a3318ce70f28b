package main

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
)

// TestStats is line 8 of appendix D (S6.3): a chair's stats in the user's messages
// stand still from ENROUTE to ARRIVED and change with COMPLETED.
func TestStats(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("over three rides, zero first", statsOverRides)
		p.rule("a message that is read late tells what was true at its status", func(p *process) {
			lateStats(p, func() {})
		})
		p.rule("and so it does behind a restart", func(p *process) {
			lateStats(p, func() { p.stop(); p.start() })
		})
		p.rule("a repetition tells the same", func(p *process) {
			s := p.scene()
			first := s.user
			ride := s.ride()
			first.listen().expect(ride, statuses...)
			s.user, _ = p.user("second", "")
			s.ride() // of the same chair
			first.listen().wantStats(ride, "COMPLETED", 1, 5)
		})
	})
}

// statsOverRides rates 5, 4 and 2; the mean of three has a fraction.
func statsOverRides(p *process) {
	s := p.scene()
	var ratings []int
	for i, rating := range []int{5, 4, 2} {
		s.user, _ = p.user(fmt.Sprint("rider ", i), "")
		ride := s.user.request(pickup, destination)
		stream := s.user.listen()
		stream.expect(ride, "MATCHING")
		for _, status := range between("MATCHING", "ARRIVED") {
			s.step(ride, status)
			stream.wantStats(ride, status, len(ratings), ratings...)
		}
		s.user.rate(ride, rating)
		ratings = append(ratings, rating)
		stream.wantStats(ride, "COMPLETED", len(ratings), ratings...)
	}
}

// wantStats reads the next message: the chair has so many rides, and the mean of these
// ratings. The average is there even if it is zero (trap T1).
func (e *events) wantStats(ride, status string, rides int, ratings ...int) {
	t := e.c.t
	t.Helper()
	chair, ok := e.expect(ride, status)["chair"].(object)
	if !ok && status == "MATCHING" {
		return // not assigned yet
	}
	stats, _ := chair["stats"].(object)
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
	if n := integer(t, stats["total_rides_count"]); n != int64(rides) {
		t.Errorf("%s: there are %d rides, want %d", status, n, rides)
	}
}

// lateStats: the first rider reads nothing until its ride and the next one of the same
// chair are over.
func lateStats(p *process, meanwhile func()) {
	s := p.scene()
	first := s.user
	firstRide := s.ride() // rated 5
	s.user, _ = p.user("second", "")
	second := s.user
	secondRide := second.request(pickup, destination)
	s.drive(secondRide, "MATCHING", "ARRIVED")
	second.rate(secondRide, 2)
	meanwhile()

	stream := first.listen()
	stream.expect(firstRide, "MATCHING")
	for _, status := range between("MATCHING", "ARRIVED") {
		stream.wantStats(firstRide, status, 0)
	}
	stream.wantStats(firstRide, "COMPLETED", 1, 5)
	stream = second.listen()
	stream.expect(secondRide, "MATCHING")
	for _, status := range between("MATCHING", "ARRIVED") {
		stream.wantStats(secondRide, status, 1, 5)
	}
	stream.wantStats(secondRide, "COMPLETED", 2, 5, 2)
}
