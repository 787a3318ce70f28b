package httpd

import (
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sized answers with as many bytes as the path says; its query is the owner.
func sized(c *Ctx) {
	if owner := string(c.Query()); owner != "" {
		c.SetOwner(owner)
	}
	n, shared := strings.CutSuffix(string(c.Path()[1:]), "shared")
	size, _ := strconv.Atoi(n)
	if body := make([]byte, size); shared {
		c.SetSharedBody(body)
	} else {
		c.SetBody(body)
	}
}

func (c client) ask(path string) {
	c.t.Helper()
	c.send(lines("GET "+path+" HTTP/1.1", "Host: x"))
	synctest.Wait()
}

// body reads an answer of n bytes; false means that it was cut off.
func (c client) body(n int) bool {
	got, _ := io.CopyN(io.Discard, c, int64(len(ok(""))-1+len(strconv.Itoa(n))+n))
	return got > int64(n)
}

const mega = 1 << 20

// TestWaitingIsBounded has many clients ask for large answers that they do not read: the
// memory of these is bounded, and the ones that have taken nothing for longest are cut.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		srv := serve(t, l, sized, Options{MaxWaiting: 10 * mega})
		var clients []client
		small := l.dial(t)
		small.ask("/100")
		for range 30 {
			c := l.dial(t)
			c.ask("/" + strconv.Itoa(mega))
			clients = append(clients, c)
			if n := srv.Stats().Waiting; n > 10*mega {
				t.Fatalf("%d bytes wait", n)
			}
		}
		if n := srv.Stats().Cut; n != 21 {
			t.Errorf("%d answers were cut, want 21", n)
		}
		for i, c := range clients {
			if got := c.body(mega); got != (i >= 21) {
				t.Errorf("answer %d is whole: %t", i, got)
			}
		}
		if !small.body(100) {
			t.Error("a small answer was cut before the large ones")
		}
		synctest.Wait()
		if n := srv.Stats().Waiting; n != 0 {
			t.Errorf("%d bytes wait when everything was read", n)
		}
	})
}

// TestSlowestIsCut: of two large answers, the one goes whose reader is slower, though it
// began later.
func TestSlowestIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		serve(t, l, sized, Options{MaxWaiting: 10 * mega})
		reads, idles, third := l.dial(t), l.dial(t), l.dial(t)
		reads.ask("/" + strconv.Itoa(4*mega))
		time.Sleep(time.Second)
		idles.ask("/" + strconv.Itoa(4*mega))
		half := 2*mega + 100
		io.CopyN(io.Discard, reads, int64(half))
		third.ask("/" + strconv.Itoa(4*mega))
		if !reads.body(4*mega-half-100) || !third.body(4*mega) || idles.body(4*mega) {
			t.Error("not the slowest reader was cut off")
		}
	})
}

// TestWaitingOfOwner: one owner's answers make room for each other, and for nobody
// else's.
func TestWaitingOfOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		srv := serve(t, l, sized, Options{MaxWaitingOfOwner: 3 * mega})
		others, nobody := l.dial(t), l.dial(t)
		others.ask("/1048576?other")
		nobody.ask("/1048576")
		var greedy []client
		for range 20 {
			c := l.dial(t)
			c.ask("/1048576?greedy")
			greedy = append(greedy, c)
		}
		if st := srv.Stats(); st.Cut != 18 || st.Waiting > 5*mega {
			t.Errorf("%+v, want 18 answers cut", st)
		}
		if !others.body(mega) || !nobody.body(mega) || !greedy[19].body(mega) {
			t.Error("an answer was cut that had to stay")
		}
	})
}

// TestLoneAnswerIsWhole: no list is cut because it is long, and files count for nobody.
func TestLoneAnswerIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		srv := serve(t, l, sized, Options{MaxWaitingOfOwner: mega})
		var files []client
		for range 10 {
			c := l.dial(t)
			c.ask("/1048576shared")
			files = append(files, c)
		}
		c := l.dial(t)
		c.ask("/4194304?owner")
		if !c.body(4*mega) || srv.Stats().Cut != 0 {
			t.Error("the only answer that counts was cut")
		}
		for _, f := range files {
			f.body(mega)
		}
	})
}

// TestAnswerHasItsTime reads so fast that each piece is in time, but not the whole.
func TestAnswerHasItsTime(t *testing.T) {
	for rate, whole := range map[int]bool{30_000: false, 34_000: true} {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			serve(t, l, sized, Options{})
			c := l.dial(t)
			c.ask("/8388608")
			start := time.Now()
			got := 0
			for buf := make([]byte, rate); got < 8*mega; time.Sleep(time.Second) {
				n, err := io.ReadFull(c, buf)
				got += n
				if err != nil {
					break
				}
			}
			if (got >= 8*mega) != whole {
				t.Errorf("%d bytes a second: got %d", rate, got)
			}
			if !whole {
				between(t, start, (10+256)*time.Second)
			}
		})
	}
}

// TestSocketsCount: an answer that waits counts as well where the socket is written to
// directly and below TLS, and is no longer counted at its end.
func TestSocketsCount(t *testing.T) {
	inAllModes(t, sized, Options{MaxWaiting: 20 * mega}, func(t *testing.T, srv *Server, a target) {
		first, second := dial(t, a), dial(t, a)
		first.send(lines("GET /16777216 HTTP/1.1", "Host: x"))
		eventually(t, "an answer waits", func() bool { return srv.Stats().Waiting > 0 })
		second.send(lines("GET /16777216 HTTP/1.1", "Host: x"))
		eventually(t, "an answer is cut off", func() bool { return srv.Stats().Cut == 1 })
		if !second.body(16 * mega) {
			t.Error("the newer answer was cut off")
		}
		eventually(t, "nothing waits", func() bool { return srv.Stats().Waiting == 0 })
	})
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}
