package client_test

import (
	"io"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// frayed are ways to a server that break a number of connections, each after a random number of
// bytes from the server, and then hold.
type frayed struct {
	t      *testing.T
	target string // host:port
	ways   []*way
	broken atomic.Int64 // connections, over all ways
}

// way is one of them.
type way struct {
	*frayed
	url    string
	broken atomic.Int64

	mu     sync.Mutex
	random *rand.Rand // guarded by mu
	left   int        // guarded by mu; connections that are yet to break
}

// way makes another one, until the test ends.
func (f *frayed) way() *way {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { l.Close() })
	w := &way{frayed: f, url: "http://" + l.Addr().String(), random: rand.New(rand.NewPCG(*seed, uint64(len(f.ways))))}
	f.ways = append(f.ways, w)
	go w.serve(l)
	return w
}

// fray has the ways break so many connections from now on, equally many each.
func (f *frayed) fray(total int) {
	for i, w := range f.ways {
		w.mu.Lock()
		w.left = (total + i) / len(f.ways)
		w.mu.Unlock()
	}
}

// left is how many connections are yet to break.
func (f *frayed) left() (n int) {
	for _, w := range f.ways {
		w.mu.Lock()
		n += max(w.left, 0)
		w.mu.Unlock()
	}
	return n
}

func (w *way) serve(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go w.carry(in.(*net.TCPConn))
	}
}

// carry passes bytes on until the connection breaks, or one side ends it.
func (w *way) carry(in *net.TCPConn) {
	defer in.Close()
	out, err := net.Dial("tcp", w.target)
	if err != nil {
		return // the server is away
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(out, in) // ends with the connection
		out.Close()
	}()
	most, reset := w.draw()
	if n, _ := io.CopyN(in, out, most); n < most {
		return
	}
	if reset {
		_ = in.SetLinger(0) // what the client has not read is lost
	}
	w.broken.Add(1)
	w.frayed.broken.Add(1)
	w.mu.Lock()
	w.left--
	w.mu.Unlock()
}

// draw says after how many bytes a connection breaks, from within the head of the answer to some
// seconds later, and whether that is a reset.
func (w *way) draw() (most int64, reset bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left <= 0 {
		return math.MaxInt64, false
	}
	return int64(math.Exp2(5 + 8*w.random.Float64())), w.random.IntN(2) == 0
}
