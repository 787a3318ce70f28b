package httpd

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// shouter is a server of another protocol: it sends back what comes, in capitals.
type shouter struct {
	*streamer
	heard chan error // why it ceased to listen
}

func newShouter() *shouter { return &shouter{newStreamer(), make(chan error, 16)} }

func (h *shouter) serve(c *Ctx) {
	if !c.WantsUpgrade("echo") {
		c.SetStatus(426)
		c.SetHeader("Upgrade", "echo")
		return
	}
	c.SetHeader("X-Key", "value")
	var stream *Stream
	c.Upgrade("echo", func(s *Stream) {
		stream = s
		s.OnClose(func() { h.closed <- s })
		h.opened <- s
	}, func(r io.Reader) {
		b := make([]byte, 100)
		for {
			n, err := r.Read(b)
			if err != nil || string(b[:n]) == "bye" {
				h.heard <- err
				return
			}
			stream.Write([]byte(strings.ToUpper(string(b[:n]))))
		}
	})
}

const upgraded = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Key: value\r\n\r\n"

func askUpgrade() string {
	return lines("GET / HTTP/1.1", "Host: x", "Connection: keep-alive, UPGRADE", "Upgrade: Echo")
}

func TestUpgrade(t *testing.T) {
	h := newShouter()
	inAllModes(t, h.serve, Options{}, func(t *testing.T, srv *Server, a target) {
		c := dial(t, a)
		c.send(lines("GET / HTTP/1.1", "Host: x")) // the upgrade is not the first request
		c.expect("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nUpgrade: echo\r\n\r\n")
		c.send(askUpgrade() + "early") // with what the client should not have sent yet
		c.expect(upgraded + "EARLY")
		s := await(t, "open", h.opened)
		for i := range 100 {
			c.send(fmt.Sprint("message ", i))
			c.expect(fmt.Sprint("MESSAGE ", i))
		}
		if st := srv.Stats(); st.Streams != 1 || st.Requests != 2 {
			t.Errorf("stats %+v", st)
		}
		c.send("bye")
		c.expectEnd("")
		if err := await(t, "end", h.heard); err != nil {
			t.Error(err)
		}
		if await(t, "close", h.closed) != s {
			t.Error("another stream was closed")
		}
		if st := srv.Stats(); st.Streams != 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

// TestUpgradeEnds: a stream that is closed, a server that stops and a peer that leaves each
// end the reading.
func TestUpgradeEnds(t *testing.T) {
	h := newShouter()
	inAllModes(t, h.serve, Options{}, func(t *testing.T, srv *Server, a target) {
		upgradeEnds(t, h, a, func(_ client, s *Stream) { s.Close() })
		upgradeEnds(t, h, a, func(c client, _ *Stream) { c.Close() })
		upgradeEnds(t, h, a, func(client, *Stream) { srv.Shutdown(t.Context()) })
	})
}

func upgradeEnds(t *testing.T, h *shouter, a target, end func(client, *Stream)) {
	t.Helper()
	c := dial(t, a)
	c.send(askUpgrade())
	c.expect(upgraded)
	end(c, await(t, "open", h.opened))
	if err := await(t, "end", h.heard); err == nil {
		t.Error("the reader has no error")
	}
	await(t, "close", h.closed)
}

// TestUpgradeNeedsAsking: what is no request for an upgrade is served as before.
func TestUpgradeNeedsAsking(t *testing.T) {
	for fields, want := range map[string]bool{
		"Connection: Upgrade\r\nUpgrade: echo":                           true,
		"Connection: upgrade\r\nUpgrade: other, ECHO":                    true,
		"Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: echo": true,
		"Upgrade: echo":                            false,
		"Connection: Upgrade":                      false,
		"Connection: Upgrade\r\nUpgrade: echoes":   false,
		"Connection: Upgrades\r\nUpgrade: echo":    false,
		"Connection: Upgrade\r\nUpgrade: echo/1.0": false,
	} {
		c := ctxOf(t, lines("GET / HTTP/1.1", "Host: x", fields))
		if got := c.WantsUpgrade("echo"); got != want {
			t.Errorf("%q: %t", fields, got)
		}
	}
	c := ctxOf(t, lines("GET / HTTP/1.0", "Host: x", "Connection: Upgrade", "Upgrade: echo"))
	if c.WantsUpgrade("echo") {
		t.Error("HTTP/1.0 knows no upgrade")
	}
}

// TestKeyUpdateFloodOnUpgrade: records that hold nothing end the connection, as on a stream.
func TestKeyUpdateFloodOnUpgrade(t *testing.T) {
	h := newShouter()
	l := listen(t, "tcp")
	serve(t, secure(t, l), h.serve, Options{})
	r := dialRecords(t, l.Addr().String())
	go io.Copy(io.Discard, r)
	if _, err := r.Write(r.seal(nil, dataRecord, askUpgrade())); err != nil {
		t.Fatal(err)
	}
	await(t, "open", h.opened)
	r.flood("\r\n")
	await(t, "close", h.closed)
}

// TestUpgradeSlowReader: a message that the peer does not take in time ends the connection,
// while nobody is disturbed who is merely silent.
func TestUpgradeSlowReader(t *testing.T) {
	h := newShouter()
	l := listen(t, "tcp")
	serve(t, l, h.serve, Options{WriteTimeout: tick})
	c := dial(t, target{addr: l.Addr().String()})
	c.send(askUpgrade())
	c.expect(upgraded)
	s := await(t, "open", h.opened)
	var err error
	for message := make([]byte, 1<<20); err == nil; {
		err = s.Write(message)
	}
	if err := await(t, "end", h.heard); err == nil {
		t.Error("the reader has no error")
	}
	await(t, "close", h.closed)
}
