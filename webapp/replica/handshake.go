package replica

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// SecretBytes is the least length of a group's secret.
const SecretBytes = 16

// Members know each other by the secret that all of them have in a file. Who dials says who it
// is and whom it wants, with a nonce, under a code made with the secret (HMAC-SHA-256); who
// listens answers in the same way. From the secret and both texts each derives two keys, one
// for each direction, and from then on everything is sealed with AES-256-GCM under a counter.
// So nobody without the secret is listened to, nothing can be read, changed, repeated or cut
// out on the way, and a recorded beginning is of no use, since the other nonce is new. Who
// has the secret may be any member; that is what it is for.
//
// The beginning is also where a server that does not fit is refused, with a sentence that both
// sides log.
const (
	protocol      = 1 // raise it when members of both versions cannot work together
	magic         = "isuride replica\n"
	nonceBytes    = 16
	codeBytes     = sha256.Size
	helloLimit    = 4 << 10
	handshakeTime = 2 * time.Second
	// clockLimit is how far the clocks of two members may differ: times of events come from
	// the leader's, and must not jump when another one leads.
	clockLimit = time.Minute
)

// lane is what a connection is for.
type lane uint8

const (
	laneUrgent lane = iota + 1 // small frames, which keep the group together
	laneBulk                   // frames with records
	laneImage                  // one snapshot
)

// hello is how a connection begins.
type hello struct {
	protocol uint16
	lane     lane
	group    uint32
	history  [16]byte
	clock    int64 // Unix milliseconds
	nonce    [nonceBytes]byte
	from, to string
}

func (h *hello) append(dst []byte) []byte {
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint16(dst, h.protocol)
	dst = append(dst, byte(h.lane))
	dst = binary.LittleEndian.AppendUint32(dst, h.group)
	dst = append(dst, h.history[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.clock))
	dst = append(dst, h.nonce[:]...)
	return appendText(appendText(dst, h.from), h.to)
}

const helloHead = len(magic) + 2 + 1 + 4 + 16 + 8 + nonceBytes

func parseHello(b []byte) (h hello, err error) {
	if len(b) < helloHead || string(b[:len(magic)]) != magic {
		return h, errors.New("this is no member of a group of replicas")
	}
	b = b[len(magic):]
	h.protocol = binary.LittleEndian.Uint16(b)
	h.lane = lane(b[2])
	h.group = binary.LittleEndian.Uint32(b[3:])
	copy(h.history[:], b[7:])
	h.clock = int64(binary.LittleEndian.Uint64(b[23:]))
	copy(h.nonce[:], b[31:])
	from, rest, ok := cutBytes(b[31+nonceBytes:])
	if !ok {
		return h, errFrame
	}
	to, _, ok := cutBytes(rest)
	if !ok {
		return h, errFrame
	}
	h.from, h.to = string(from), string(to)
	return h, nil
}

// credentials are who a member is to others.
type credentials struct {
	group   uint32
	history [16]byte
	self    string
	secret  []byte
	now     func() time.Time
}

func (c *credentials) hello(l lane, to string) hello {
	h := hello{protocol: protocol, lane: l, group: c.group, history: c.history, clock: c.now().UnixMilli(), from: c.self, to: to}
	rand.Read(h.nonce[:])
	return h
}

// fits says why another member is refused, as a sentence for the logs of both.
func (c *credentials) fits(h *hello) error {
	ahead := time.Duration(h.clock-c.now().UnixMilli()) * time.Millisecond
	switch {
	case h.protocol != protocol:
		return fmt.Errorf("%q speaks version %d of the replicas' protocol, %q version %d: install the same release on both", h.from, h.protocol, c.self, protocol)
	case h.group != c.group:
		return fmt.Errorf("%q is of group %d, %q of group %d: correct the list of replicas", h.from, h.group, c.self, c.group)
	case h.history != c.history:
		return fmt.Errorf("the data of %q are not of the same history as those of %q: one of them was another server before; give that one an empty folder", h.from, c.self)
	case h.to != c.self:
		return fmt.Errorf("%q looks for %q and has found %q: correct the addresses in the list of replicas", h.from, h.to, c.self)
	case h.from == c.self:
		return fmt.Errorf("two servers are called %q: rename one", c.self)
	case ahead.Abs() > clockLimit:
		return fmt.Errorf("the clock of %q is %v ahead of that of %q: set them both right (chronyc tracking)", h.from, ahead.Round(time.Second), c.self)
	}
	return nil
}

func (c *credentials) code(parts ...[]byte) []byte {
	m := hmac.New(sha256.New, c.secret)
	for _, p := range parts {
		binary.Write(m, binary.LittleEndian, uint32(len(p)))
		m.Write(p)
	}
	return m.Sum(nil)
}

// refusal is an answer that ends a connection before it has begun.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

// dialed begins a connection that this member has dialled.
func (c *credentials) dialed(conn net.Conn, l lane, to string) (*sealed, error) {
	conn.SetDeadline(time.Now().Add(handshakeTime))
	defer conn.SetDeadline(time.Time{})
	mine := c.hello(l, to)
	text := mine.append(nil)
	if err := writeText(conn, text, c.code(text)); err != nil {
		return nil, err
	}
	answer, code, err := readText(conn)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(code, c.code(text, answer)) {
		return nil, &refusal{fmt.Sprintf("%q has another secret: give all members the same file", to)}
	}
	if len(answer) == 0 || answer[0] != 0 {
		return nil, &refusal{string(bytes.TrimLeft(answer, "\x01"))}
	}
	return c.seal(conn, text, answer, true)
}

// accepted begins a connection that another member has dialled.
func (c *credentials) accepted(conn net.Conn) (*sealed, hello, error) {
	conn.SetDeadline(time.Now().Add(handshakeTime))
	defer conn.SetDeadline(time.Time{})
	text, code, err := readText(conn)
	if err != nil {
		return nil, hello{}, err
	}
	h, err := parseHello(text)
	switch {
	case err != nil:
	case !hmac.Equal(code, c.code(text)):
		err = fmt.Errorf("%q has another secret: give all members the same file", h.from)
	default:
		err = c.fits(&h)
	}
	answer := make([]byte, 1+nonceBytes)
	rand.Read(answer[1:])
	if err != nil {
		answer = append([]byte{1}, err.Error()...)
	}
	if write := writeText(conn, answer, c.code(text, answer)); err == nil {
		err = write
	} else {
		err = &refusal{err.Error()}
	}
	if err != nil {
		return nil, h, err
	}
	s, err := c.seal(conn, text, answer, false)
	return s, h, err
}

// seal derives the keys of a connection.
func (c *credentials) seal(conn net.Conn, asked, answered []byte, dialled bool) (*sealed, error) {
	salt := sha256.Sum256(append(bytes.Clone(asked), answered...))
	keys, err := hkdf.Key(sha256.New, c.secret, salt[:], "isuride replica", 64)
	if err != nil {
		return nil, err
	}
	s := &sealed{conn: conn}
	if s.out, err = newSealer(keys[:32]); err != nil {
		return nil, err
	}
	if s.in, err = newSealer(keys[32:]); err != nil {
		return nil, err
	}
	if !dialled {
		s.in, s.out = s.out, s.in
	}
	return s, nil
}

// writeText and readText move a text and its code.
func writeText(w io.Writer, text, code []byte) error {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	_, err := w.Write(append(append(b, text...), code...))
	return err
}

func readText(r io.Reader) (text, code []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > helloLimit {
		return nil, nil, errors.New("this is no member of a group of replicas")
	}
	b := make([]byte, int(n)+codeBytes)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, nil, err
	}
	return b[:n], b[n:], nil
}

// sealed is a connection on which every frame is sealed: its length, then the frame and what
// proves it. One goroutine reads, one writes.
type sealed struct {
	conn    net.Conn
	in, out *sealer
}

type sealer struct {
	aead    cipher.AEAD
	counter uint64
	nonce   [12]byte
}

func newSealer(key []byte) (*sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &sealer{aead: aead}, err
}

// next returns a nonce that was never used with this key.
func (s *sealer) next() []byte {
	binary.LittleEndian.PutUint64(s.nonce[4:], s.counter)
	s.counter++
	return s.nonce[:]
}

const sealBytes = 16

// append seals a frame behind what is in a buffer.
func (s *sealed) append(dst, frame []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(frame)+sealBytes))
	return s.out.aead.Seal(dst, s.out.next(), frame, nil)
}

// read reads a frame into a buffer, which it may replace by a larger one.
func (s *sealed) read(r io.Reader, buf []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return buf, err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if n < sealBytes || n > frameLimit+sealBytes {
		return buf, errFrame
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		return buf, err
	}
	frame, err := s.in.aead.Open(buf[:0], s.in.next(), buf, nil)
	if err != nil {
		return buf, errFrame
	}
	return frame, nil
}
