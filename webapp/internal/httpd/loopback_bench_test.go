package httpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const recordedAt = `{"recorded_at":1732579200123}`

// BenchmarkLoopback compares servers answering the same small POST over 64 kept
// connections driven by another process. cpu-ns/op is the CPU time of the server process,
// user and system, for one request; ns/op also depends on the load. reads/op and
// writes/op are its read(2) and write(2) calls, failed ones included.
func BenchmarkLoopback(b *testing.B) {
	for _, bc := range []struct {
		name    string
		network string
		tls     bool
		wrap    func(testing.TB, net.Listener) net.Listener
		serve   func(net.Listener)
	}{
		{"httpd/tcp", "tcp", false, plain, serveOurs},
		{"httpd/blocking", "tcp", false, hide, serveOurs},
		{"nethttp/tcp", "tcp", false, plain, serveStandard},
		{"httpd/unix", "unix", false, plain, serveOurs},
		{"nethttp/unix", "unix", false, plain, serveStandard},
		{"httpd/tls", "tcp", true, secure, serveOurs},
		{"httpd/tls-blocking", "tcp", true, secureStandard, serveOurs},
		{"nethttp/tls", "tcp", true, secureStandard, serveStandard},
	} {
		b.Run(bc.name, func(b *testing.B) {
			l := listen(b, bc.network)
			target := bc.network + "," + l.Addr().String() + ",plain"
			if bc.tls {
				target = bc.network + "," + l.Addr().String() + ",tls"
			}
			go bc.serve(bc.wrap(b, l))
			defer l.Close()
			startLoad(b, target).measure(b, 20*loadConns)
		})
	}
}

// BenchmarkManyConnections is BenchmarkLoopback over so many connections, asking in
// bursts, that what a server keeps for each of them is cold in the caches when its turn
// comes again.
func BenchmarkManyConnections(b *testing.B) {
	for name, serve := range map[string]func(net.Listener){"httpd": serveOurs, "nethttp": serveStandard} {
		b.Run(name, func(b *testing.B) {
			l := listen(b, "tcp")
			go serve(l)
			defer l.Close()
			startLoad(b, "tcp,"+l.Addr().String()+",bursts").measure(b, 2*burstConns)
		})
	}
}

// measure reports what b.N requests cost, after some to warm up.
func (l *load) measure(b *testing.B, warmUp int) {
	l.run(b, warmUp)
	b.ReportAllocs()
	b.ResetTimer()
	before := usedBy(b)
	l.run(b, b.N)
	after := usedBy(b)
	b.ReportMetric((after.cpu-before.cpu)/float64(b.N), "cpu-ns/op")
	b.ReportMetric((after.reads-before.reads)/float64(b.N), "reads/op")
	b.ReportMetric((after.writes-before.writes)/float64(b.N), "writes/op")
}

func serveOurs(l net.Listener) {
	s := New(func(c *Ctx) {
		if len(c.Body()) == 0 || c.Cookie("chair_session") == nil {
			c.SetStatus(400)
			return
		}
		c.SetHead("Content-Type: application/json;charset=utf-8\r\n")
		c.SetBody(append(c.Out(0), recordedAt...))
	}, Options{})
	s.Serve(l)
}

func serveStandard(l net.Listener) {
	body := []byte(recordedAt)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var buf [64]byte
		n, _ := io.ReadFull(r.Body, buf[:])
		if _, err := r.Cookie("chair_session"); err != nil || n == 0 {
			w.WriteHeader(400)
			return
		}
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		w.Write(body)
	})
	(&http.Server{Handler: h}).Serve(l)
}

func listen(tb testing.TB, network string) net.Listener {
	tb.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(tb.TempDir(), "sock")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// tlsConfig has a fresh certificate for localhost.
func tlsConfig(tb testing.TB) *tls.Config {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"http/1.1"},
	}
}

// usage is what this process has used: CPU time in ns, and system calls.
type usage struct{ cpu, reads, writes float64 }

func usedBy(b *testing.B) usage {
	b.Helper()
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		b.Fatal(err)
	}
	u := usage{cpu: float64(ru.Utime.Nano() + ru.Stime.Nano())}
	file, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Fatal(err)
	}
	var rchar, wchar int
	if _, err := fmt.Sscanf(string(file), "rchar: %d\nwchar: %d\nsyscr: %f\nsyscw: %f", &rchar, &wchar, &u.reads, &u.writes); err != nil {
		b.Fatal(err)
	}
	return u
}
