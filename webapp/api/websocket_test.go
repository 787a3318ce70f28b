package api

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gobwas/ws"
)

// masked is a frame as a client sends it.
func masked(op ws.OpCode, fin bool, payload string) []byte {
	f := ws.MaskFrameWith(ws.NewFrame(op, fin, []byte(payload)), [4]byte{1, 2, 3, 4})
	return ws.MustCompileFrame(f)
}

func TestAcceptKey(t *testing.T) {
	// The example of RFC 6455 1.3.
	if accept, ok := acceptKey([]byte("dGhlIHNhbXBsZSBub25jZQ==")); !ok || accept != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("%q, %t", accept, ok)
	}
	for _, key := range []string{"", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZWVl"} {
		if _, ok := acceptKey([]byte(key)); ok {
			t.Errorf("%q is taken", key)
		}
	}
}

// TestSocket: messages come whole, whatever frames and pieces they come in.
func TestSocket(t *testing.T) {
	long := strings.Repeat("x", maxCommand)
	var stream []byte
	for _, f := range [][]byte{
		masked(ws.OpText, true, "one"),
		masked(ws.OpText, false, "tw"), masked(ws.OpPing, true, "between"), masked(ws.OpContinuation, false, ""), masked(ws.OpContinuation, true, "o"),
		masked(ws.OpPong, true, "unasked"), masked(ws.OpText, true, long), masked(ws.OpText, true, ""), masked(ws.OpText, true, "椅子"),
	} {
		stream = append(stream, f...)
	}
	for name, r := range map[string]io.Reader{"at once": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream))} {
		s := newSocket(r)
		for _, want := range []string{"one", "ping between", "two", long, "", "椅子"} {
			payload, ping, err := s.next()
			got := string(payload)
			if ping {
				got = "ping " + got
			}
			if err != nil || got != want {
				t.Fatalf("%s: %.20q, %v, want %.20q", name, got, err, want)
			}
		}
		if _, _, err := s.next(); err != io.EOF {
			t.Errorf("%s: at the end: %v", name, err)
		}
	}
}

// TestSocketRefuses: who breaks the rules is told how, in the code.
func TestSocketRefuses(t *testing.T) {
	half := strings.Repeat("x", maxCommand/2)
	unmasked := ws.MustCompileFrame(ws.NewTextFrame([]byte("x")))
	reserved := masked(ws.OpText, true, "x")
	reserved[0] |= 0x40
	for name, tc := range map[string]struct {
		bytes []byte
		code  ws.StatusCode
	}{
		"close":                    {masked(ws.OpClose, true, "\x03\xe8"), ws.StatusNormalClosure},
		"no mask":                  {unmasked, ws.StatusProtocolError},
		"reserved bit":             {reserved, ws.StatusProtocolError},
		"unknown opcode":           {masked(3, true, "x"), ws.StatusProtocolError},
		"continuation of nothing":  {masked(ws.OpContinuation, true, "x"), ws.StatusProtocolError},
		"text within a message":    {append(masked(ws.OpText, false, "x"), masked(ws.OpText, true, "x")...), ws.StatusProtocolError},
		"ping in parts":            {masked(ws.OpPing, false, "x"), ws.StatusProtocolError},
		"long ping":                {masked(ws.OpPing, true, strings.Repeat("x", 126)), ws.StatusProtocolError},
		"binary":                   {masked(ws.OpBinary, true, "x"), ws.StatusUnsupportedData},
		"no UTF-8":                 {masked(ws.OpText, true, "\xff"), ws.StatusInvalidFramePayloadData},
		"too long":                 {masked(ws.OpText, true, half+half+"x"), ws.StatusMessageTooBig},
		"too long in parts":        {append(masked(ws.OpText, false, half+"x"), masked(ws.OpContinuation, true, half)...), ws.StatusMessageTooBig},
		"a length that is no size": {[]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, ws.StatusMessageTooBig},
	} {
		_, _, err := newSocket(bytes.NewReader(tc.bytes)).next()
		var end *closing
		if !errors.As(err, &end) || end.code != tc.code {
			t.Errorf("%s: %v, want %d", name, err, tc.code)
		}
	}
	if _, _, err := newSocket(bytes.NewReader(masked(ws.OpText, true, "text")[:8])).next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a frame in part: %v", err)
	}
}

func TestSameHost(t *testing.T) {
	for _, tc := range []struct {
		origin, host string
		want         bool
	}{
		{"https://isuride.example", "isuride.example", true},
		{"http://ISURIDE.example:8080", "isuride.example:8080", true},
		{"http://isuride.example", "isuride.example:8080", false},
		{"https://evil.example", "isuride.example", false},
		{"https://isuride.example.evil.example", "isuride.example", false},
		{"null", "isuride.example", false},
		{"", "", false},
	} {
		if got := sameHost([]byte(tc.origin), []byte(tc.host)); got != tc.want {
			t.Errorf("a page of %q at %q: %t", tc.origin, tc.host, got)
		}
	}
}
