package recount

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"isuride/webapp/isuride"
)

// Chain hashes the log in stretches, each with the hash of the one before in it. Who changes a
// record later, its checksum included, changes all hashes from there on, and these are in the
// database. The hash of a stretch is the SHA-256 of the hash before, and of number, length and
// payload of each record.
type Chain struct {
	sum  hash.Hash
	last uint64 // record that was added last

	Records, Bytes int // of the stretch
}

// NewChain begins behind a link; one without a hash is where a chain begins.
func NewChain(after isuride.Link) *Chain {
	c := &Chain{sum: sha256.New()}
	c.begin(after)
	return c
}

func (c *Chain) begin(after isuride.Link) {
	c.sum.Reset()
	c.sum.Write([]byte(after.Hash))
	c.last, c.Records, c.Bytes = after.Position, 0, 0
}

// Add adds the next record.
func (c *Chain) Add(seq uint64, payload []byte) {
	var head [12]byte
	binary.LittleEndian.PutUint64(head[:], seq)
	binary.LittleEndian.PutUint32(head[8:], uint32(len(payload)))
	c.sum.Write(head[:])
	c.sum.Write(payload)
	c.last = seq
	c.Records++
	c.Bytes += len(payload)
}

// Head returns the link at the record that was added last.
func (c *Chain) Head() isuride.Link {
	return isuride.Link{Position: c.last, Hash: hex.EncodeToString(c.sum.Sum(nil))}
}

// End ends the stretch, and begins the next one behind the link that it returns.
func (c *Chain) End() isuride.Link {
	l := c.Head()
	c.begin(l)
	return l
}
