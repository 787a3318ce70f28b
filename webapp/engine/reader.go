package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"isuride/webapp/journal"
)

// What a reader of the log beside the server, such as the feed, needs to know of a generation.

// Number is that of the generation; it grows with each initialize.
func (g *Generation) Number() uint64 { return g.number }

// Journal is the generation's log. It is read; only the state appends to it.
func (g *Generation) Journal() *journal.Journal { return g.journal }

// Folder is where the generation's log and snapshots are.
func (g *Generation) Folder() string {
	if g.member != nil {
		return g.member.dir
	}
	return g.cfg.Folder.journal(g.number)
}

// Secret returns 32 bytes for a use, which only who has the log or the tables can know. They
// stay with the generation, over restarts and in copies.
func (g *Generation) Secret(use string) []byte {
	m := hmac.New(sha256.New, g.history[:])
	m.Write(binary.BigEndian.AppendUint64(nil, g.number))
	m.Write([]byte(use))
	return m.Sum(nil)
}
