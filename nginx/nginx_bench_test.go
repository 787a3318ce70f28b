package nginx_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// The variants change one choice of the configuration each; README.md quotes the
// results. Times are CPU of all nginx workers (nginx-ns/op) and of client plus
// upstream, which share the test's process (rest-ns/op); they depend less than the
// elapsed time on what else the machine does.
func BenchmarkRequest(b *testing.B) {
	benchmark(b, false, map[string][]string{
		"as configured":          nil,
		"HTTP 2":                 {" ssl reuseport", " ssl http2 reuseport"},
		"no upstream keep-alive": {"keepalive          1024;", "", `proxy_set_header         Connection "";`, ""},
	})
}

// A new connection with a full handshake per request.
func BenchmarkHandshake(b *testing.B) {
	benchmark(b, true, map[string][]string{
		"as configured":        nil,
		"shared session cache": {"ssl_session_cache   off;", "ssl_session_cache shared:tls:10m;"},
		"no tickets":           {"ssl_session_tickets on;", "ssl_session_tickets off;"},
	})
}

func benchmark(b *testing.B, reconnect bool, variants map[string][]string) {
	for name, edits := range variants {
		b.Run(name, func(b *testing.B) {
			var served atomic.Int32
			s := start(b, ok(&served), edits...)
			nginxBefore, restBefore := s.workerCPU(b), ownCPU(b)
			b.ResetTimer()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				client := s.client(b, "127.0.0.1")
				for pb.Next() {
					s.position(b, client)
					if reconnect {
						client.CloseIdleConnections()
					}
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(s.workerCPU(b)-nginxBefore)/float64(b.N), "nginx-ns/op")
			b.ReportMetric(float64(ownCPU(b)-restBefore)/float64(b.N), "rest-ns/op")
		})
	}
}

// position sends one request as a chair does.
func (s *stack) position(b *testing.B, client *http.Client) {
	got := s.do(b, client, http.MethodPost, "/api/chair/coordinate",
		map[string]string{"Cookie": "chair_session=0123456789abcdef0123456789abcdef"},
		strings.NewReader(`{"latitude":13,"longitude":-208}`))
	if got.status != http.StatusNoContent {
		b.Fatalf("status %d", got.status)
	}
}

// workerCPU returns the nanoseconds that the workers have run.
func (s *stack) workerCPU(b *testing.B) (sum int64) {
	for _, pid := range s.workers(b) {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if err != nil {
			b.Skip("the kernel does not account for CPU per process: ", err)
		}
		var ran int64
		if _, err := fmt.Sscan(string(content), &ran); err != nil {
			b.Fatal(err)
		}
		sum += ran
	}
	return sum
}

// ownCPU returns the nanoseconds that this process has run.
func ownCPU(b *testing.B) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
