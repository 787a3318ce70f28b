package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// A mark is a record that is no event: it ends an entry, which is all records since the
// mark before, and the unit that is replicated. It takes a number like any record. Its
// payload, in little-endian order:
//
//	 0  255, which no event begins with
//	 1  version of the form
//	 2  zeros
//	 4  group, as in the header of the segment
//	 8  index of the entry
//	16  term in which the leader sealed it
//	24  number of the entry's first record, its own if the entry is empty
//	32  hash of the entry before, zero if its leader did not know it (Base)
//	64  what the group has to say to itself in this entry, mostly nothing: the note
//
// The hash of an entry is the SHA-256 of its records as they are in a segment, checksums
// and the mark included. The mark names the entry before, so the hash of one entry speaks
// for the whole log up to it. A mark cannot hold the hash of what it ends without making
// appends wait for the computation: so it has only that of what is complete already, and
// Seal computes that outside all locks.
const (
	markKind    = 255
	markVersion = 1
	markSize    = 64 // without the note
)

// Hash is that of an entry. It is zero for what is before the first.
type Hash [sha256.Size]byte

// String returns 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Mark is the content of a mark record.
type Mark struct {
	Group  uint32
	Index  uint64
	Term   uint64 // 0 if the log was not replicated
	First  uint64 // number of the entry's first record
	Before Hash   // of the entry before
	Note   []byte
}

// IsMark reports whether a record of a replicated log is a mark, and so
// no event. It costs a comparison of one byte where it is none.
func IsMark(payload []byte) bool {
	return len(payload) >= markSize && payload[0] == markKind && payload[1] == markVersion
}

// ParseMark reads a mark record. The note is the payload's.
func ParseMark(payload []byte) (m Mark, ok bool) {
	if !IsMark(payload) {
		return m, false
	}
	return Mark{
		Group:  binary.LittleEndian.Uint32(payload[4:]),
		Index:  binary.LittleEndian.Uint64(payload[8:]),
		Term:   binary.LittleEndian.Uint64(payload[16:]),
		First:  binary.LittleEndian.Uint64(payload[24:]),
		Before: Hash(payload[32:markSize]),
		Note:   payload[markSize:],
	}, true
}

func (m Mark) payload() []byte {
	b := make([]byte, markSize, markSize+len(m.Note))
	b[0], b[1] = markKind, markVersion
	binary.LittleEndian.PutUint32(b[4:], m.Group)
	binary.LittleEndian.PutUint64(b[8:], m.Index)
	binary.LittleEndian.PutUint64(b[16:], m.Term)
	binary.LittleEndian.PutUint64(b[24:], m.First)
	copy(b[32:], m.Before[:])
	return append(b, m.Note...)
}

// Chain computes the hashes of entries from their records, for who checks a log with Look:
// Add each record in order, and compare a mark's Before with Head.
type Chain struct {
	head Hash
	sum  hash.Hash
}

// Head returns the hash of the last entry that was added whole.
func (c *Chain) Head() Hash { return c.head }

// Add adds the record with the given number.
func (c *Chain) Add(seq uint64, payload []byte) {
	if c.sum == nil {
		c.sum = sha256.New()
	}
	var word [wordSize]byte
	binary.NativeEndian.PutUint64(word[:], commitWord(seq, payload))
	c.sum.Write(word[:])
	c.sum.Write(payload)
	clear(word[:])
	c.sum.Write(word[:recordSize(len(payload))-wordSize-len(payload)])
	if IsMark(payload) {
		c.sum.Sum(c.head[:0])
		c.sum.Reset()
	}
}

// Restart has the next record begin an entry after one with the given hash, as where a
// log goes on behind a gap.
func (c *Chain) Restart(head Hash) {
	c.head = head
	if c.sum != nil {
		c.sum.Reset()
	}
}
