package journal

import (
	"hash/crc32"
	"sync/atomic"
	"unsafe"
)

// A record is one commit word of 8 bytes and the payload, padded with zeros to the next
// word:
//
//	bits 63..32  CRC32C of the payload, seeded with the low half of the record's number
//	bit  31      committed, always set: it tells an empty payload from no record
//	bits 30..0   length of the payload in bytes
//
// The space a record goes to is zero beforehand and the commit word is stored last, as
// one atomic store. So a process killed between any two stores leaves a whole record or
// none, and pages that power loss let reach the disk in any order fail the check. The
// number is not stored: it follows from the place, and the seed refuses a record that is
// in another's place.
//
// Words are in the byte order of the machine, as the atomic store makes them.
const (
	wordSize  = 8
	committed = 1 << 31
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// recordSize returns the room that a payload of n bytes takes in a segment.
func recordSize(n int) int {
	return wordSize + (n+wordSize-1)&^(wordSize-1)
}

// putRecord writes a record to the start of b, which is zero and has room for it. The
// checksum is taken from the copy: hash/crc32 would make the caller's buffer escape to
// the heap.
func putRecord(b []byte, seq uint64, payload []byte) {
	body := b[wordSize : wordSize+len(payload)]
	copy(body, payload)
	atomic.StoreUint64(wordAt(b, 0), commitWord(seq, body))
}

func commitWord(seq uint64, body []byte) uint64 {
	sum := crc32.Update(uint32(seq), castagnoli, body)
	return uint64(sum)<<32 | committed | uint64(len(body))
}

// body returns the payload of the whole record at the start of b. The result aliases b.
func body(b []byte) []byte {
	n := int(atomic.LoadUint64(wordAt(b, 0)) & (committed - 1))
	return b[wordSize : wordSize+n : wordSize+n]
}

// scan walks the records of a segment from offset on, the first of them with number seq.
// It returns where the whole records end, the number that comes next, and what is wrong
// there; no reason means that the log simply ends: with a zero word or with the last
// byte.
func scan(b []byte, offset int, seq uint64) (end int, next uint64, reason string) {
	for len(b)-offset >= wordSize {
		word := atomic.LoadUint64(wordAt(b, offset))
		if word == 0 {
			return offset, seq, ""
		}
		if word&committed == 0 {
			return offset, seq, "the commit word of the record is damaged"
		}
		n := int(word & (committed - 1))
		if recordSize(n) > len(b)-offset {
			return offset, seq, "the record reaches beyond the segment"
		}
		if word != commitWord(seq, b[offset+wordSize:][:n]) {
			return offset, seq, "the checksum of the record does not match"
		}
		offset += recordSize(n)
		seq++
	}
	if offset < len(b) {
		return offset, seq, "the segment ends inside a commit word"
	}
	return offset, seq, ""
}

// used returns the length of b without the zeros at its end.
func used(b []byte) int {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		if n%wordSize == 0 && *wordAt(b, n-wordSize) == 0 {
			n -= wordSize
		} else {
			n--
		}
	}
	return n
}

// wordAt returns the word at a multiple of 8 bytes into a mapping, which starts at a
// page.
func wordAt(b []byte, offset int) *uint64 {
	return (*uint64)(unsafe.Pointer(&b[offset : offset+wordSize][0]))
}
