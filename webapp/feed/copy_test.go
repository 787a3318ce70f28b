package feed

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

const allTables = "users,owners,chairs,positions,rides,statuses,coupons,payments,matches,city"

// expectFresh compares a copy with what a new subscription begins with.
func (r *reader) expectFresh() {
	r.w.t.Helper()
	r.settle()
	request := r.request
	request.Resume, request.Since, request.Speed = "", "", ""
	fresh := r.w.subscribe(request)
	defer fresh.conn.Close()
	fresh.settle()
	for name, want := range fresh.copy.tables {
		if name == "matches" {
			continue // a log begins empty
		}
		if got := r.copy.Rows(name); !maps.Equal(got, want) {
			r.w.t.Fatalf("%s of %v differ at %v:\n%s", name, r.request.Viewer, r.copy.Position(), difference(got, want))
		}
	}
}

func difference(got, want map[string]string) (text string) {
	for k, v := range want {
		if got[k] != v {
			text += "copy  " + got[k] + "\nfresh " + v + "\n"
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			text += "only in the copy: " + v + "\n"
		}
	}
	return text
}

// viewers are of all classes, some of accounts that do much.
func (w *town) viewers() (requests []Request) {
	requests = append(requests, Request{Tables: allTables, Viewer: Viewer{Class: Operator}}, Request{Tables: "city"},
		Request{Tables: "city", Filter: "kind=ride"}, Request{Tables: allTables, Viewer: Viewer{Class: Operator}, Interval: "1000"},
		Request{Tables: "city", Interval: "100"})
	if len(w.userIDs) > 0 {
		requests = append(requests, Request{Tables: "users,rides,statuses,coupons,payments", Viewer: Viewer{User, w.userIDs[0]}})
	}
	if len(w.ownerIDs) > 0 {
		requests = append(requests, Request{Tables: "owners,chairs,positions,city", Viewer: Viewer{Owner, w.ownerIDs[0]}})
	}
	if len(w.chairIDs) > 0 {
		id := w.chairIDs[0]
		requests = append(requests, Request{Tables: "chairs,positions,rides,statuses", Viewer: Viewer{Chair, id}},
			Request{Tables: "rides,positions", Filter: "rides.chair_id=" + id + ",positions.chair_id=" + id + "|x", Viewer: Viewer{Class: Operator}})
	}
	return requests
}

// TestCopies: those who follow have at every heartbeat what a new subscription begins with,
// over disconnects, restarts and initializes.
func TestCopies(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	for round := range uint64(6) {
		synctest.Test(t, func(t *testing.T) {
			w := newTown(t, *seed, round)
			w.act(300)
			var readers []*reader
			for _, r := range w.viewers() {
				if round%3 == 2 && r.Viewer.Class != Public {
					continue // the city alone is told in a shorter way
				}
				readers = append(readers, w.subscribe(r))
			}
			for range 25 {
				readers = w.disturb(readers)
			}
			for _, r := range readers {
				r.expectFresh()
				r.conn.Close()
			}
		})
	}
}

// disturb lets some time pass in the town, and something happen to its readers.
func (w *town) disturb(readers []*reader) []*reader {
	w.act(w.IntN(120))
	for _, r := range readers {
		switch w.IntN(6) {
		case 0:
			r.reconnect()
		case 1:
			r.expectFresh()
		case 2:
			for range w.IntN(40) {
				r.next()
			}
		case 3:
			r.settle()
			r.conn.Checksum("", r.copyTable(w))
			w.act(20)
			r.settle()
		default:
			r.drain()
		}
	}
	switch w.IntN(12) {
	case 0:
		w.restart()
		for _, r := range readers {
			r.drain()
			r.reconnect()
		}
	case 1:
		w.initialize()
		w.act(100)
		return w.without(readers)
	case 2, 3:
		change := []func(){w.reopen, w.rebuild}[w.IntN(2)]
		for _, r := range readers {
			r.settle()
			r.frames = nil
		}
		change()
		w.act(20)
		for _, r := range readers {
			r.settle()
			r.expectNoPartial()
		}
	}
	return readers
}

// expectNoPartial: who has everything up to an event needs none to go on elsewhere.
func (r *reader) expectNoPartial() {
	r.w.t.Helper()
	for _, f := range r.frames {
		if f.Action == Partial || f.Action == Failed {
			r.w.t.Fatalf("a reader that is up to date gets %s", summary(&f))
		}
	}
}

// without lets those go whose accounts the initialize has taken.
func (w *town) without(readers []*reader) (rest []*reader) {
	w.t.Helper()
	for _, r := range readers {
		if c := r.request.Viewer.Class; c == Public || c == Operator {
			rest = append(rest, r)
			continue
		}
		time.Sleep(time.Second)
		r.drain()
		if n := len(r.failed); n == 0 || r.failed[n-1].Code != UnknownAccount {
			w.t.Fatalf("the account is gone, and its reader was told %+v", r.failed)
		}
		r.conn.Close()
	}
	return rest
}

func (r *reader) copyTable(w *town) string {
	scope, _ := newScope(&r.request)
	return tables[scope.order[w.IntN(len(scope.order))]].name
}
