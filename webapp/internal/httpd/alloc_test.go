package httpd

import (
	"io"
	"net"
	"strings"
	"testing"

	"isuride/tools/dev/allocs"
)

// TestNoAllocation sends small requests over a kept connection. The client side allocates
// nothing either, so every allocation counted is the server's.
func TestNoAllocation(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for name, request := range map[string]string{
			"get":        lines("GET /api/app/nearby-chairs?latitude=1&longitude=2 HTTP/1.1", "Host: x", "Cookie: chair_session=1"),
			"post":       positionReport,
			"chunked":    lines("POST / HTTP/1.1", "Host: x", "Cookie: chair_session=1", "Transfer-Encoding: chunked") + "1\r\na\r\n0\r\n\r\n",
			"bad path":   lines("GET /404 HTTP/1.1", "Host: x"),
			"set cookie": lines("GET /cookie HTTP/1.1", "Host: x"),
		} {
			t.Run(network+"/"+name, func(t *testing.T) {
				l := listen(t, network)
				serve(t, l, allocHandler, Options{})
				nc, err := net.Dial(network, l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				if n := allocsPerExchange(t, nc, request); n != 0 {
					t.Errorf("%v allocations per request", n)
				}
			})
		}
	}
}

// TestAllocationTLS allows the one small allocation of crypto/tls for each Read that
// reaches the network: one in the client, and two in the server, of which the second
// finds nothing.
func TestAllocationTLS(t *testing.T) {
	l := listen(t, "tcp")
	serve(t, secure(t, l), allocHandler, Options{})
	nc, err := target{l.Addr().String(), true}.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if n := allocsPerExchange(t, nc, positionReport); n > 3 {
		t.Errorf("%v allocations per request", n)
	}
}

func allocHandler(c *Ctx) {
	switch {
	case string(c.Path()) == "/404":
		c.SetStatus(404)
	case string(c.Path()) == "/cookie":
		c.SetHeader("Set-Cookie", "chair_session=1; Path=/")
	case c.Cookie("chair_session") == nil || c.Header("host") == nil:
		panic("no cookie")
	}
	c.SetHead("Content-Type: application/json;charset=utf-8\r\n")
	c.SetBody(append(c.Out(0), recordedAt...))
}

func allocsPerExchange(t *testing.T, nc net.Conn, request string) float64 {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget")
	}
	out := []byte(strings.Clone(request))
	in := make([]byte, 4096)
	nc.Write(out)
	n, _ := nc.Read(in) // learn the length of the answer
	in = in[:n]
	return allocs.PerRun(1000, func() {
		nc.Write(out)
		io.ReadFull(nc, in)
	})
}

func TestStreamWriteAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	h := newStreamer()
	l := listen(t, "tcp")
	serve(t, l, h.serve, Options{})
	c := dial(t, target{addr: l.Addr().String()})
	c.openStream()
	s := await(t, "open", h.opened)
	event := []byte("data: {}\n\n")
	in := make([]byte, len(event))
	n := allocs.PerRun(1000, func() {
		s.Write(event)
		io.ReadFull(c.Conn, in)
	})
	if n != 0 {
		t.Errorf("%v allocations per event", n)
	}
}
