package h2

import (
	"io"
	"testing"

	"golang.org/x/net/http2"
)

// still is a server on which nothing happens but what the test says.
type still struct{ now uint64 }

func (s *still) Read([]byte) (int, error)                                   { return 0, io.EOF }
func (s *still) Write(p []byte) (int, error)                                { return len(p), nil }
func (s *still) Now() uint64                                                { return s.now }
func (s *still) Begin(*Stream, *http2.MetaHeadersFrame, bool) (req Request) { return nil }
func (s *still) Cut()                                                       {}

// TestCalm: what a peer may ask for is limited at once and over time; time and answers give
// it back, but no more than it may have at once.
func TestCalm(t *testing.T) {
	server := &still{now: 1000}
	s := New(server, Options{MaxStreams: 1})
	asks := func() (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for s.spendLocked(1) == nil {
			n++
		}
		return n
	}
	for _, step := range []struct {
		ticks, earned, want int
	}{{0, 0, maxCredit - 1}, {1, 0, creditATick - 2}, {10, 0, 10*creditATick - 2}, {0, 50, 48}, {1_000_000, 0, maxCredit - 1}, {0, 1_000_000, maxCredit - 1}} {
		server.now += uint64(step.ticks)
		s.mu.Lock()
		s.calm.earn(step.earned)
		s.mu.Unlock()
		if n := asks(); n < step.want || n > step.want+2 {
			t.Errorf("after %d ticks and %d earned: %d frames, want %d", step.ticks, step.earned, n, step.want)
		}
	}
}

// TestLower: names that are not on the list of those we send are lowered as well.
func TestLower(t *testing.T) {
	for name, want := range map[string]string{"Content-Type": "content-type", "X-Other": "x-other", "etag": "etag"} {
		if got := lower(name); got != want {
			t.Errorf("%s becomes %s", name, got)
		}
	}
	for name, low := range lowered {
		if lower(name) != low || low == name {
			t.Errorf("%s is listed as %s", name, low)
		}
	}
}
