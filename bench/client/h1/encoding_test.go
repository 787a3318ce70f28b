package h1

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// encode is the plain counterpart of Decode.
func encode(t *testing.T, e Encoding, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch e {
	case Identity:
		return []byte(body)
	case Gzip:
		w = gzip.NewWriter(&b)
	case Deflate:
		w, _ = flate.NewWriter(&b, flate.DefaultCompression)
	case Brotli:
		w = brotli.NewWriter(&b)
	}
	io.WriteString(w, body)
	w.Close()
	return b.Bytes()
}

func TestDecode(t *testing.T) {
	var d Decoder
	for _, e := range []Encoding{Identity, Gzip, Deflate, Brotli} {
		for _, body := range []string{"", "x", strings.Repeat("chair ", 10000)} { // twice each, to use a decoder again
			got, err := d.Decode(encode(t, e, body), e, 1<<20)
			if err != nil || string(got) != body {
				t.Errorf("coding %d, %d bytes: got %d bytes, error %v", e, len(body), len(got), err)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	var d Decoder
	for _, e := range []Encoding{Gzip, Deflate, Brotli} {
		bomb := encode(t, e, strings.Repeat("\x00", 1<<20))
		if _, err := d.Decode(bomb, e, 1<<10); !errors.Is(err, ErrTooLong) {
			t.Errorf("coding %d: a bomb gives %v", e, err)
		}
		if _, err := d.Decode([]byte("\xff\xff this is not compressed"), e, 1<<10); err == nil {
			t.Errorf("coding %d: garbage is accepted", e)
		}
		whole := encode(t, e, "a text of some length that is cut")
		// The brotli decoder takes a cut stream for a complete one; what it misses shows
		// in the JSON or the hash.
		if _, err := d.Decode(whole[:len(whole)-3], e, 1<<10); err == nil && e != Brotli {
			t.Errorf("coding %d: a cut body is accepted", e)
		}
		if got, err := d.Decode(whole, e, 1<<10); err != nil || string(got) != "a text of some length that is cut" {
			t.Errorf("coding %d: after an error: %q, %v", e, got, err)
		}
	}
}
