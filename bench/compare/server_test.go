package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/freeport"
)

// TestMain is also the server that the tests start.
func TestMain(m *testing.M) {
	if address := os.Getenv("COMPARE_TEST_LISTEN"); address != "" {
		serve(address)
		return
	}
	runtime.LockOSThread()
	os.Exit(m.Run())
}

func serve(address string) {
	if address == "fail" {
		fmt.Println("cannot serve")
		os.Exit(3)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		c.Close()
	}
}

func start(t *testing.T, serve, address string) (*server, string, error) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	cmd := process(context.Background(), os.Args[0])
	cmd.Env = append(os.Environ(), "COMPARE_TEST_LISTEN="+serve)
	s, err := listen(cmd, "the server", address, log)
	return s, log, err
}

func TestServer(t *testing.T) {
	address := freeport.Address(t)
	s, _, err := start(t, address, address)
	if err != nil {
		t.Fatal(err)
	}
	if cpu, err := s.cpu(); err != nil || cpu < 0 || cpu > time.Minute {
		t.Errorf("CPU %v, %v", cpu, err)
	}
	if bytes, err := s.peakMemory(); err != nil || bytes < 1<<20 {
		t.Errorf("peak memory %d, %v", bytes, err)
	}
	if _, _, err := start(t, address, address); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("the second server on one address: %v", err)
	}
	if _, err := s.end(syscall.SIGTERM); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("stopped: %v", err)
	}
	s.end(syscall.SIGKILL) // harmless: it has ended
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}

func TestServerThatEnds(t *testing.T) {
	_, log, err := start(t, "fail", freeport.Address(t))
	if err == nil || !strings.Contains(err.Error(), "exit status 3; see "+log) {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(log); string(b) != "cannot serve\n" {
		t.Errorf("log %q", b)
	}
}

func TestCPUOf(t *testing.T) {
	stat := "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 7 7 20 0 5 0 100 0 0"
	if cpu, err := cpuOf(stat); err != nil || cpu != 3*time.Second {
		t.Errorf("%v, %v", cpu, err)
	}
	if _, err := cpuOf("42 (a)"); err == nil {
		t.Error("a short line is no error")
	}
}
