package httpd

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"isuride/tools/dev/allocs"
)

// reporter sends position reports over HTTP/2, one after the other, and allocates nothing.
type reporter struct {
	*framer
	out []byte // the frames of one request
	in  *bufio.Reader
	id  uint32
}

func newReporter(t testing.TB, addr string) *reporter {
	f := newFramer(t, dialRaw2(t, addr))
	f.WriteWindowUpdate(0, 1<<30)
	r := &reporter{framer: f, in: bufio.NewReader(f.Conn), id: 1}
	var block, frames bytes.Buffer
	e := hpack.NewEncoder(&block)
	for pairs := post("/api/chair/coordinate", "user-agent", "isucandar", "content-length", "34", "accept", "*/*",
		"content-type", "application/json", "cookie", "chair_session=0123456789abcdef0123456789abcdef"); len(pairs) > 0; pairs = pairs[2:] {
		e.WriteField(hpack.HeaderField{Name: pairs[0], Value: pairs[1], Sensitive: true})
	}
	w := http2.NewFramer(&frames, nil)
	w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	w.WriteData(1, true, []byte(`{"latitude":-123,"longitude":4567}`))
	r.out = frames.Bytes()
	return r
}

// exchange sends one report and reads its answer.
func (r *reporter) exchange() {
	for at := 0; at < len(r.out); at += 9 + int(r.out[at])<<16 + int(r.out[at+1])<<8 + int(r.out[at+2]) {
		binary.BigEndian.PutUint32(r.out[at+5:], r.id)
	}
	r.id += 2
	r.Conn.Write(r.out)
	for {
		h, err := r.in.Peek(9)
		if err != nil {
			r.t.Fatal(err)
		}
		n, ends := int(h[1])<<8+int(h[2]), h[3] == byte(http2.FrameData) && h[4]&1 > 0
		if r.in.Discard(9 + n); ends {
			return
		}
	}
}

// TestMultiAllocations: a request over HTTP/2 allocates what its frames and strings need,
// and no buffer.
func TestMultiAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget")
	}
	_, addr := serve2(t, allocHandler, Options{})
	r := newReporter(t, addr)
	n := allocs.PerRun(2000, r.exchange)
	t.Logf("%v allocations", n)
	if n > 60 {
		t.Errorf("%v allocations per request", n)
	}
}

// BenchmarkMulti is one client's request after the other over HTTP/2, the client included;
// over HTTP/1.1 with TLS for comparison.
func BenchmarkMulti(b *testing.B) {
	b.Run("http2", func(b *testing.B) {
		l := listen(b, "tcp")
		s := New(allocHandler, Options{})
		go s.Serve(secure2(b, l))
		defer l.Close()
		r := newReporter(b, l.Addr().String())
		b.ReportAllocs()
		before := usedBy(b)
		for b.Loop() {
			r.exchange()
		}
		b.ReportMetric((usedBy(b).cpu-before.cpu)/float64(b.N), "cpu-ns/op")
	})
	b.Run("http1", func(b *testing.B) {
		l := listen(b, "tcp")
		s := New(allocHandler, Options{})
		go s.Serve(secure(b, l))
		defer l.Close()
		nc, err := target{l.Addr().String(), true}.connect()
		if err != nil {
			b.Fatal(err)
		}
		defer nc.Close()
		out, in := []byte(positionReport), make([]byte, 4096)
		nc.Write(out)
		n, _ := nc.Read(in)
		b.ReportAllocs()
		before := usedBy(b)
		for b.Loop() {
			nc.Write(out)
			io.ReadFull(nc, in[:n])
		}
		b.ReportMetric((usedBy(b).cpu-before.cpu)/float64(b.N), "cpu-ns/op")
	})
}
