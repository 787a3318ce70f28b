package httpd

import (
	"math/rand/v2"
	"testing"
)

// TestIsFieldValue holds the eight-byte test against its plain twin: every byte at every
// place, then random values.
func TestIsFieldValue(t *testing.T) {
	check := func(b []byte) {
		if got, want := isFieldValue(b), allOf(classValue, b); got != want {
			t.Fatalf("isFieldValue(%q) = %t", b, got)
		}
	}
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				b := []byte("abcdefghijklmnopqrst")[:length]
				b[at] = byte(c)
				check(b)
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		b := make([]byte, rng.IntN(40))
		for i := range b {
			b[i] = byte(0x1c + rng.IntN(0x64)) // around both borders
		}
		check(b)
	}
}
