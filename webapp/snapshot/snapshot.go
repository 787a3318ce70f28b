// Package snapshot keeps images of the live state (state.Walk) in files, so that a restart
// costs what there is now and the end of the log, and not all that ever was.
//
// A snapshot is a file in the folder of its generation's journal, whose fate it shares: who
// moves, keeps or removes the log does the same with the snapshots of it. Its name is the last
// event that it may have in it, so that names sort by age:
//
//	00000000000004711123.snapshot    whole, on the disk, never changed again
//	snapshot.new                     one that is being written, or that a kill has left
//
// The goal is that a file with a name is whole and of this log, or is found out:
//
//  1. The name comes last: content, then sync, then rename, then sync of the folder.
//  2. A checksum covers each block together with its place in this very file, and the header
//     says how many blocks and bytes there are. So one changed byte anywhere, a cut, or a block
//     of another file is noticed, before anything of the block is believed.
//  3. The header names the history, the generation, the span of the walk, and the checksum of
//     the log's record at the end of the span. A log that goes on differently from before that
//     record, as after a repair, does not match. It also has the hash of the state at the end of
//     the span, by its events: what is restored must have the same.
//  4. Two are kept, and the older one goes only when the newer one is on the disk.
//
// Numbers are in little-endian order on every machine. The package leaves to engine when to
// write and which one to use, and to state what an image means.
package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
)

var (
	// ErrVersion says that another version of this package wrote the file.
	ErrVersion = errors.New("snapshot: another format")
	// ErrDamaged says that the file is not as it was written.
	ErrDamaged = errors.New("snapshot: damaged")
)

// Header says what a snapshot is of.
type Header struct {
	History    journal.History
	Generation uint64
	End
	Written isuride.Time
	Size    state.Size
}

// End is what the walk of a snapshot has come to.
type End struct {
	Span   state.Span
	Hash   state.Hash // of the state at Span.To; zero if it is not known, or of another state.HashForm
	Record Record     // the log's record of event Span.To
}

// Record is the checksum of a record of the log; zero if there was none to take it from.
type Record uint64

// RecordOf returns the checksum of a payload. It is never zero.
func RecordOf(payload []byte) Record {
	return Record(uint64(crc32.Checksum(payload, castagnoli))<<32 | uint64(uint32(len(payload))) | 1<<31)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The header:
//
//	 0  magic
//	 8  version (4 bytes), CRC32C of the header without this field (4 bytes)
//	16  history (16 bytes)
//	32  generation
//	40  span: from, to
//	56  record
//	64  time of writing
//	72  size of the file in bytes
//	80  number of blocks
//	88  seed: a random number, which is in the checksum of every block
//	96  owners, chairs, users, rides
//	128 form of the hash (state.HashForm), hash: high, low; not in version 1
//
// Blocks follow: length (4 bytes), CRC32C of the length and the content, seeded with the file's
// seed and the number of the block (4 bytes), content.
const (
	headerSize = 152
	blockHead  = 8
	magic      = 0x50414e5352555349 // "ISURSNAP"
	version    = 2

	headerSize1 = 128 // in version 1
)

// sealed is a header with what concerns the file only.
type sealed struct {
	Header
	bytes, blocks, seed uint64
	size                int64 // of the header
}

func (h *sealed) put(b []byte) {
	words := []uint64{magic, version, 0, 0, h.Generation, h.Span.From, h.Span.To, uint64(h.Record), uint64(h.Written), h.bytes, h.blocks, h.seed,
		uint64(h.Size.Owners), uint64(h.Size.Chairs), uint64(h.Size.Users), uint64(h.Size.Rides), state.HashForm, h.Hash.Hi, h.Hash.Lo}
	for i, w := range words {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
	copy(b[16:], h.History[:])
	binary.LittleEndian.PutUint32(b[12:], headerSum(b))
}

// headerSum covers a header of any version.
func headerSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, b[16:])
}

var errShort = fmt.Errorf("%w: the header is cut short", ErrDamaged)

// parseHeader returns the header or what is wrong with it. size is that of the file.
func parseHeader(b []byte, size int64) (h sealed, err error) {
	if len(b) < headerSize1 {
		return h, errShort
	}
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	switch m := word(0); {
	case bits.ReverseBytes64(m) == magic:
		return h, fmt.Errorf("%w: its numbers are in the other byte order", ErrVersion)
	case m != magic:
		return h, fmt.Errorf("%w: this is not the header of a snapshot", ErrDamaged)
	}
	h.size = headerSize
	switch v := binary.LittleEndian.Uint32(b[8:]); {
	case v == 1:
		h.size = headerSize1
	case v != version:
		return h, fmt.Errorf("%w: version %d, this program knows %d", ErrVersion, v, version)
	case len(b) < headerSize:
		return h, errShort
	}
	b = b[:h.size]
	if binary.LittleEndian.Uint32(b[12:]) != headerSum(b) {
		return h, fmt.Errorf("%w: the checksum of the header does not match", ErrDamaged)
	}
	h.Header = Header{History: journal.History(b[16:32]), Generation: word(32),
		End: End{Span: state.Span{From: word(40), To: word(48)}, Record: Record(word(56))}, Written: isuride.Time(word(64)),
		Size: state.Size{Owners: int(word(96)), Chairs: int(word(104)), Users: int(word(112)), Rides: int(word(120))}}
	h.bytes, h.blocks, h.seed = word(72), word(80), word(88)
	if h.size == headerSize && word(128) == state.HashForm {
		h.Hash = state.Hash{Hi: word(136), Lo: word(144)}
	}
	if h.bytes != uint64(size) {
		return h, fmt.Errorf("%w: it has %d bytes instead of %d", ErrDamaged, size, h.bytes)
	}
	return h, nil
}

// blockSum covers a block's length and content, and its place.
func blockSum(seed, number uint64, length, content []byte) uint32 {
	sum := crc32.Update(uint32(seed)^uint32(number)*0x9e3779b1, castagnoli, length)
	return crc32.Update(sum, castagnoli, content)
}

const (
	suffix  = ".snapshot"
	newName = "snapshot.new"
)

// fileName returns the name of a snapshot that may have events up to one in it.
func fileName(to uint64) string { return fmt.Sprintf("%020d%s", to, suffix) }

// parseName returns the last event that a snapshot of that name may have in it.
func parseName(name string) (to uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return 0, false
	}
	to, err := strconv.ParseUint(digits, 10, 64)
	return to, err == nil && name == fileName(to)
}

// IsName reports whether a file of that name is a snapshot.
func IsName(name string) bool {
	_, ok := parseName(name)
	return ok
}

// List returns the paths of a folder's snapshots, the newest first. A folder that is not
// there has none.
func List(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // in the order of names
		if IsName(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	slices.Reverse(paths)
	return paths, nil
}

// Kept is the number of snapshots that stay: the one to start from, and the one to fall back
// on.
const Kept = 2

// Prune removes all but the newest ones, and what a kill has left of one that was being
// written.
func Prune(dir string) error { return prune(dir, Kept, linux()) }

// RemoveAll removes what this package has made in a folder.
func RemoveAll(dir string) error { return prune(dir, 0, linux()) }

func prune(dir string, keep int, sys system) error {
	paths, err := List(dir)
	if err != nil {
		return err
	}
	errs := []error{sys.remove(filepath.Join(dir, newName))}
	for i, path := range paths {
		if i >= keep {
			errs = append(errs, sys.remove(path))
		}
	}
	for i, err := range errs {
		if errors.Is(err, os.ErrNotExist) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}
