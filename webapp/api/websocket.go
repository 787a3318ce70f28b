package api

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxCommand bounds a message of a client, in bytes.
const maxCommand = 16 << 10

// acceptKey proves that a handshake was understood (RFC 6455 4.2.2); ok is false if the
// client's key is none.
func acceptKey(key []byte) (accept string, ok bool) {
	const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	nonce, err := base64.StdEncoding.DecodeString(string(key))
	if err != nil || len(nonce) != 16 {
		return "", false
	}
	sum := sha1.Sum(append(key[:len(key):len(key)], magic...))
	return base64.StdEncoding.EncodeToString(sum[:]), true
}

// closing is the end of a connection, with the code that its peer is told.
type closing struct {
	code   ws.StatusCode
	reason string
}

func (c *closing) Error() string { return c.reason }

var (
	errTooLong   = &closing{ws.StatusMessageTooBig, "a message is longer than 16 KiB"}
	errBinary    = &closing{ws.StatusUnsupportedData, "messages are texts"}
	errNotUTF8   = &closing{ws.StatusInvalidFramePayloadData, "a text is not UTF-8"}
	errFarewell  = &closing{ws.StatusNormalClosure, ""}
	errElsewhere = &closing{ws.StatusGoingAway, "another server leads or this one stops; connect again, and resume where you are"}
	errGoing     = &closing{ws.StatusGoingAway, "the last message says why"}
)

// socket reads the messages of a client. Those of HTTP/1.1's upgrade come masked, in frames
// that may be parts.
type socket struct {
	r       *bufio.Reader
	state   ws.State
	message []byte // so far
	control [ws.MaxControlFramePayloadSize]byte
}

func newSocket(r io.Reader) *socket {
	return &socket{r: bufio.NewReaderSize(r, 4<<10), state: ws.StateServerSide}
}

// next returns the next text, or a ping's payload with ping set. Both are lent until the next
// call. The error is a *closing if the peer is to be told.
func (s *socket) next() (payload []byte, ping bool, err error) {
	for {
		h, err := ws.ReadHeader(s.r)
		if err != nil {
			return nil, false, err
		}
		if err := ws.CheckHeader(h, s.state); err != nil {
			return nil, false, &closing{ws.StatusProtocolError, err.Error()}
		}
		if h.OpCode.IsControl() {
			payload, err := s.read(h, s.control[:0])
			switch {
			case err != nil:
				return nil, false, err
			case h.OpCode == ws.OpPing:
				return payload, true, nil
			case h.OpCode == ws.OpClose:
				return nil, false, errFarewell
			}
			continue // a pong that nobody has asked for
		}
		if whole, err := s.data(h); err != nil || whole {
			return s.message, false, err
		}
	}
}

// data takes a frame of a message, and reports whether that is whole.
func (s *socket) data(h ws.Header) (whole bool, err error) {
	switch {
	case h.OpCode == ws.OpBinary:
		return false, errBinary
	case h.OpCode == ws.OpText:
		s.message = s.message[:0]
	}
	if h.Length > int64(maxCommand-len(s.message)) {
		return false, errTooLong
	}
	if s.message, err = s.read(h, s.message); err != nil {
		return false, err
	}
	if !h.Fin {
		s.state = s.state.Set(ws.StateFragmented)
		return false, nil
	}
	s.state = s.state.Clear(ws.StateFragmented)
	if !utf8.Valid(s.message) {
		return false, errNotUTF8
	}
	return true, nil
}

// read appends a frame's payload.
func (s *socket) read(h ws.Header, dst []byte) ([]byte, error) {
	from := len(dst)
	dst = append(dst, make([]byte, h.Length)...)
	if _, err := io.ReadFull(s.r, dst[from:]); err != nil {
		return dst, errors.Join(io.ErrUnexpectedEOF, err)
	}
	ws.Cipher(dst[from:], h.Mask, 0)
	return dst, nil
}

// appender is a buffer to write to.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// appendFrame appends a whole message in one frame. Servers do not mask.
func appendFrame(dst []byte, op ws.OpCode, payload []byte) []byte {
	a := appender{dst}
	if err := ws.WriteHeader(&a, ws.Header{Fin: true, OpCode: op, Length: int64(len(payload))}); err != nil {
		panic("BUG: a frame's header cannot be written: " + err.Error())
	}
	return append(a.b, payload...)
}

func appendText(dst, text []byte) []byte { return appendFrame(dst, ws.OpText, text) }

func appendClose(dst []byte, c *closing) []byte {
	return appendFrame(dst, ws.OpClose, ws.NewCloseFrameBody(c.code, c.reason))
}
