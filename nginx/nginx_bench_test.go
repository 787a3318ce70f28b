package nginx_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/devcert/cert"
)

// variant is a route from the client to the server. README.md lists the cost of each.
type variant struct {
	name  string
	rsa   bool // an RSA-2048 certificate instead of ECDSA P-256
	begin func(b *testing.B, s *site)
}

var variants = []variant{
	{name: "as configured", begin: throughNginx()},
	{name: "RSA certificate", rsa: true, begin: throughNginx()},
	{name: "no tickets", begin: throughNginx("ssl_session_tickets on;", "ssl_session_tickets off;")},
	{name: "shared session cache", begin: throughNginx("ssl_session_cache   off;", "ssl_session_cache shared:tls:10m;")},
	{name: "one worker", begin: throughNginx("worker_processes     auto;", "worker_processes 1;")},
	{name: "HTTP 2", begin: func(b *testing.B, s *site) { s.nginx(b, "NGINX_HTTP2=on") }},
	{name: "TCP to the server", begin: func(b *testing.B, s *site) { s.nginx(b, "NGINX_UPSTREAM="+s.tcp) }},
	{name: "no keep-alive to the server", begin: throughNginx("keepalive          1024;", "", `proxy_set_header         Connection "";`, "")},
	{name: "behind the spread", begin: func(b *testing.B, s *site) { s.spread(b) }},
	{name: "access log", begin: func(b *testing.B, s *site) { s.nginx(b, "NGINX_ACCESS_LOG="+s.front.path("access.log")) }},
	{name: "TLS in the server", begin: func(_ *testing.B, s *site) { s.url = "https://" + s.tls }},
	{name: "RSA in the server", rsa: true, begin: func(_ *testing.B, s *site) { s.url = "https://" + s.tls }},
	{name: "server without TLS", begin: func(_ *testing.B, s *site) { s.url = "http://" + s.tcp }},
}

func throughNginx(edits ...string) func(*testing.B, *site) {
	return func(b *testing.B, s *site) { s.nginxEdited(b, nil, edits) }
}

// BenchmarkRequest has eight clients per core send one request after another on their
// connections.
func BenchmarkRequest(b *testing.B) { benchmark(b, false) }

// BenchmarkHandshake makes them reconnect for each request, with a full handshake.
func BenchmarkHandshake(b *testing.B) { benchmark(b, true) }

// benchmark reports CPU times; nginx-ns/op is the sum over nginx's workers. They depend
// less than elapsed time on what else the machine is doing.
func benchmark(b *testing.B, reconnect bool) {
	program := buildServer(b)
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			s := newSite(b)
			if v.rsa {
				s.certifyRSA(b)
			}
			s.serve(b, program)
			v.begin(b, s)
			clients := s.clients(b)
			before := s.spent(b)
			b.SetParallelism(cap(clients) / runtime.GOMAXPROCS(0))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				client := <-clients
				for pb.Next() {
					s.ask(b, client)
					if reconnect {
						client.CloseIdleConnections()
					}
				}
			})
			b.StopTimer()
			after := s.spent(b)
			for i, name := range [...]string{"nginx-ns/op", "server-ns/op", "client-ns/op"} {
				b.ReportMetric(float64(after[i]-before[i])/float64(b.N), name)
			}
		})
	}
}

// clients are connected already.
func (s *site) clients(b *testing.B) chan *http.Client {
	list := make(chan *http.Client, 8*runtime.GOMAXPROCS(0))
	for range cap(list) {
		client := s.front.client(b, "127.0.0.1")
		s.ask(b, client)
		list <- client
	}
	return list
}

// certifyRSA replaces the certificate with one that has a 2048-bit RSA key.
func (s *site) certifyRSA(b *testing.B) {
	b.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		b.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		cert.CertFile: {Type: "CERTIFICATE", Bytes: der},
		cert.KeyFile:  {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
	} {
		if err := os.WriteFile(s.front.path(name), pem.EncodeToMemory(block), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// ask sends a request like the most frequent one of a run, but for a chair that does not
// exist, so that only HTTP itself costs anything.
func (s *site) ask(b *testing.B, client *http.Client) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url+"/api/chair/coordinate",
		strings.NewReader(`{"latitude":13,"longitude":-208}`))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Cookie", "chair_session=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := client.Do(r)
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusUnauthorized {
		b.Errorf("status %d, %v", resp.StatusCode, err)
	}
}

// spent returns the CPU time of nginx's workers, the server and the client in
// nanoseconds.
func (s *site) spent(b *testing.B) (sum [3]int64) {
	if s.front.process != nil {
		for _, pid := range s.front.workers(b) {
			sum[0] += ran(b, fmt.Sprintf("/proc/%d/schedstat", pid))
		}
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.server.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range threads {
		sum[1] += ran(b, path)
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	sum[2] = usage.Utime.Nano() + usage.Stime.Nano()
	return sum
}

// ran returns a thread's CPU time in nanoseconds.
func ran(b *testing.B, path string) (ns int64) {
	content, err := os.ReadFile(path)
	if err != nil {
		b.Skip("the kernel does not account for CPU per thread: ", err)
	}
	if _, err := fmt.Sscan(string(content), &ns); err != nil {
		b.Fatal(err)
	}
	return ns
}
