package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"
)

// A segment starts with a header of nine words:
//
//	 0  magic, stored last
//	 8  version (low half), CRC32C of version, first and follows (high half)
//	16  first: number of the first record
//	24  follows: number of the last record of the log before this segment; first-1, unless the
//	    numbering jumped (Options.First)
//	32  durable mark
//	40  history, two words: which log this is a part of (Options.History)
//	56  term, 0 until logs are replicated
//	64  group (low half), likewise 0; CRC32C of all above but magic and mark (high half)
//
// A log of entries (Options.Replicated) has version 3, which goes on with what
// the segment begins after, a Base:
//
//	 72  index of the last entry that ended before the segment
//	 80  its term
//	 88  number of its mark
//	 96  its hash, four words; zero if the mark that follows tells it
//	128  1 if the log was reset here: nothing before is a part of it (low half); CRC32C of
//	     these and of all above but magic and mark (high half)
//
// The term at 56 is not that of the entries: it is the node's own when the segment was
// begun. A node begins a segment for each term that it writes in, so what was written in a
// later term wins at recovery, also over entries of higher terms that were cut off: a new
// leader may bring an older entry where a deposed one had put a newer.
//
// Version 1 ends before the history: such a segment does not say which log it belongs to.
// Whatever later versions add, the first four words stay, so that every program
// recognises what is too new for it, and takes it for whole.
//
// The durable mark says up to which offset the segment is known to be on the disk, and
// with it all segments before. It is stored after a sync and reaches the disk with a
// later one, so it may lag but never leads. At recovery it tells damage that power loss
// explains (a torn tail, after the mark) from damage that nothing explains (corruption,
// before the mark). Low half: the offset; high half: its complement, as the check.
const (
	headerSize  = 72 // of version 2
	headerSize1 = 40 // of version 1
	headerSize3 = 136

	magicAt   = 0
	versionAt = 8
	firstAt   = 16
	followsAt = 24
	markAt    = 32
	historyAt = 40
	termAt    = 56
	groupAt   = 64
	indexAt   = 72
	beforeAt  = 80 // term of the entry before
	lastAt    = 88
	hashAt    = 96
	resetAt   = 128
	sumAt     = 132

	magic   = 0x4c4e524a52555349 // "ISURJRNL" in little-endian order
	version = 3                  // the latest
)

type header struct {
	version uint32
	first   uint64
	follows uint64
	history History // zero in version 1
	term    uint64  // of the node when it began the segment; 0 if the log is not replicated
	group   uint32
	chained bool // it is a part of a log of entries: version 3
	before  Base // in version 3
	reset   bool // likewise
}

// size returns the offset of the first record.
func (h header) size() int {
	switch {
	case h.version == 1:
		return headerSize1
	case h.chained:
		return headerSize3
	}
	return headerSize
}

// put writes the header to the start of a segment. The magic
// comes last, so that a kill in between leaves a segment that was never used.
func (h header) put(b []byte) {
	binary.NativeEndian.PutUint64(b[firstAt:], h.first)
	binary.NativeEndian.PutUint64(b[followsAt:], h.follows)
	copy(b[historyAt:termAt], h.history[:])
	binary.NativeEndian.PutUint64(b[termAt:], h.term)
	binary.NativeEndian.PutUint32(b[groupAt:], h.group)
	h.version = 2
	if h.chained {
		h.version = 3
	}
	binary.NativeEndian.PutUint32(b[versionAt:], h.version)
	binary.NativeEndian.PutUint32(b[versionAt+4:], headerSum(b))
	binary.NativeEndian.PutUint32(b[groupAt+4:], identitySum(b))
	if h.chained {
		h.putBefore(b)
	}
	atomic.StoreUint64(wordAt(b, magicAt), magic)
}

// parseHeader returns the header of a segment or what is wrong with it. ErrVersion is no
// damage: the segment is whole as far as anyone can tell.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize1 {
		return header{}, errors.New("the header is cut short")
	}
	if binary.NativeEndian.Uint64(b[magicAt:]) != magic {
		return header{}, errors.New("this is not the header of a segment")
	}
	if binary.NativeEndian.Uint32(b[versionAt+4:]) != headerSum(b) {
		return header{}, errors.New("the checksum of the header does not match")
	}
	h := header{
		version: binary.NativeEndian.Uint32(b[versionAt:]),
		first:   binary.NativeEndian.Uint64(b[firstAt:]),
		follows: binary.NativeEndian.Uint64(b[followsAt:]),
	}
	if h.version == 0 || h.version > version {
		return header{}, fmt.Errorf("%w: version %d, this program knows 1 to %d; start the program that wrote it, or a later one",
			ErrVersion, h.version, version)
	}
	if h.first <= h.follows {
		return header{}, errors.New("the header numbers its records backwards")
	}
	if h.version == 1 {
		return h, nil
	}
	return h.parseIdentity(b)
}

// parseIdentity reads what version 2 has added.
func (h header) parseIdentity(b []byte) (header, error) {
	if len(b) < headerSize {
		return header{}, errors.New("the header is cut short")
	}
	if binary.NativeEndian.Uint32(b[groupAt+4:]) != identitySum(b) {
		return header{}, errors.New("the checksum of the header's identity does not match")
	}
	h.history = History(b[historyAt:termAt])
	h.term = binary.NativeEndian.Uint64(b[termAt:])
	h.group = binary.NativeEndian.Uint32(b[groupAt:])
	if h.version < 3 {
		return h, nil
	}
	return h.parseBefore(b)
}

// parseBefore reads what version 3 has added.
func (h header) parseBefore(b []byte) (header, error) {
	if len(b) < headerSize3 {
		return header{}, errors.New("the header is cut short")
	}
	if binary.NativeEndian.Uint32(b[sumAt:]) != beforeSum(b) {
		return header{}, errors.New("the checksum of the header's entry does not match")
	}
	h.chained = true
	h.before = Base{
		Index: binary.NativeEndian.Uint64(b[indexAt:]),
		Term:  binary.NativeEndian.Uint64(b[beforeAt:]),
		Last:  binary.NativeEndian.Uint64(b[lastAt:]),
		Hash:  Hash(b[hashAt:resetAt]),
	}
	h.reset = binary.NativeEndian.Uint32(b[resetAt:]) != 0
	if h.before.Last >= h.first {
		return header{}, errors.New("the header names a mark that is not before its records")
	}
	return h, nil
}

func (h header) putBefore(b []byte) {
	binary.NativeEndian.PutUint64(b[indexAt:], h.before.Index)
	binary.NativeEndian.PutUint64(b[beforeAt:], h.before.Term)
	binary.NativeEndian.PutUint64(b[lastAt:], h.before.Last)
	copy(b[hashAt:resetAt], h.before.Hash[:])
	if h.reset {
		binary.NativeEndian.PutUint32(b[resetAt:], 1)
	}
	binary.NativeEndian.PutUint32(b[sumAt:], beforeSum(b))
}

// headerSum covers the version and the numbers.
func headerSum(b []byte) uint32 {
	sum := crc32.Update(0, castagnoli, b[versionAt:versionAt+4])
	return crc32.Update(sum, castagnoli, b[firstAt:markAt])
}

// identitySum covers the version, the numbers and the identity.
func identitySum(b []byte) uint32 {
	return crc32.Update(headerSum(b), castagnoli, b[historyAt:groupAt+4])
}

// beforeSum covers the version, the numbers, the identity and the entry before.
func beforeSum(b []byte) uint32 {
	return crc32.Update(identitySum(b), castagnoli, b[indexAt:sumAt])
}

// putMark stores the durable mark.
func putMark(b []byte, offset int) {
	atomic.StoreUint64(wordAt(b, markAt), uint64(^uint32(offset))<<32|uint64(uint32(offset)))
}

// parseMark returns the durable mark, 0 if there is none yet, and whether it is whole. A
// file has its full size before it gets its name, and one word cannot be torn, so
// anything else is corruption.
func parseMark(b []byte) (offset int, ok bool) {
	if len(b) < headerSize1 {
		return 0, false
	}
	word := atomic.LoadUint64(wordAt(b, markAt))
	if word == 0 {
		return 0, true
	}
	return int(uint32(word)), uint32(word) == ^uint32(word>>32)
}
