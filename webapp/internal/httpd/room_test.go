package httpd

import (
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// crowd is a server that is full as soon as max clients are there.
type crowd struct {
	*pipes
	t       *testing.T
	srv     *Server
	release chan struct{}
}

func crowded(t *testing.T, max int, test func(t *testing.T, c *crowd)) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{pipes: newPipes(), t: t, release: make(chan struct{})}
		c.srv = serve(t, c.pipes, func(x *Ctx) {
			switch string(x.Path()) {
			case "/slow":
				<-c.release
			case "/stream":
				x.SetOwner(string(x.Query()))
				x.Stream(func(*Stream) {})
			}
		}, Options{MaxConns: max})
		test(t, c)
	})
}

func (c *crowd) idle() client {
	x := c.dial(c.t)
	x.send(lines("GET / HTTP/1.1", "Host: x"))
	x.expect(ok(""))
	return x
}

func (c *crowd) stream(owner string) client {
	x := c.dial(c.t)
	x.send(lines("GET /stream?"+owner+" HTTP/1.1", "Host: x"))
	x.expect(streamHead + "\r\n")
	return x
}

// insist keeps a stream open, and opens another one whenever it ends.
func (c *crowd) insist(owner string, stop chan bool) {
	for {
		mine, theirs := pipe(c.t)
		select {
		case c.conns <- theirs:
		case <-stop:
			return
		}
		go mine.Write([]byte(lines("GET /stream?"+owner+" HTTP/1.1", "Host: x")))
		io.Copy(io.Discard, mine)
	}
}

// TestWhoLeaves fills a server with one of each kind and lets one client after the other
// come, each of which stays with a request under way.
func TestWhoLeaves(t *testing.T) {
	crowded(t, 9, func(t *testing.T, c *crowd) {
		lone := c.stream("modest")
		older, newer := c.stream("greedy"), c.stream("greedy")
		longIdle := c.idle()
		time.Sleep(20 * time.Second)
		begun := c.idle()
		begun.send("GET / HT")
		time.Sleep(time.Second)
		shortIdle := c.idle()
		trickles := c.dial(t)
		trickles.send("GET")
		silent := c.dial(t)
		time.Sleep(2 * time.Second)
		busy := c.dial(t)
		busy.send(lines("GET /slow HTTP/1.1", "Host: x"))
		synctest.Wait()

		leave := []client{trickles, silent, longIdle, older, begun, shortIdle, lone, newer}
		var came []client
		for i, goes := range leave {
			start := time.Now()
			x := c.dial(t)
			x.send(lines("GET /slow HTTP/1.1", "Host: x"))
			goes.expectEnd("")
			synctest.Wait()
			if d := time.Since(start); d > time.Duration(arriving+1)*tick || i < 4 && d != 0 {
				t.Errorf("number %d left after %v", i, d)
			}
			came = append(came, x)
		}
		last := c.dial(t) // nobody is left that may go
		go last.trySend(lines("GET /slow HTTP/1.1", "Host: x"))
		time.Sleep(time.Hour)
		if st := c.srv.Stats(); st.Conns != 9 || st.Refused != 8 {
			t.Errorf("%+v", st)
		}
		close(c.release)
		for _, x := range append(came, busy) {
			x.expect(ok(""))
		}
		last.expect(ok(""))
	})
}

// TestFullServerKeepsAll: that the server is full makes nobody leave.
func TestFullServerKeepsAll(t *testing.T) {
	crowded(t, 3, func(t *testing.T, c *crowd) {
		one, two := c.idle(), c.stream("one")
		c.stream("one")
		time.Sleep(70 * time.Second)
		one.send(lines("GET / HTTP/1.1", "Host: x"))
		one.expect(ok(""))
		if st := c.srv.Stats(); st.Refused != 0 || st.Streams != 2 {
			t.Errorf("%+v", st)
		}
		two.Close()
	})
}

// TestFewAccountsDoNotBlock: 26 accounts hold all places with silent streams, open new
// ones whenever one ends, and keep nobody out for longer than a stream may stay in any
// case. An account with one stream keeps it.
func TestFewAccountsDoNotBlock(t *testing.T) {
	const most = 200
	crowded(t, most, func(t *testing.T, c *crowd) {
		victim := c.stream("victim")
		stop := make(chan bool)
		for i := range most - 1 {
			go c.insist(fmt.Sprint("attacker", i%26), stop)
		}
		synctest.Wait()
		for range 20 {
			start := time.Now()
			x := c.stream("honest")
			if d := time.Since(start); d > time.Duration(settled+2)*tick {
				t.Errorf("a new client waited %v", d)
			}
			time.Sleep(3 * time.Second)
			x.Close()
		}
		gone := make(chan bool)
		go func() {
			victim.Read(make([]byte, 1))
			close(gone)
		}()
		synctest.Wait()
		select {
		case <-gone:
			t.Error("an account's only stream left before the many of others")
		default:
		}
		close(stop)
		c.srv.Shutdown(t.Context())
	})
}

// TestLoneStreamsDoNotThrash: a city of streams at the limit, one an account, each of
// which comes back at once when it has to leave. One place too few makes them go round no
// faster than each may stay.
func TestLoneStreamsDoNotThrash(t *testing.T) {
	const most = 20
	crowded(t, most, func(t *testing.T, c *crowd) {
		stop := make(chan bool)
		for i := range most + 1 {
			go c.insist(fmt.Sprint("account", i), stop)
		}
		const minutes = 10
		time.Sleep(minutes * time.Minute)
		if n := c.srv.Stats().Refused; n == 0 || n > most*(1+minutes*60/uint64(settled)) {
			t.Errorf("%d streams had to leave", n)
		}
		close(stop)
		c.srv.Shutdown(t.Context())
	})
}
