package api

import (
	"net"
	"runtime"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/webapp/admission"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/state"
)

// TestChairThatLeftIsNotMatched: a client that has closed its stream is not told of a ride, although the
// goroutine that waits for its end has not seen it yet. It may have missed the end of the ride
// before, and its next stream begins with what was sent last.
func TestChairThatLeftIsNotMatched(t *testing.T) {
	c := newCity(t, admission.Off)
	gen := c.api.engine.Current()
	chair, ok := gen.Store.ChairByToken([]byte(strings.TrimPrefix(c.busy, "chair_session=")))
	if !ok {
		t.Fatal("the chair is missing")
	}
	l := mustBe[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	opened, told := make(chan struct{}), make(chan bool, 1)
	s := httpd.New(func(ctx *httpd.Ctx) {
		ctx.Stream(func(conn *httpd.Stream) { // nobody waits for its end before this returns
			close(opened)
			for !conn.Gone() {
				runtime.Gosched()
			}
			e := &eventStream{gen: gen, to: toChair(chair), counters: new(recipientCounters), conn: conn, log: chair.Log.Open(func() {})}
			_, ok := e.writeAll(nil)
			told <- ok
		})
	}, httpd.Options{})
	go s.Serve(l)
	client := mustBe[net.Conn](t)(net.Dial("tcp", l.Addr().String()))
	if _, err := client.Write([]byte(text("GET", "/api/chair/notification", c.busy, ""))); err != nil {
		t.Fatal(err)
	}
	bound.Receive(t, "the stream", opened)
	client.Close()
	if bound.Receive(t, "the end", told) {
		t.Error("the stream goes on")
	}
	chair.Log.View(func(_ []state.Message, delivered bool) {
		if delivered {
			t.Error("a chair whose client had left was sent its ride")
		}
	})
}
