package client

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"isuride/bench/world"
)

// userMessage is a notification to a user, recognisable by its fare.
func userMessage(fare int) string {
	return fmt.Sprintf(`{"ride_id":"R","pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4},"fare":%d,"status":"MATCHING"}`, fare)
}

func fares(events []world.Event) (got []int) {
	for _, e := range events {
		got = append(got, e.Body.(*world.UserNotification).Fare)
	}
	return got
}

// quick makes a test connect again at once. No other limit is reached, however busy the machine is.
func quick(c *Config) {
	c.Limits = Limits{Call: patience, Notification: patience, Idle: patience, Reconnect: time.Millisecond}
}

// hasty is quick for servers that do not answer.
func hasty(c *Config) {
	quick(c)
	c.Limits.Call = 100 * time.Millisecond
}

// streams serves event streams: each connection gets what the next function of the list
// writes, and what the last one writes if there are more.
func streams(t *testing.T, scripts ...func(w io.Writer, r *http.Request)) string {
	var n atomic.Int32
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.WriteHeader(http.StatusAccepted) // the status is not looked at
		w.(http.Flusher).Flush()
		scripts[min(i, len(scripts)-1)](flusher{w}, r)
	}))
}

type flusher struct{ http.ResponseWriter }

func (f flusher) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	f.ResponseWriter.(http.Flusher).Flush()
	return n, err
}

func untilClosed(_ io.Writer, r *http.Request) { <-r.Context().Done() }

func TestStreamLines(t *testing.T) {
	addr := streams(t, func(w io.Writer, r *http.Request) {
		io.WriteString(w, ": comment\nid: 5\nevent: x\ndata: null\n\n")
		io.WriteString(w, "data:"+userMessage(1)+"\n\n")
		io.WriteString(w, "data: "+userMessage(2)+"\r\n\r\ndata:"+userMessage(3)[:20]) // the rest follows
		io.WriteString(w, userMessage(3)[20:]+"\n")
		io.WriteString(w, "data: {\"chair\":null}\n")                                         // undecodable: dropped
		io.WriteString(w, "data: "+strings.Repeat(" ", 60<<10)+userMessage(4)+"\n")           // long, but not too long
		io.WriteString(w, " data: "+userMessage(9)+"\nDATA: "+userMessage(9)+"\ndata"+"\n\n") // not data lines
		io.WriteString(w, "data:"+userMessage(5))                                             // ends without a line end
	}, func(w io.Writer, r *http.Request) {
		io.WriteString(w, "data:"+userMessage(6)+"\n")
		untilClosed(w, r)
	})
	r := newRig(t, "http", addr, quick)
	u := r.user()
	got := fares(r.do(6, u.OpenNotifications))
	if fmt.Sprint(got) != "[1 2 3 4 5 6]" {
		t.Errorf("got %v", got)
	}
	c := r.engine.Counts()
	if c.Streams != 2 || c.Messages != 6 || c.Dropped != 1 || !strings.Contains(c.DroppedExample, `want '{'`) {
		t.Errorf("counts %+v", c)
	}
}

// TestStreamTooLong checks that a line of more than 64 KiB ends the stream, and a new one
// is opened.
func TestStreamTooLong(t *testing.T) {
	addr := streams(t, func(w io.Writer, r *http.Request) {
		io.WriteString(w, "data:"+userMessage(1)+"\ndata:"+strings.Repeat(" ", 70<<10))
		untilClosed(w, r)
	}, func(w io.Writer, r *http.Request) {
		io.WriteString(w, "data:"+userMessage(2)+"\n")
		untilClosed(w, r)
	})
	r := newRig(t, "http", addr, quick)
	if got := fares(r.do(2, r.user().OpenNotifications)); fmt.Sprint(got) != "[1 2]" {
		t.Errorf("got %v", got)
	}
}

// TestStreamLimit checks the client's own limit of a stream, which on a busy machine may end more streams than
// the first.
func TestStreamLimit(t *testing.T) {
	addr := streams(t, untilClosed, func(w io.Writer, r *http.Request) {
		io.WriteString(w, "data:"+userMessage(2)+"\n")
		untilClosed(w, r)
	})
	r := newRig(t, "http", addr, func(c *Config) {
		quick(c)
		c.Limits.Notification = 20 * time.Millisecond
	})
	if got := fares(r.do(1, r.user().OpenNotifications)); fmt.Sprint(got) != "[2]" {
		t.Errorf("got %v", got)
	}
}

// TestCloseNotifications checks that closing ends the connection and what is on its way.
func TestCloseNotifications(t *testing.T) {
	closed := make(chan struct{})
	addr := streams(t, func(w io.Writer, r *http.Request) {
		io.WriteString(w, "data:"+userMessage(1)+"\n")
		<-r.Context().Done()
		close(closed)
	})
	r := newRig(t, "http", addr, quick)
	u := r.user()
	r.do(1, u.OpenNotifications)
	r.loop.Post(taskFunc(u.CloseNotifications))
	r.until("server saw the end", func() bool {
		select {
		case <-closed:
			return true
		default:
			return false
		}
	})
	if d := r.engine.Dials(); d.Open != 0 || d.Routes[0].TimeWait != 1 {
		t.Errorf("dials %+v", d)
	}
}

// TestBackPressure checks that a flooded entity stops reading at the window, goes on when
// something is taken, and gets everything in order.
func TestBackPressure(t *testing.T) {
	padding := strings.Repeat(" ", 3000)
	for _, c := range []struct {
		name, scheme string
		serve        func(*testing.T, http.Handler) string
		loops        int
	}{
		{"http", "http", serve, 0},
		{"other loop", "http", serve, 1},
		{"https", "https", func(t *testing.T, h http.Handler) string { return serveTLS(t, false, h) }, 0},
		{"http2", "https", func(t *testing.T, h http.Handler) string { return serveTLS(t, true, h) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			const flood = 4000 // of 3 KiB each: more than the sockets hold
			var sent atomic.Int64
			addr := c.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for i := range flood {
					if _, err := io.WriteString(w, "data:"+userMessage(i)+padding+"\n\n"); err != nil {
						return
					}
					sent.Add(1)
				}
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}))
			r := newRig(t, c.scheme, addr, func(cfg *Config) { quick(cfg); cfg.Limits.Notification = time.Minute; cfg.Loops = c.loops })
			u := r.user()
			u.OpenNotifications()
			next := 0
			for next < flood {
				r.until("a full window or the end", func() bool { return len(r.events) == min(world.NotificationWindow, flood-next) })
				for _, e := range r.events {
					if got := e.Body.(*world.UserNotification).Fare; got != next {
						t.Fatalf("got %d, want %d", got, next)
					}
					next++
				}
				if next == world.NotificationWindow && sent.Load() == flood {
					t.Error("the server could send everything to a client that had stopped reading")
				}
				n := len(r.events)
				r.events = nil
				r.loop.Post(taskFunc(func() { u.NotificationsTaken(n) }))
			}
		})
	}
}

func TestPolling(t *testing.T) {
	answers := []struct {
		status int
		body   string
	}{
		{200, `{"data":null,"retry_after_ms":3600000}`}, // the first wish is not heard
		{200, `{"data":` + userMessage(1) + `,"retry_after_ms":1}`},
		{500, `{}`},
		{200, `garbage`},
		{200, `{"data":{"chair":null}}`},
		{200, `{"data":` + userMessage(1) + `}`},
		{200, `{"data":` + userMessage(2) + `,"retry_after_ms":0}`},
	}
	var n, conns atomic.Int32
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := min(int(n.Add(1))-1, len(answers)-1)
		w.Header().Set("Content-Type", "application/json")
		if i == len(answers)-1 {
			conns.Add(1)
		}
		w.WriteHeader(answers[i].status)
		io.WriteString(w, answers[i].body)
	}))
	r := newRig(t, "http", addr, quick)
	u := r.user()
	events := r.do(4, u.OpenNotifications)
	if got := fares(events); fmt.Sprint(got) != "[1 1 2 2]" {
		t.Errorf("got %v", got)
	}
	if events[2].Body != events[3].Body {
		t.Error("a repeated message was decoded again")
	}
	if d := r.engine.Dials(); d.Dials != 1 {
		t.Errorf("%d connections for polling", d.Dials)
	}
	if c := r.engine.Counts(); c.Dropped != 3 {
		t.Errorf("counts %+v", c)
	}
}

// TestPollingWindow checks that a polling entity stops at the window, too.
func TestPollingWindow(t *testing.T) {
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"data":`+userMessage(1)+`,"retry_after_ms":0}`)
	}))
	r := newRig(t, "http", addr, quick)
	u := r.user()
	r.do(world.NotificationWindow, u.OpenNotifications)
	r.until("blocked", func() bool { return u.feed.blocked.Load() })
	r.do(7, func() { u.NotificationsTaken(7) })
	r.until("blocked again", func() bool { return u.feed.blocked.Load() })
}

// TestFeedSurvives makes connections fail in several ways before one works.
func TestFeedSurvives(t *testing.T) {
	var n atomic.Int32
	addr := listen(t, func(c net.Conn) {
		defer c.Close()
		io.ReadAtLeast(c, make([]byte, 4096), 20)
		switch n.Add(1) {
		case 1: // closed at once
		case 2:
			io.WriteString(c, "garbage\n\n")
		case 3:
			c.(*net.TCPConn).SetLinger(0) // reset
		case 4:
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata:"+userMessage(1)+"\nda")
		case 5:
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
		case 6:
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"data\":")
		default:
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata:"+userMessage(2)+"\n")
		}
	})
	r := newRig(t, "http", addr, quick)
	if got := fares(r.do(2, r.user().OpenNotifications)); fmt.Sprint(got) != "[1 2]" {
		t.Errorf("got %v", got)
	}
}
