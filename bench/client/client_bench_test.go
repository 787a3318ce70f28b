package client

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"isuride/bench/client/answer"
	"isuride/bench/world"
	"isuride/tools/dev/bound"
)

// envResponder names the address on which a responder listens.
const envResponder = "BENCH_CLIENT_RESPONDER"

// TestMain turns the test binary into the benchmarks' server if asked to, so that its CPU
// time is not measured.
func TestMain(m *testing.M) {
	if address := os.Getenv(envResponder); address != "" {
		respond(address)
		return
	}
	os.Exit(m.Run())
}

// respond answers every request of every connection alike, as cheaply as goroutines
// allow. It ends with its input.
func respond(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go respondOn(c)
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}

func respondOn(c net.Conn) {
	reply := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 29\r\n\r\n" +
		`{"recorded_at":1732579200000}`)
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf) // a whole request, as the client writes it at once
		if err != nil || !bytes.Contains(buf[:n], []byte("latitude")) {
			return
		}
		c.Write(reply)
	}
}

// startResponder returns the address of a responder in another process.
func startResponder(b testing.TB) string {
	addr, _ := startResponderAs(b, "127.0.0.1:0", nil)
	return addr
}

// startResponderAs starts one that listens at the address and is a process as the
// attributes say.
func startResponderAs(b testing.TB, address string, attributes *syscall.SysProcAttr) (addr string, pid int) {
	cmd := bound.Command(b, os.Args[0])
	cmd.Env = append(os.Environ(), envResponder+"="+address)
	cmd.SysProcAttr = attributes
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
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid
}

// cpuTime is the CPU time of this process, system time included.
func cpuTime(b testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTick makes a number of chairs report their position in every tick of 30 ms, in
// real time, and measures the CPU time of the bench per request: with this engine, and
// with net/http and a goroutine per chair as the official bench.
func BenchmarkTick(b *testing.B) {
	for _, chairs := range []int{10, 40, 150, 600} {
		b.Run(fmt.Sprintf("events/%d", chairs), func(b *testing.B) { benchmarkTick(b, chairs, 0) })
		b.Run(fmt.Sprintf("events-other-loop/%d", chairs), func(b *testing.B) { benchmarkTick(b, chairs, 1) })
		b.Run(fmt.Sprintf("nethttp/%d", chairs), func(b *testing.B) { benchmarkTickNetHTTP(b, chairs) })
	}
}

func benchmarkTick(b *testing.B, chairs, loops int) {
	addr := startResponder(b)
	r := newRig(b, "http", addr, func(c *Config) { c.Loops = loops })
	busy := make([]bool, chairs) // an answer that takes longer than a tick makes the chair skip the next
	clients := make([]world.ChairClient, chairs)
	for i := range clients {
		clients[i] = r.engine.NewChair(world.Entity{Kind: world.KindChair, Index: int32(i)})
	}
	answered := 0
	r.engine.deliver = func(_ world.Instant, e world.Event) {
		r.ok(e)
		busy[e.To.Index] = false
		answered++
	}
	report := func() {
		for i, c := range clients {
			if !busy[i] {
				busy[i] = true
				c.PostPosition(world.Point{X: int32(i), Y: -7})
			}
		}
	}
	r.loop.Post(taskFunc(report)) // connects
	r.until("connected", func() bool { return answered == chairs })
	answered = 0
	ticks, cpu := 0, cpuTime(b)
	ticker := r.loop.Every(30*time.Millisecond, func(int) {
		if ticks++; ticks > b.N {
			r.loop.Stop()
			return
		}
		report()
	})
	if err := r.loop.Run(); err != nil {
		b.Fatal(err)
	}
	ticker.Stop()
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/1e3/float64(answered), "cpu-us/req")
}

func benchmarkTickNetHTTP(b *testing.B, chairs int) {
	addr := startResponder(b)
	clients := make([]*http.Client, chairs)
	for i := range clients {
		clients[i] = &http.Client{Transport: &http.Transport{}}
		b.Cleanup(clients[i].CloseIdleConnections)
	}
	post := func(c *http.Client) {
		req, _ := http.NewRequestWithContext(context.Background(), "POST", "http://"+addr+"/api/chair/coordinate", strings.NewReader(`{"latitude":1,"longitude":-7}`))
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
		resp, err := c.Do(req)
		if err != nil {
			b.Error(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if _, err := answer.RecordedAt(body); err != nil {
			b.Error(err)
		}
	}
	ticker := time.NewTicker(30 * time.Millisecond)
	defer ticker.Stop()
	cpu := cpuTime(b)
	for range b.N {
		var wg sync.WaitGroup
		for _, c := range clients {
			wg.Go(func() { post(c) })
		}
		wg.Wait()
		<-ticker.C
	}
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/1e3/float64(b.N*chairs), "cpu-us/req")
}
