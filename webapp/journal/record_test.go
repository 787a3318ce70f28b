package journal

import (
	"bytes"
	"testing"
)

func TestRecordLayout(t *testing.T) {
	for _, size := range []int{0, 1, 7, 8, 9, 1000} {
		b := make([]byte, recordSize(size)+wordSize)
		p := numbered(3, size)
		putRecord(b, 5, p)
		if got := body(b); !bytes.Equal(got, p) || cap(got) != size {
			t.Errorf("%d bytes read as %x with room for %d", size, got, cap(got))
		}
		if end, next, reason := scan(b, 0, 5); end != recordSize(size) || next != 6 || reason != "" {
			t.Errorf("%d bytes: scan says %d, %d, %q", size, end, next, reason)
		}
	}
}

// A record that a lost write left where another belongs has a good checksum of its own.
func TestRecordBelongsToItsNumber(t *testing.T) {
	b := make([]byte, recordSize(10))
	putRecord(b, 5, numbered(3, 10))
	for _, seq := range []uint64{0, 4, 6, 5 << 8} {
		if end, _, reason := scan(b, 0, seq); end != 0 || reason == "" {
			t.Errorf("record 5 passes for record %d", seq)
		}
	}
}

func TestUsed(t *testing.T) {
	for _, size := range []int{0, 1, 8, 13, 64} {
		for n := range size + 1 {
			b := make([]byte, size)
			if n > 0 {
				b[n-1] = 1
			}
			if got := used(b); got != n {
				t.Errorf("%d of %d bytes: %d", n, size, got)
			}
		}
	}
}
