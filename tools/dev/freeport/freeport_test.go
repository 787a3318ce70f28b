package freeport

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestTake gives no port twice, nor one at which somebody listens.
func TestTake(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	taken, err := net.Listen("tcp", Address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	given := make(chan int, 4000)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				port, err := Take(5)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range 5 {
					given <- port + i
				}
			}
		})
	}
	wait.Wait()
	close(given)
	seen := map[int]bool{}
	for port := range given {
		if seen[port] || port < first || port >= end || taken.Addr().String() == fmt.Sprintf("127.0.0.1:%d", port) {
			t.Fatalf("port %d is given twice, or is another one's", port)
		}
		seen[port] = true
	}
	if len(seen) == 0 {
		t.Error("no ports are given")
	}
}

// TestRound begins again after the last, and with a file that is none.
func TestRound(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, text := range []string{fmt.Sprint(end - 2), "", "x", "-5"} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("isuride-ports-%d", os.Geteuid())), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if port, err := Take(5); err != nil || port < first || port+5 > end-2 {
			t.Errorf("after %q comes %d, %v", text, port, err)
		}
	}
}
