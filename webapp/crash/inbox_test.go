package crash

import (
	"fmt"
	"slices"
	"time"

	"isuride/webapp/servertest"
)

// inbox reads a recipient's notification streams over all lives of the server, and keeps
// what has come so far.
type inbox struct {
	w      *world
	c      *servertest.Client
	stream *servertest.Stream // nil while it does not listen
	life   *life              // of the stream
	fresh  bool               // nothing has come over the stream yet
	unread []string           // from a stream that was left

	last     notice
	received []notice // each once, in order
}

// notice identifies a message.
type notice struct{ ride, status string }

// receive waits for the next message. again says that it repeats the one before. With a
// timer it may also return nothing, when that fires.
func (e *inbox) receive(timer <-chan time.Time) (m servertest.Object, again bool, err error) {
	limit := time.NewTimer(servertest.RideLimit)
	defer limit.Stop()
	for {
		if len(e.unread) > 0 {
			line := e.unread[0]
			e.unread = e.unread[1:]
			return e.take(line)
		}
		if e.stream == nil {
			if err := e.listen(); err != nil {
				return nil, false, err
			}
		}
		select {
		case line, ok := <-e.stream.Lines:
			if ok {
				return e.take(line)
			}
			if err := e.ended(); err != nil {
				return nil, false, err
			}
		case <-timer:
			return nil, false, nil
		case <-e.w.stage.falling():
			return nil, false, errCurtain
		case <-limit.C:
			return nil, false, fmt.Errorf("nothing comes after %v", e.last)
		}
	}
}

func (e *inbox) listen() error {
	e.life = e.w.life.Load()
	stream, err := e.c.Open()
	if err != nil {
		return e.life.explain(err)
	}
	e.stream, e.fresh = stream, true
	return nil
}

// ended is called when all that the stream had was read.
func (e *inbox) ended() error {
	e.stream = nil
	if e.life != e.w.life.Load() {
		return nil // the server died while the actor was busy elsewhere
	}
	if e.w.p.Node != "" && !e.w.p.Leads() {
		return nil // on a busy machine another server may lead without a kill
	}
	return e.life.explain(fmt.Errorf("the stream ended after %v", e.last))
}

// close ends the stream from this side, and still receives what is on its way: otherwise
// the test could not know what the client has read (docs/notifications.md).
func (e *inbox) close() {
	if e.stream != nil {
		e.unread = append(e.unread, e.stream.Quit()...)
		e.stream = nil
	}
}

// take judges a message (S6.4): a stream may begin with the last one once more; all
// others follow the one before without a gap, over all streams and lives.
func (e *inbox) take(line string) (m servertest.Object, again bool, err error) {
	if m, err = servertest.Decode(line); err != nil {
		return nil, false, err
	}
	if m == nil {
		if !e.fresh || e.last != (notice{}) {
			return nil, false, fmt.Errorf("null comes after %v", e.last)
		}
		return nil, true, nil
	}
	e.w.life.Load().note(aMessage)
	now := notice{fmt.Sprint(m["ride_id"]), fmt.Sprint(m["status"])}
	again = e.fresh && now == e.last
	first := e.fresh
	e.fresh = false
	if again {
		return m, true, nil
	}
	if !e.follows(now) {
		return nil, false, fmt.Errorf("%v comes after %v (first of a stream: %v)", now, e.last, first)
	}
	e.last = now
	e.received = append(e.received, now)
	return m, false, nil
}

func (e *inbox) follows(now notice) bool {
	if e.last.status == "" || e.last.status == "COMPLETED" {
		return now.status == "MATCHING" && !slices.Contains(e.received, now)
	}
	i := slices.Index(servertest.Statuses, e.last.status)
	return now == notice{e.last.ride, servertest.Statuses[i+1]}
}
