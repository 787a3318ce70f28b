package httpd

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	"isuride/tools/dev/allocs"
)

// TestQuickCalls: reads and writes of all sizes move what they say, a socket that is empty or full
// says so without an allocation, and none is an error.
func TestQuickCalls(t *testing.T) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fds[0])
	defer syscall.Close(fds[1])
	text := bytes.Repeat([]byte("0123456789abcdefg"), 4000)
	for _, size := range []int{1, 200, 16 << 10, 16<<10 + 1, 60_000} {
		got := make([]byte, len(text))
		if n, err := writeSome(fds[0], text[:size]); n != size || err != nil {
			t.Fatalf("of %d bytes %d are written: %v", size, n, err)
		}
		for have := 0; have < size; {
			n, err := readSome(fds[1], got[have:size])
			if err != nil {
				t.Fatalf("of %d bytes %d are read: %v", size, have, err)
			}
			have += n
		}
		if !bytes.Equal(got[:size], text[:size]) {
			t.Errorf("%d bytes come as others", size)
		}
	}
	small := make([]byte, 100)
	if n := allocs.PerRun(100, func() {
		if _, err := readSome(fds[1], small); err != syscall.EAGAIN {
			t.Errorf("an empty socket says %v", err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for n := 1; n > 0; {
		if n, err = writeSome(fds[0], text[:1000]); err != nil {
			t.Fatalf("a full socket says %v", err)
		}
	}
	if _, err := writeSome(-1, small); !errors.Is(err, syscall.EBADF) {
		t.Errorf("no descriptor says %v", err)
	}
}
