package live

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/freeport"
)

// TestScale runs a city of 20,000 users and 3,000 chairs at once from this process
// against the server of this repository in another one. All of them stay to the end.
// Every chair holds its stream of notifications, and a connection for its calls while it
// drives; a user holds a stream and a connection while on a ride and a while longer, and
// none between rides.
//
// With the race detector, whose memory says nothing, the city is smaller. The whole one:
//
//	go test -run TestScale -v ./bench/live
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a large city")
	}
	users, chairs := 20_000, 3_000
	if raceDetector {
		users, chairs = 1000, 150
	}
	c := startIsuride(t)
	c.Load, c.Seed = 5*time.Second, 1
	c.RideRate, c.Chairs, c.Users = float64(chairs)/15, chairs, users
	if err := checkFiles(c.connections()); err != nil {
		t.Skip(err)
	}
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	last, memory := r.Series[len(r.Series)-1], peakMemory(t)
	t.Logf("%d users and %d chairs, %d rides completed, at most %d connections, %d requests, %d ticks, %d lost; peak memory %d MiB, CPU %.1f s",
		last.ActiveUsers, last.Chairs, last.Completed, r.Dials.PeakOpen, r.Requests.Requests, r.Ticks, r.LostTicks, memory>>20, r.Usage.CPUSeconds())
	if !r.Passed || r.ErrorCount > 0 || r.BenchFaults > 0 {
		t.Errorf("%s, %d errors, %d faults of the bench: %+v %s", r.Reason, r.ErrorCount, r.BenchFaults, r.Errors, r.BenchFault)
	}
	if last.ActiveUsers != users || last.Chairs != chairs || last.Completed == 0 {
		t.Errorf("%+v", last)
	}
	if limit := int64(3 << 29); memory > limit && !raceDetector {
		t.Errorf("peak memory of %d bytes, more than %d", memory, limit)
	}
}

// peakMemory is the highest memory use of this process so far.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return u.Maxrss << 10
}

// startIsuride builds and starts the server and returns the settings of a run against it.
func startIsuride(t *testing.T) Config {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "isuride")
	if output, err := bound.Command(t, "go", "build", "-o", program, "isuride/webapp/cmd/isuride").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	addr := freeport.Address(t)
	var log bytes.Buffer
	cmd := bound.Command(t, program)
	cmd.Env = append(os.Environ(), "ISURIDE_DATA="+filepath.Join(dir, "data"), "ISURIDE_LISTEN="+addr)
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	awaitListener(t, addr, &log)
	payments := freeport.Address(t)
	return Config{
		Target: &url.URL{Scheme: "http", Host: addr}, Dests: []netip.AddrPort{netip.MustParseAddrPort(addr)},
		PaymentURL: "http://" + payments, PaymentBind: payments, settling: time.Millisecond,
	}
}

func awaitListener(t *testing.T, addr string, log fmt.Stringer) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not listen: %v: %s", err, strings.TrimSpace(log.String()))
		}
	}
}
