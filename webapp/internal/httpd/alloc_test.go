package httpd

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
)

// TestNoAllocation sends small requests over a kept connection. The client side
// allocates nothing either, so every allocation counted is the server's.
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
				if n := allocsPerExchange(nc, request); n != 0 {
					t.Errorf("%v allocations per request", n)
				}
			})
		}
	}
}

// TestAllocationTLS allows the one allocation of crypto/tls for each Read.
func TestAllocationTLS(t *testing.T) {
	l := listen(t, "tcp")
	serve(t, tls.NewListener(l, tlsConfig(t)), allocHandler, Options{})
	nc, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if n := allocsPerExchange(nc, positionReport); n > 2 { // client and server
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

func allocsPerExchange(nc net.Conn, request string) float64 {
	out := []byte(strings.Clone(request))
	in := make([]byte, 4096)
	nc.Write(out)
	n, _ := nc.Read(in) // learn the length of the answer
	in = in[:n]
	return testing.AllocsPerRun(1000, func() {
		nc.Write(out)
		io.ReadFull(nc, in)
	})
}
