package httpd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// FuzzFrames sends anything after the preface: the server answers in frames that are
// right, nothing panics, and nothing of the connection is left when it has ended.
func FuzzFrames(f *testing.F) {
	for _, seed := range frameSeeds() {
		f.Add(seed)
	}
	h := func(c *Ctx) {
		if string(c.Path()) == "/events" {
			c.Stream(func(s *Stream) { go s.Write([]byte("data: 1\n\n")) })
			return
		}
		echo(c)
	}
	var log logBuffer
	srv := New(h, Options{MaxBody: 10_000, Log: log.logger()})
	f.Fuzz(func(t *testing.T, input []byte) {
		mine, theirs := net.Pipe()
		srv.start(chosen{theirs})
		done := make(chan error, 1)
		go func() { done <- readAll(mine) }()
		mine.SetWriteDeadline(time.Now().Add(time.Second))
		mine.Write(append([]byte(http2.ClientPreface), input...)) // it may well end the connection
		mine.Close()
		if err := <-done; err != nil {
			t.Errorf("the server's frames: %v", err)
		}
		eventually(t, "the connection is gone", func() bool {
			st := srv.Stats()
			return st.Conns+st.Streams+st.Waiting == 0 && srv.many.Load() == 0
		})
		if bytes.Contains([]byte(log.String()), []byte("BUG")) || bytes.Contains([]byte(log.String()), []byte("nil pointer")) {
			t.Errorf("log: %s", log.String())
		}
	})
}

// readAll reads frames to the end, each of which must be right.
func readAll(r io.Reader) error {
	f := http2.NewFramer(io.Discard, r)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		_, err := f.ReadFrame()
		var connection http2.ConnectionError
		var stream http2.StreamError
		switch {
		case errors.As(err, &connection), errors.As(err, &stream), errors.Is(err, http2.ErrFrameTooLarge):
			return err
		case err != nil:
			return nil
		}
	}
}

// frameSeeds are conversations of each kind.
func frameSeeds() (seeds [][]byte) {
	for _, talk := range []func(f *framer){
		func(f *framer) { f.begin(true, get("/")...) },
		func(f *framer) { f.begin(true, get("/events")...); f.WriteRSTStream(1, 0) },
		func(f *framer) { f.begin(false, post("/")...); f.WriteData(1, true, []byte("body")) },
		func(f *framer) {
			f.WriteSettings(windowOf(1))
			f.begin(true, get("/")...)
			f.WriteWindowUpdate(1, 5)
			f.WriteWindowUpdate(0, 5)
		},
		func(f *framer) { f.part(1); f.WriteContinuation(1, true, nil) },
		func(f *framer) { f.WritePing(false, [8]byte{}); f.WriteGoAway(0, 0, nil) },
		func(f *framer) { f.WritePriority(1, http2.PriorityParam{}); f.begin(true, get("/panic")...) },
	} {
		var b bytes.Buffer
		f := &framer{Framer: http2.NewFramer(&b, nil), id: 1}
		f.encoder = hpack.NewEncoder(&f.block)
		f.AllowIllegalWrites = true
		f.WriteSettings()
		talk(f)
		seeds = append(seeds, b.Bytes())
	}
	return seeds
}
