package client

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"isuride/bench/client/burn"
	"isuride/bench/world"
	"isuride/tools/dev/allocs"
)

// fakeBurner burns nothing but what it counts.
type fakeBurner struct{ used atomic.Int64 }

func (f *fakeBurner) Burn(d time.Duration) { f.used.Add(int64(d)) }

func (f *fakeBurner) CPU() time.Duration { return time.Duration(f.used.Load()) }

// dear adds a pool at official prices to a rig's engine, which closes it.
func dear(c *Config) (*burn.Pool, *fakeBurner) {
	f := new(fakeBurner)
	p := burn.Official()
	p.Idle = 0 // depends on the clock
	c.Burner = burn.New(p, []burn.Burner{f})
	return c.Burner, f
}

// charged checks what was burned since the reading before.
func charged(t *testing.T, what string, p *burn.Pool, f *fakeBurner, before burn.Use, want burn.Bill) burn.Use {
	t.Helper()
	u := p.Use()
	since := u.Since(before)
	if since.Counts != want {
		t.Errorf("%s: charged %v, want %v", what, since.Counts, want)
	}
	if since.Burned != since.Due() || f.CPU() != u.Burned {
		t.Errorf("%s: burned %v, due are %v", what, since.Burned, since.Due())
	}
	return u
}

// TestBurnCalls: a call is charged once, a connection when there is a new one.
func TestBurnCalls(t *testing.T) {
	for _, scheme := range []string{"http", "https", "https with HTTP/2"} {
		t.Run(scheme, func(t *testing.T) {
			h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"recorded_at":1}`) })
			addr, protocol := "", "https"
			switch scheme {
			case "http":
				addr, protocol = serve(t, h), "http"
			default:
				addr = serveTLS(t, scheme != "https", h)
			}
			var p *burn.Pool
			var f *fakeBurner
			r := newRig(t, protocol, addr, func(c *Config) { p, f = dear(c) })
			c := r.chair()
			r.ok(r.one(func() { c.PostPosition(world.Point{}) }))
			r.until("booked", func() bool { return p.Use().Passed == 1 })
			u := charged(t, "first", p, f, burn.Use{}, burn.Bill{burn.Call: 1, burn.Connection: 1})
			r.ok(r.one(func() { c.PostPosition(world.Point{X: 1}) }))
			r.until("booked", func() bool { return p.Use().Passed == 2 })
			charged(t, "second", p, f, u, burn.Bill{burn.Call: 1})
		})
	}
}

// TestBurnEvents: opening a stream is a call, each notification an event, and they keep
// their order.
func TestBurnEvents(t *testing.T) {
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			fmt.Fprintf(w, "data: {\"ride_id\":\"r%d\",\"user\":{\"id\":\"u\",\"name\":\"n\"},\"pickup_coordinate\":{\"latitude\":0,\"longitude\":0},\"destination_coordinate\":{\"latitude\":0,\"longitude\":0},\"status\":\"MATCHING\"}\n\n", i)
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	var p *burn.Pool
	var f *fakeBurner
	r := newRig(t, "http", addr, func(c *Config) { p, f = dear(c) })
	c := r.chair()
	for i, e := range r.do(5, c.OpenNotifications) {
		if got := e.Body.(*world.ChairNotification).RideID; got != fmt.Sprintf("r%d", i) {
			t.Errorf("notification %d is of ride %s", i, got)
		}
	}
	r.until("booked", func() bool { return p.Use().Passed == 5 })
	charged(t, "stream", p, f, burn.Use{}, burn.Bill{burn.Call: 1, burn.Connection: 1, burn.Event: 5})
}

// TestBurnPolls: each poll is a call, also one without a message.
func TestBurnPolls(t *testing.T) {
	var n atomic.Int32
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 3 {
			<-r.Context().Done()
			return
		}
		io.WriteString(w, `{"data":null,"retry_after_ms":1}`)
	}))
	var p *burn.Pool
	var f *fakeBurner
	r := newRig(t, "http", addr, func(c *Config) { p, f = dear(c); c.Limits.Reconnect = time.Millisecond })
	r.loop.Post(taskFunc(r.chair().OpenNotifications))
	r.until("polled", func() bool { return p.Use().Passed == 3 })
	charged(t, "polls", p, f, burn.Use{}, burn.Bill{burn.Call: 3, burn.Connection: 1})
}

// TestBurnFiles: a file is charged as one when it comes, and as one from the cache at
// later uses, confirmed ones included.
func TestBurnFiles(t *testing.T) {
	for _, c := range []struct {
		name   string
		header http.Header
		coding string
		visits [2]burn.Bill
		pieces [2]int // of work: files that come, and the end of the visit
	}{
		{"no caching", nil, "", [2]burn.Bill{{burn.File: 3, burn.Connection: 1}, {burn.File: 3}}, [2]int{4, 4}},
		{"brotli", nil, "br", [2]burn.Bill{{burn.File: 3, burn.Connection: 1}, {burn.File: 3}}, [2]int{4, 4}},
		{"validators", http.Header{"Etag": {`"v"`}}, "", [2]burn.Bill{{burn.File: 3, burn.Connection: 1}, {burn.File: 3, burn.Cached: 3}}, [2]int{4, 1}},
		{"max-age", http.Header{"Cache-Control": {"max-age=1000"}}, "gzip", [2]burn.Bill{{burn.File: 3, burn.Connection: 1}, {burn.Cached: 3}}, [2]int{4, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			front := newFrontEnd(c.header, c.coding)
			var p *burn.Pool
			var f *fakeBurner
			r := newRig(t, "http", serve(t, front), func(cfg *Config) { cfg.Static = front.list(t); p, f = dear(cfg) })
			user, before := r.user(), burn.Use{}
			for i, want := range c.visits {
				r.ok(r.one(func() { user.Visit(world.VisitRideRequest) }))
				r.until("booked", func() bool { return p.Use().Passed == before.Passed+c.pieces[i] })
				before = charged(t, fmt.Sprintf("visit %d", i), p, f, before, want)
			}
		})
	}
}

// TestBurnedContent: a file with another content than listed fails the visit, as ever.
func TestBurnedContent(t *testing.T) {
	front := newFrontEnd(nil, "gzip")
	list := front.list(t)
	front.files["/b.js"] = "bad()"
	r := newRig(t, "http", serve(t, front), func(cfg *Config) { cfg.Static = list; dear(cfg) })
	if got := r.one(func() { r.user().Visit(world.VisitRideRequest) }); got.Failure == nil || got.Failure.Kind != world.FailureContent {
		t.Errorf("got %v", got.Failure)
	}
}

// TestNothingBurned: without a pool an event costs what it did before: no allocation.
func TestNothingBurned(t *testing.T) {
	r := newRig(t, "http", serve(t, http.NotFoundHandler()), nil)
	c := r.chair()
	if c.call.lane != nil || c.feed.lane != nil {
		t.Fatal("there is a lane")
	}
	s := c.shard
	r.engine.deliver = func(world.Instant, world.Event) {}
	d := delivery{event: world.Event{To: c.to, Kind: world.EventPositionRecorded}}
	emit := func() {
		c.call.lane.Owe(burn.Call)
		s.outbox = append(s.outbox, d) // the outbox is not empty, so that emit defers nothing
		s.emit(c.call.lane, d)
		s.sendOutbox()
	}
	emit()
	if n := allocs.PerRun(1000, emit); n != 0 {
		t.Errorf("%v allocations for an event", n)
	}
}
