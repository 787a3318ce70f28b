package httpd

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framer is a client that speaks HTTP/2 frame by frame, right and wrong ones.
type framer struct {
	t testing.TB
	net.Conn
	*http2.Framer
	frames  chan frame // what has come; closed at the end
	encoder *hpack.Encoder
	block   bytes.Buffer
	id      uint32        // of the next stream
	patient time.Duration // how long to wait for a frame
}

// frame is one that the server sent.
type frame struct {
	http2.FrameHeader
	fields map[string]string
	data   string
	code   http2.ErrCode
	last   uint32
	more   uint32
}

// chosen is a connection on which HTTP/2 was agreed upon without TLS, for a fake clock.
type chosen struct{ net.Conn }

func (chosen) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: protocol2}
}

// secure2 offers HTTP/2 as well.
func secure2(tb testing.TB, l net.Listener) net.Listener {
	c := tlsConfig(tb)
	c.NextProtos = []string{protocol2}
	return NewTLSListener(l, c)
}

// dialRaw2 connects over TLS and says nothing yet.
func dialRaw2(t testing.TB, addr string) net.Conn {
	t.Helper()
	c := insecure()
	c.NextProtos = []string{protocol2}
	nc, err := tls.Dial("tcp", addr, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return nc
}

// dial2 connects over TLS and reads all that comes.
func dial2(t *testing.T, addr string, settings ...http2.Setting) *framer {
	t.Helper()
	f := newFramer(t, dialRaw2(t, addr), settings...)
	go f.read()
	return f
}

// dial2 is the same in memory. It reads only as told.
func (p *pipes) dial2(t *testing.T, settings ...http2.Setting) *framer {
	mine, theirs := pipe(t)
	p.conns <- chosen{theirs}
	f := newFramer(t, mine, settings...)
	f.patient = time.Hour
	return f
}

func newFramer(t testing.TB, nc net.Conn, settings ...http2.Setting) *framer {
	f := &framer{t: t, Conn: nc, Framer: http2.NewFramer(nc, nc), frames: make(chan frame, 10_000), id: 1, patient: patience}
	f.AllowIllegalWrites = true
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.encoder = hpack.NewEncoder(&f.block)
	written := make(chan bool)
	go func() { // beside: in memory, the server writes first
		io.WriteString(nc, http2.ClientPreface)
		f.WriteSettings(settings...)
		close(written)
	}()
	if _, err := f.ReadFrame(); err != nil { // the server's settings
		t.Fatal(err)
	}
	for {
		got, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := got.(*http2.SettingsFrame); ok && s.IsAck() {
			<-written
			return f
		}
	}
}

// read keeps all that comes.
func (f *framer) read() {
	defer close(f.frames)
	for {
		got, err := f.ReadFrame()
		if err != nil {
			return
		}
		f.frames <- frameOf(got)
	}
}

func frameOf(got http2.Frame) frame {
	x := frame{FrameHeader: got.Header()}
	switch v := got.(type) {
	case *http2.MetaHeadersFrame:
		x.fields = map[string]string{}
		for _, h := range v.Fields {
			x.fields[h.Name] = h.Value
		}
	case *http2.DataFrame:
		x.data = string(v.Data())
	case *http2.RSTStreamFrame:
		x.code = v.ErrCode
	case *http2.GoAwayFrame:
		x.code, x.last = v.ErrCode, v.LastStreamID
	case *http2.WindowUpdateFrame:
		x.more = v.Increment
	}
	return x
}

func (x frame) ends() bool {
	return (x.Type == http2.FrameHeaders || x.Type == http2.FrameData) && x.Flags.Has(http2.FlagDataEndStream)
}

func (x frame) String() string {
	return fmt.Sprintf("%v stream %d flags %x %v %.100q %v", x.Type, x.StreamID, x.Flags, x.fields, x.data, x.code)
}

// next is the next frame but those of flow control and settings; ok is false at the end.
func (f *framer) next() (x frame, ok bool) {
	f.t.Helper()
	for {
		select {
		case x, ok = <-f.frames:
		case <-time.After(f.patient):
			f.t.Fatal("no frame comes")
		}
		if !ok || x.Type != http2.FrameWindowUpdate && x.Type != http2.FrameSettings {
			return x, ok
		}
	}
}

// answer is what came on a stream: "200 body", or with the reset's name after it.
func (f *framer) answer(id uint32) string {
	f.t.Helper()
	var got string
	for {
		x, ok := f.next()
		switch {
		case !ok:
			return got + " and the end"
		case x.Type == http2.FrameGoAway:
			return got + " GOAWAY " + x.code.String()
		case x.StreamID != id:
			continue
		case x.Type == http2.FrameRSTStream:
			return got + " " + x.code.String()
		}
		if s := x.fields[":status"]; s != "" {
			got += s + " "
		}
		got += x.data
		if x.ends() {
			return got
		}
	}
}

// header makes a block of name and value pairs.
func (f *framer) header(pairs ...string) []byte {
	f.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		f.encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return f.block.Bytes()
}

// get are the pseudo fields of a request, and more fields after them.
func get(path string, more ...string) []string {
	return append([]string{":method", "GET", ":scheme", "https", ":authority", "x", ":path", path}, more...)
}

func post(path string, more ...string) []string {
	return append([]string{":method", "POST", ":scheme", "https", ":authority", "x", ":path", path}, more...)
}

// begin sends a head and returns its stream.
func (f *framer) begin(end bool, pairs ...string) (id uint32) {
	id = f.id
	f.id += 2
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.header(pairs...), EndStream: end, EndHeaders: true})
	return id
}

// ask sends a request without a body and returns its answer.
func (f *framer) ask(pairs ...string) string {
	f.t.Helper()
	return f.answer(f.begin(true, pairs...))
}

// goneWith reads to the end, and returns the farewell's code.
func (f *framer) goneWith() string {
	f.t.Helper()
	code := "nothing"
	for {
		x, ok := f.next()
		if !ok {
			return code
		}
		if x.Type == http2.FrameGoAway {
			code = x.code.String()
		}
	}
}

func (f *framer) says(got, want string) {
	f.t.Helper()
	if got != want {
		f.t.Errorf("got %.300q, want %.300q", got, want)
	}
}

func repeated(n int, name, value string) (pairs []string) {
	for range n {
		pairs = append(pairs, name, value)
	}
	return pairs
}

var tooLong = strings.Repeat("x", 20_000)

// beside does something every second, n times, or until the test ends.
func (f *framer) beside(n int, again func()) *sync.WaitGroup {
	done := make(chan bool)
	var running sync.WaitGroup
	running.Go(func() {
		for range n {
			select {
			case <-done:
				return
			case <-time.After(time.Second):
				again()
			}
		}
	})
	f.t.Cleanup(func() {
		f.Close()
		close(done)
		running.Wait()
	})
	return &running
}
