package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"
)

// A segment starts with a header of five words:
//
//	 0  magic, stored last
//	 8  version (low half), CRC32C of version, first and follows (high half)
//	16  first: number of the first record
//	24  follows: number of the last record of the log before this segment; first-1, unless the
//	    numbering jumped (Options.First)
//	32  durable mark
//
// The durable mark says up to which offset the segment is known to be on the disk, and with it all
// segments before. It is stored after a sync and reaches the disk with a later one, so it may lag
// but never leads. At recovery it tells damage that power loss explains (a torn tail, behind the
// mark) from damage that nothing explains (corruption, before the mark). Low half: the offset; high
// half: its complement, as the check.
const (
	headerSize = 40

	magicAt   = 0
	versionAt = 8
	firstAt   = 16
	followsAt = 24
	markAt    = 32

	magic   = 0x4c4e524a52555349 // "ISURJRNL" in little-endian order
	version = 1
)

type header struct {
	first   uint64
	follows uint64
}

// put writes the header to the start of a segment. The magic comes last, so that a kill in between
// leaves a segment that was never used.
func (h header) put(b []byte) {
	binary.NativeEndian.PutUint64(b[firstAt:], h.first)
	binary.NativeEndian.PutUint64(b[followsAt:], h.follows)
	binary.NativeEndian.PutUint64(b[versionAt:], version)
	binary.NativeEndian.PutUint64(b[versionAt:], version|uint64(headerSum(b))<<32)
	atomic.StoreUint64(wordAt(b, magicAt), magic)
}

// parseHeader returns the header of a segment or what is wrong with it. ErrVersion is no damage: the
// segment is whole as far as anyone can tell.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize {
		return header{}, errors.New("the header is cut short")
	}
	if binary.NativeEndian.Uint64(b[magicAt:]) != magic {
		return header{}, errors.New("this is not the header of a segment")
	}
	word := binary.NativeEndian.Uint64(b[versionAt:])
	if uint32(word>>32) != headerSum(b) {
		return header{}, errors.New("the checksum of the header does not match")
	}
	if uint32(word) != version {
		return header{}, fmt.Errorf("%w: %d, this program knows %d", ErrVersion, uint32(word), version)
	}
	h := header{
		first:   binary.NativeEndian.Uint64(b[firstAt:]),
		follows: binary.NativeEndian.Uint64(b[followsAt:]),
	}
	if h.first <= h.follows {
		return header{}, errors.New("the header numbers its records backwards")
	}
	return h, nil
}

// headerSum covers the version and the numbers.
func headerSum(b []byte) uint32 {
	sum := crc32.Update(0, castagnoli, b[versionAt:versionAt+4])
	return crc32.Update(sum, castagnoli, b[firstAt:markAt])
}

// putMark stores the durable mark.
func putMark(b []byte, offset int) {
	atomic.StoreUint64(wordAt(b, markAt), uint64(^uint32(offset))<<32|uint64(uint32(offset)))
}

// parseMark returns the durable mark, 0 if there is none yet, and whether it is whole. A file has its
// full size before it gets its name, and one word cannot be torn, so anything else is corruption.
func parseMark(b []byte) (offset int, ok bool) {
	if len(b) < headerSize {
		return 0, false
	}
	word := atomic.LoadUint64(wordAt(b, markAt))
	if word == 0 {
		return 0, true
	}
	return int(uint32(word)), uint32(word) == ^uint32(word>>32)
}
