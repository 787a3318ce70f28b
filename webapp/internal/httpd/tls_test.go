package httpd

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// narrow has the server's sockets hold little that was not read yet.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	nc, err := n.Listener.Accept()
	if err == nil {
		err = nc.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return nc, err
}

// records13 writes the client's records of TLS 1.3 by hand, from the end of the handshake
// on.
type records13 struct {
	client
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	serial uint64
}

func dialRecords(t *testing.T, addr string, protocols ...string) *records13 {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	var keys strings.Builder
	c := insecure()
	c.KeyLogWriter, c.NextProtos = &keys, protocols
	tc := tls.Client(nc, c)
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if tc.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("this machine prefers another cipher than the helper knows")
	}
	for line := range strings.Lines(keys.String()) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(f[2])
			if err != nil {
				t.Fatal(err)
			}
			r := &records13{client: client{t, nc}}
			r.use(secret)
			return r
		}
	}
	t.Fatal("no secret was logged")
	return nil
}

// use begins with new keys (RFC 8446 7.3).
func (r *records13) use(secret []byte) {
	r.secret, r.iv, r.serial = secret, r.expand(secret, "iv", 12), 0
	block, err := aes.NewCipher(r.expand(secret, "key", 16))
	if err == nil {
		r.aead, err = cipher.NewGCM(block)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// expand is HKDF-Expand-Label without a context.
func (r *records13) expand(secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{0, byte(n), byte(len(label))}, label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// seal appends a record.
func (r *records13) seal(dst []byte, kind byte, content string) []byte {
	plain := append([]byte(content), kind)
	header := []byte{23, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(header[3:], uint16(len(plain)+r.aead.Overhead()))
	nonce := append([]byte(nil), r.iv...)
	for i := range 8 {
		nonce[4+i] ^= byte(r.serial >> (56 - 8*i))
	}
	r.serial++
	return r.aead.Seal(append(dst, header...), nonce, plain, header)
}

const (
	handshakeRecord = 22
	dataRecord      = 23
)

// keyUpdates appends n updates that ask for one of the other side's.
func (r *records13) keyUpdates(dst []byte, n int) []byte {
	for range n {
		dst = r.seal(dst, handshakeRecord, "\x18\x00\x00\x01\x01")
		r.use(r.expand(r.secret, "traffic upd", sha256.Size))
	}
	return dst
}

// flood updates keys, without reading, until the server ends the connection or takes no
// more: the two sides of TCP may have come to a stop, since the peer's socket is full and
// hears nothing any more.
func (r *records13) flood(data string) {
	r.t.Helper()
	r.SetWriteDeadline(time.Now().Add(3 * time.Second))
	for n := 0; n < 1_000_000; n += 15 {
		if _, err := r.Write(r.seal(r.keyUpdates(nil, 15), dataRecord, data)); err != nil {
			return
		}
	}
	r.t.Error("there is no end of it")
}

// TestKeyUpdates: an update in between is served, before a request and on a stream.
func TestKeyUpdates(t *testing.T) {
	h := newStreamer()
	l := listen(t, "tcp")
	srv := serve(t, secure(t, l), h.serve, Options{})
	r := dialRecords(t, l.Addr().String())
	b := r.seal(r.keyUpdates(nil, 3), dataRecord, lines("GET /stream HTTP/1.1", "Host: x"))
	if _, err := r.Write(b); err != nil {
		t.Fatal(err)
	}
	s := await(t, "open", h.opened)
	if _, err := r.Write(r.keyUpdates(nil, 3)); err != nil {
		t.Fatal(err)
	}
	if err := s.Write([]byte("data: 1\n\n")); err != nil {
		t.Error(err)
	}
	if n := srv.Stats().Streams; n != 1 {
		t.Errorf("%d streams", n)
	}
}

// TestKeyUpdateFlood: a peer that has the server write without an end, and reads nothing,
// loses its connection at the end of the idle time at the latest: no write holds it.
func TestKeyUpdateFlood(t *testing.T) {
	l := listen(t, "tcp")
	srv := serve(t, NewTLSListener(narrow{l}, tlsConfig(t)), echo, Options{})
	dialRecords(t, l.Addr().String()).flood("\r\n")
	srv.expireAll(srv.clock.Add(srv.idle))
	eventually(t, "the connection is gone", func() bool { return srv.Stats().Conns == 0 })
}

// TestKeyUpdateFloodOnStream: the peer of a stream has nothing to say there either, be it
// in records that hold nothing.
func TestKeyUpdateFloodOnStream(t *testing.T) {
	h := newStreamer()
	l := listen(t, "tcp")
	serve(t, secure(t, l), h.serve, Options{})
	r := dialRecords(t, l.Addr().String())
	go io.Copy(io.Discard, r)
	if _, err := r.Write(r.seal(nil, dataRecord, lines("GET /stream HTTP/1.1", "Host: x"))); err != nil {
		t.Fatal(err)
	}
	await(t, "open", h.opened)
	r.flood("\r\n")
	await(t, "close", h.closed)
}

// TestWriteWithinRead: what crypto/tls writes while it reads does not wait, on a kept
// connection nor on a stream, and breaks the connection if it would have to.
func TestWriteWithinRead(t *testing.T) {
	for _, p := range []phase{busy, idle, reading, streaming, expired} {
		l := listen(t, "tcp")
		client := dial(t, target{addr: l.Addr().String()})
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		s := &tlsSocket{Conn: nc, raw: rawConnOf(nc), fd: -1, conn: &conn{}}
		s.conn.deadline.enter(p, 0)
		for err == nil {
			_, err = s.Write(make([]byte, 1<<20))
		}
		if err != errWouldWait || !s.stuck.Load() {
			t.Errorf("phase %d: %v", p, err)
		}
		client.Close()
	}
}

// TestShutdownWithFullSocket: the goodbye of TLS waits for nobody.
func TestShutdownWithFullSocket(t *testing.T) {
	l := listen(t, "tcp")
	h := newStreamer()
	srv := serve(t, NewTLSListener(narrow{l}, tlsConfig(t)), h.serve, Options{})
	c := dial(t, target{l.Addr().String(), true})
	c.openStream()
	s := await(t, "open", h.opened)
	go s.Write(make([]byte, 16<<20))
	eventually(t, "the stream waits", func() bool {
		_, p, _ := s.conn.deadline.load()
		return p == streamWriting
	})
	start := time.Now()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > 4*time.Second { // crypto/tls would wait 5 s
		t.Errorf("took %v", d)
	}
}

// TestRecordTrickles: a part of a record begins the time of a request, from the first
// byte, as if it were one.
func TestRecordTrickles(t *testing.T) {
	for name, before := range map[string]string{"first request": "", "second request": lines("GET / HTTP/1.1", "Host: x")} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "tcp")
			srv := serve(t, secure(t, l), echo, Options{IdleTimeout: time.Hour, ReadTimeout: time.Minute})
			r := dialRecords(t, l.Addr().String())
			if before != "" {
				if _, err := r.Write(r.seal(nil, dataRecord, before)); err != nil {
					t.Fatal(err)
				}
			}
			record := r.seal(nil, dataRecord, "GET /"+strings.Repeat("x", 8000))
			if _, err := r.Write(record[:1]); err != nil {
				t.Fatal(err)
			}
			var c *conn
			due := func() (due ticks) {
				srv.mu.Lock()
				defer srv.mu.Unlock()
				for c = range srv.conns.all() {
					var p phase
					if _, p, due = c.deadline.load(); p != reading {
						return 0
					}
				}
				return due
			}
			eventually(t, "a request has begun", func() bool { return due() != 0 })
			first := due()
			srv.clock.Add(30)
			if _, err := r.Write(record[1:1000]); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the bytes are read", func() bool {
				var n int
				c.raw.Control(func(fd uintptr) { n = unread(t, fd) })
				return n == 0
			})
			eventually(t, "it waits for more", func() bool { return due() != 0 })
			if d := due(); d != first {
				t.Errorf("more bytes moved the end from tick %d to %d", first, d)
			}
			srv.expireAll(first)
			if _, err := io.Copy(io.Discard, r); err != nil {
				t.Errorf("the connection stays: %v", err)
			}
		})
	}
}

// TestRecords cuts records at every place.
func TestRecords(t *testing.T) {
	stream := []byte{23, 3, 3, 0, 2, 'a', 'b', 23, 3, 3, 0, 0, 23, 3, 3, 1, 0}
	stream = append(stream, make([]byte, 256)...)
	whole := map[int]bool{0: true, 7: true, 12: true, len(stream): true}
	for i := range len(stream) + 1 {
		for j := range i + 1 {
			var r records
			r.take(stream[:j])
			r.take(stream[j:i])
			if r.partial() == whole[i] {
				t.Fatalf("%d bytes, cut at %d: partial is %t", i, j, r.partial())
			}
		}
	}
}

// TestSilentBytes: records that hold nothing for us begin a request, too, once they are
// more than an update of keys; crypto/tls may be keeping them.
func TestSilentBytes(t *testing.T) {
	s := &tlsSocket{}
	s.idle = 200
	if s.pending() {
		t.Error("an update of keys counts as a request")
	}
	s.idle = idleBytes + 1
	if !s.pending() {
		t.Error("many bytes without a request do not count")
	}
	s.yielded(1)
	if s.pending() {
		t.Error("they count although something came of them")
	}
}

// unread is how many bytes wait in a socket.
func unread(t *testing.T, fd uintptr) (n int) {
	t.Helper()
	var v int32
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&v))); e != 0 {
		t.Error(e)
	}
	return int(v)
}
