package snapshot

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"isuride/webapp/state"
)

// blockBytes is the size from which on a block is written: large enough that system calls and
// sums cost nothing beside the encoding, small enough to stay in the cache.
const blockBytes = 128 << 10

// syncBytes is how much may wait to be written back: one sync of a large file at the end would
// hold up those of the journal.
const syncBytes = 4 << 20

// Info is what there is of a snapshot that was written.
type Info struct {
	Header
	Path  string
	Bytes int64
}

// Walk yields the images of a snapshot to add, and then what it has come to. When it returns, the
// log is safe up to there. An error of add ends it and is returned.
type Walk func(add func(*state.Image) error) (End, error)

// Write makes a snapshot in a folder, whole or not at all, and removes older ones. Header says
// what it is of; its end and its size are filled in. An error after the snapshot has its name
// comes with its Info. One call at a time for each folder.
func Write(dir string, h Header, walk Walk) (Info, error) { return write(dir, h, walk, linux()) }

func write(dir string, h Header, walk Walk, sys system) (info Info, err error) {
	path := filepath.Join(dir, newName)
	f, err := sys.create(path)
	if err != nil {
		return Info{}, fmt.Errorf("snapshot: %w", err)
	}
	w := writer{file: f, sys: sys, sealed: sealed{Header: h, bytes: headerSize, seed: newSeed()}}
	info, err = w.write(dir, walk)
	if err := errors.Join(err, f.Close()); err != nil {
		if info.Path == "" {
			_ = sys.remove(path) // the next one writes over it
		}
		return info, fmt.Errorf("snapshot: %w", err)
	}
	if err := prune(dir, Kept, sys); err != nil {
		return info, fmt.Errorf("snapshot: an older one is still there: %w", err)
	}
	return info, nil
}

func newSeed() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// writer is a snapshot that is being written.
type writer struct {
	sealed
	file *os.File
	sys  system
	enc  encoder
	buf  []byte // the block that is being filled, with room for its head
	wait uint64 // bytes since the last sync
}

func (w *writer) write(dir string, walk Walk) (info Info, err error) {
	w.begin()
	if w.End, err = walk(w.add); err != nil {
		return Info{}, err
	}
	if err := w.flush(); err != nil {
		return Info{}, err
	}
	var head [headerSize]byte
	w.put(head[:])
	if err := w.sys.write(w.file, head[:], 0); err != nil {
		return Info{}, err
	}
	if err := w.sys.sync(w.file); err != nil {
		return Info{}, err
	}
	path := filepath.Join(dir, fileName(w.Span.To))
	if err := w.sys.rename(w.file.Name(), path); err != nil {
		return Info{}, err
	}
	return Info{Header: w.Header, Path: path, Bytes: int64(w.bytes)}, w.sys.syncDir(dir)
}

func (w *writer) begin() {
	if w.buf == nil {
		w.buf = make([]byte, 0, blockBytes+blockBytes/4)
	}
	w.buf = w.buf[:blockHead]
}

func (w *writer) add(i *state.Image) error {
	w.buf = w.enc.image(w.buf, i)
	switch {
	case i.Owner != nil:
		w.Size.Owners++
	case i.Chair != nil:
		w.Size.Chairs++
	case i.User != nil:
		w.Size.Users++
		w.Size.Rides += len(i.User.Rides)
	}
	if len(w.buf) < blockBytes {
		return nil
	}
	return w.flush()
}

// flush writes the block, unless it is empty.
func (w *writer) flush() error {
	if len(w.buf) == blockHead {
		return nil
	}
	binary.LittleEndian.PutUint32(w.buf, uint32(len(w.buf)-blockHead))
	binary.LittleEndian.PutUint32(w.buf[4:], blockSum(w.seed, w.blocks, w.buf[:4], w.buf[blockHead:]))
	if err := w.sys.write(w.file, w.buf, int64(w.bytes)); err != nil {
		return err
	}
	w.bytes += uint64(len(w.buf))
	w.blocks++
	if w.wait += uint64(len(w.buf)); w.wait >= syncBytes {
		w.wait = 0
		if err := w.sys.sync(w.file); err != nil {
			return err
		}
	}
	w.begin()
	return nil
}
