package snapshot

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"isuride/webapp/state"
)

// Reader reads a snapshot. It belongs to one goroutine.
type Reader struct {
	sealed
	file *os.File
	path string
	at   int64
	dec  decoder
}

// Open opens a snapshot whose header is sound. Errors name the file.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	r := &Reader{file: f, path: path}
	if err := r.readHeader(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (r *Reader) readHeader() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, headerSize)
	n, err := r.file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	r.sealed, err = parseHeader(head[:n], info.Size())
	r.at = r.size
	return err
}

// Header returns what the snapshot is of.
func (r *Reader) Header() Header { return r.sealed.Header }

// Path returns the file's path.
func (r *Reader) Path() string { return r.path }

// Bytes returns the size of the file.
func (r *Reader) Bytes() int64 { return int64(r.bytes) }

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }

// Each visits all images, which are lent for the visit; their strings may be kept. It is called
// once. An error of visit ends it and is returned; ErrDamaged means that the images are not all
// there, or not as they were.
func (r *Reader) Each(visit func(*state.Image) error) error {
	var size state.Size
	var buf []byte
	for number := range r.blocks {
		content, err := r.block(number, buf)
		if err != nil {
			return err
		}
		buf = content[:0]
		r.dec.begin(content)
		for r.dec.more() {
			i, err := r.dec.image()
			if err != nil {
				return r.damaged("an image cannot be read: %v", err)
			}
			count(&size, i)
			if err := visit(i); err != nil {
				return fmt.Errorf("%s: %w", r.path, err)
			}
		}
	}
	if r.at != int64(r.bytes) || size != r.Size {
		return r.damaged("it has %d bytes and %+v, not %d and %+v", r.at, size, r.bytes, r.Size)
	}
	return nil
}

func count(s *state.Size, i *state.Image) {
	switch {
	case i.Owner != nil:
		s.Owners++
	case i.Chair != nil:
		s.Chairs++
	case i.User != nil:
		s.Users++
		s.Rides += len(i.User.Rides)
	}
}

// block reads and checks the next block, into buf if it fits.
func (r *Reader) block(number uint64, buf []byte) ([]byte, error) {
	var head [blockHead]byte
	if _, err := r.file.ReadAt(head[:], r.at); err != nil {
		return nil, r.failed(err)
	}
	length := int64(binary.LittleEndian.Uint32(head[:]))
	if length > int64(r.bytes)-r.at-blockHead {
		return nil, r.damaged("a block reaches beyond the end")
	}
	if int64(cap(buf)) < length {
		buf = make([]byte, length)
	}
	content := buf[:length]
	if _, err := r.file.ReadAt(content, r.at+blockHead); err != nil {
		return nil, r.failed(err)
	}
	if binary.LittleEndian.Uint32(head[4:]) != blockSum(r.seed, number, head[:4], content) {
		return nil, r.damaged("the checksum of the block does not match")
	}
	r.at += blockHead + length
	return content, nil
}

// failed is the error of a read. A file that became shorter is damaged.
func (r *Reader) failed(err error) error {
	if err == io.EOF {
		return r.damaged("it is cut short")
	}
	return fmt.Errorf("%s: %w", r.path, err)
}

func (r *Reader) damaged(format string, args ...any) error {
	return fmt.Errorf("%s: %w at offset %d: %s", r.path, ErrDamaged, r.at, fmt.Sprintf(format, args...))
}
