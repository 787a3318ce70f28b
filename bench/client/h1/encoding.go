package h1

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"

	"github.com/andybalholm/brotli"
)

// ErrTooLong is a body that grows beyond the limit when decoded.
var ErrTooLong = errors.New("decoded body too long")

// A Decoder undoes content codings. It keeps its decompressors for the next body; one
// goroutine may use it.
type Decoder struct {
	gzip   *gzip.Reader
	flate  io.ReadCloser
	brotli *brotli.Reader
	in     bytes.Reader
	out    bytes.Buffer
}

// Decode returns the body without its coding, at most limit bytes. The result is valid
// until the next call; without a coding it is body itself.
func (d *Decoder) Decode(body []byte, e Encoding, limit int64) ([]byte, error) {
	if e == Identity {
		return body, nil
	}
	d.in.Reset(body)
	r, err := d.reader(e)
	if err != nil {
		return nil, err
	}
	d.out.Reset()
	n, err := d.out.ReadFrom(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, ErrTooLong
	}
	return d.out.Bytes(), nil
}

func (d *Decoder) reader(e Encoding) (io.Reader, error) {
	switch e {
	case Gzip:
		if d.gzip == nil {
			d.gzip = new(gzip.Reader)
		}
		return d.gzip, d.gzip.Reset(&d.in)
	case Deflate: // raw, without the zlib frame (S4.0)
		if d.flate == nil {
			d.flate = flate.NewReader(&d.in)
			return d.flate, nil
		}
		return d.flate, d.flate.(flate.Resetter).Reset(&d.in, nil)
	default:
		if d.brotli == nil {
			d.brotli = brotli.NewReader(&d.in)
			return d.brotli, nil
		}
		return d.brotli, d.brotli.Reset(&d.in)
	}
}
