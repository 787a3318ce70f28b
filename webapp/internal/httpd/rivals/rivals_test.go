// Package rivals compares our HTTP server with fasthttp and net/http. It is a module of its
// own, so that the server does not depend on what it is only compared with:
//
//	cd webapp/internal/httpd/rivals && go test -bench . -count 5
package rivals

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/valyala/fasthttp"

	"isuride/webapp/internal/httpd"
)

const (
	connections = 64
	request     = "POST /api/chair/coordinate HTTP/1.1\r\nHost: localhost\r\nCookie: chair_session=0123456789abcdef0123456789abcdef\r\n" +
		"Content-Type: application/json\r\nContent-Length: 32\r\n\r\n" + `{"latitude":-120,"longitude":87}`
	recordedAt = `{"recorded_at":1732579200123}`
)

// TestMain lets this program be the load, too: a process of its own, so that the CPU time
// of the test's process is the server's.
func TestMain(m *testing.M) {
	if addr := os.Getenv("RIVALS_LOAD"); addr != "" {
		n, err := strconv.Atoi(os.Getenv("RIVALS_REQUESTS"))
		if err == nil {
			err = load(addr, n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// BenchmarkServers answers a small POST over kept connections. cpu-ns/op is the CPU time
// of the server, user and system, for a request. Compare figures of one run only.
func BenchmarkServers(b *testing.B) {
	for _, s := range []struct {
		name  string
		serve func(net.Listener)
	}{{"httpd", serveOurs}, {"fasthttp", serveFast}, {"nethttp", serveStandard}} {
		b.Run(s.name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go s.serve(l)
			drive(b, l.Addr().String(), 20*connections) // warm up
			before := cpu(b)
			b.ResetTimer()
			drive(b, l.Addr().String(), b.N)
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// TestAnswers: all three give the same answer.
func TestAnswers(t *testing.T) {
	for name, serve := range map[string]func(net.Listener){"httpd": serveOurs, "fasthttp": serveFast, "nethttp": serveStandard} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go serve(l)
		if err := load(l.Addr().String(), connections); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func serveOurs(l net.Listener) {
	httpd.New(func(c *httpd.Ctx) {
		if len(c.Body()) == 0 || c.Cookie("chair_session") == nil {
			c.SetStatus(400)
			return
		}
		c.SetHead("Content-Type: application/json;charset=utf-8\r\n")
		c.SetBody(append(c.Out(0), recordedAt...))
	}, httpd.Options{}).Serve(l)
}

func serveFast(l net.Listener) {
	fasthttp.Serve(l, func(c *fasthttp.RequestCtx) {
		if len(c.PostBody()) == 0 || c.Request.Header.Cookie("chair_session") == nil {
			c.SetStatusCode(400)
			return
		}
		c.SetContentType("application/json;charset=utf-8")
		c.SetBodyString(recordedAt)
	})
}

func serveStandard(l net.Listener) {
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var buf [64]byte
		n, _ := io.ReadFull(r.Body, buf[:])
		if _, err := r.Cookie("chair_session"); err != nil || n == 0 {
			w.WriteHeader(400)
			return
		}
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		io.WriteString(w, recordedAt)
	}))
}

// drive has n requests made by another process.
func drive(b *testing.B, addr string, n int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "RIVALS_LOAD="+addr, "RIVALS_REQUESTS="+strconv.Itoa(n))
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("load: %v\n%s", err, out)
	}
}

// load makes n requests over all connections.
func load(addr string, n int) error {
	var wg sync.WaitGroup
	errs := make([]error, connections)
	for i := range connections {
		share := n / connections
		if i < n%connections {
			share++
		}
		wg.Go(func() { errs[i] = ask(addr, share) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ask makes n requests over one connection, one after the other.
func ask(addr string, n int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for range n {
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return err
			}
			if line == "\r\n" {
				break
			}
			if strings.HasPrefix(line, "HTTP/1.1 ") && !strings.HasPrefix(line, "HTTP/1.1 200") {
				return fmt.Errorf("answer %q", line)
			}
		}
		body := make([]byte, len(recordedAt))
		if _, err := io.ReadFull(in, body); err != nil || string(body) != recordedAt {
			return fmt.Errorf("body %q: %v", body, err)
		}
	}
	return nil
}

func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
