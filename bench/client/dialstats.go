package client

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// DialStats counts connections (B15.3).
type DialStats struct {
	Dials    int            `json:"dials"`
	Open     int            `json:"open"` // now, those being made included
	PeakOpen int            `json:"peak_open"`
	Errors   map[string]int `json:"errors"` // failed attempts by the name of the errno
	Routes   []RouteStats   `json:"routes"`
}

// RouteStats counts the connections of one pair of addresses.
type RouteStats struct {
	Route    Route `json:"route"`
	Dials    int   `json:"dials"`
	Open     int   `json:"open"`
	PeakOpen int   `json:"peak_open"`
	// TimeWait estimates how many ports were at most waiting for 60 s after the bench had
	// closed a connection first.
	TimeWait int `json:"time_wait"`
}

// timeWait is the time for which Linux keeps the port of a connection closed from this
// side.
const timeWait = 60 // seconds

// dialStats is shared by all loops.
type dialStats struct {
	mu     sync.Mutex
	total  DialStats
	closes []closeWindow // by route
}

func newDialStats(routes []Route) *dialStats {
	s := &dialStats{total: DialStats{Errors: map[string]int{}}, closes: make([]closeWindow, len(routes))}
	for _, r := range routes {
		s.total.Routes = append(s.total.Routes, RouteStats{Route: r})
	}
	return s
}

func (s *dialStats) started(route int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := &s.total, &s.total.Routes[route]
	t.Dials++
	t.Open++
	t.PeakOpen = max(t.PeakOpen, t.Open)
	r.Dials++
	r.Open++
	r.PeakOpen = max(r.PeakOpen, r.Open)
}

func (s *dialStats) failed(route int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Errors[errnoName(err)]++
}

func errnoName(err error) string {
	if errno := unix.Errno(0); errors.As(err, &errno) {
		return unix.ErrnoName(errno)
	}
	return "other"
}

// closed counts the end of a connection, which was open or only attempted.
func (s *dialStats) closed(route int, wasOpen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Open--
	s.total.Routes[route].Open--
	if wasOpen {
		s.closes[route].add(time.Now().Unix())
	}
}

// snapshot copies the figures.
func (s *dialStats) snapshot() DialStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.total
	t.Errors = make(map[string]int, len(s.total.Errors))
	for name, n := range s.total.Errors {
		t.Errors[name] = n
	}
	t.Routes = append([]RouteStats(nil), s.total.Routes...)
	for i := range t.Routes {
		t.Routes[i].TimeWait = s.closes[i].peak
	}
	return t
}

// A closeWindow counts the closes of the last timeWait seconds and remembers the most
// there ever were.
type closeWindow struct {
	counts [timeWait]int
	sum    int
	second int64 // of the last add
	peak   int
}

func (w *closeWindow) add(second int64) {
	for n := min(second-w.second, timeWait); n > 0; n-- {
		i := (second - n + 1) % timeWait
		w.sum -= w.counts[i]
		w.counts[i] = 0
	}
	w.second = max(w.second, second)
	w.counts[w.second%timeWait]++
	w.sum++
	w.peak = max(w.peak, w.sum)
}
