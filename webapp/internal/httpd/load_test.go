package httpd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"isuride/tools/dev/bound"
)

// loadVar holds the target of a load process: network, address and "tls", "plain" or,
// without TLS, "bursts", separated by commas.
const loadVar = "HTTPD_TEST_LOAD"

// loadConns is how many kept connections the load uses.
const loadConns = 64

// positionReport is the most frequent request of the load, with the headers the
// benchmarker sends (bench 13.2).
const positionReport = "POST /api/chair/coordinate HTTP/1.1\r\n" +
	"Host: localhost:8080\r\n" +
	"User-Agent: isucandar\r\n" +
	"Content-Length: 34\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Connection: keep-alive\r\n" +
	"Content-Type: application/json; charset=utf-8\r\n" +
	"Cookie: chair_session=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n" +
	"\r\n" +
	`{"latitude":-123,"longitude":4567}`

// load drives a server from another process.
type load struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

func startLoad(b testing.TB, target string) *load {
	b.Helper()
	cmd := bound.Command(b, os.Args[0])
	cmd.Env = append(os.Environ(), loadVar+"="+target)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &load{in, bufio.NewScanner(out)}
}

// run sends n requests and returns when they are answered.
func (l *load) run(b testing.TB, n int) { l.command(b, n) }

// openStreams opens n streams and keeps them.
func (l *load) openStreams(b testing.TB, n int) { l.command(b, -n) }

func (l *load) command(b testing.TB, n int) {
	b.Helper()
	fmt.Fprintln(l.in, n)
	if !l.out.Scan() || l.out.Text() != "done" {
		b.Fatalf("load process: %q", l.out.Text())
	}
}

// runLoad is the load process: every line of stdin is a number of requests, or, negative,
// of streams.
func runLoad(target string) {
	t := strings.Split(target, ",")
	if t[2] == "bursts" {
		runBursts(t[0], t[1])
		return
	}
	dial := func() net.Conn { return dialLoad(t[0], t[1], t[2] == "tls") }
	var conns []*loadConn
	var streams []net.Conn
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		n, _ := strconv.Atoi(commands.Text())
		for ; n < 0; n++ {
			streams = append(streams, dial())
			openLoadStream(streams[len(streams)-1])
		}
		for n > 0 && len(conns) < loadConns {
			conns = append(conns, newLoadConn(dial()))
		}
		runRequests(conns, n)
		fmt.Println("done")
	}
}

func dialLoad(network, addr string, secure bool) net.Conn {
	nc, err := net.Dial(network, addr)
	if err != nil {
		panic(err)
	}
	if secure {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	return nc
}

// runRequests spreads n requests over the connections.
func runRequests(conns []*loadConn, n int) {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() { c.run(&left) })
	}
	wg.Wait()
}

func openLoadStream(nc net.Conn) {
	io.WriteString(nc, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	buf := make([]byte, len(streamHead)+2)
	if _, err := io.ReadFull(nc, buf); err != nil {
		panic(err)
	}
}

// loadConn sends one request after the other. All answers have the length of the first,
// which is found out once.
type loadConn struct {
	nc  net.Conn
	buf []byte
}

func newLoadConn(nc net.Conn) *loadConn {
	c := &loadConn{nc: nc, buf: make([]byte, 4096)}
	io.WriteString(nc, positionReport)
	n, err := nc.Read(c.buf) // small answers come in one piece
	if err != nil || !strings.HasPrefix(string(c.buf), "HTTP/1.1 200 OK\r\n") {
		panic(fmt.Sprintf("first answer: %q, %v", c.buf[:n], err))
	}
	c.buf = c.buf[:n]
	return c
}

func (c *loadConn) run(left *atomic.Int64) {
	for left.Add(-1) >= 0 {
		c.send()
		c.receive()
	}
}

var requestBytes = []byte(positionReport)

func (c *loadConn) send() {
	if _, err := c.nc.Write(requestBytes); err != nil {
		panic(err)
	}
}

func (c *loadConn) receive() {
	if _, err := io.ReadFull(c.nc, c.buf); err != nil {
		panic(err)
	}
}

const (
	burstConns = 8000
	// burstSize is how many requests are under way at once: what a full load asks in a
	// millisecond. It divides burstConns.
	burstSize = 250
)

// runBursts is runLoad with requests that go round all connections.
func runBursts(network, addr string) {
	var conns []*loadConn
	next := 0
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		n, _ := strconv.Atoi(commands.Text())
		for len(conns) < burstConns {
			conns = append(conns, newLoadConn(dialLoad(network, addr, false)))
		}
		for ; n > 0; n -= burstSize {
			runBurst(conns[next:][:min(n, burstSize)])
			next = (next + burstSize) % burstConns
		}
		fmt.Println("done")
	}
}

func runBurst(conns []*loadConn) {
	for _, c := range conns {
		c.send()
	}
	for _, c := range conns {
		c.receive()
	}
}
