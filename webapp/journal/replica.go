package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
)

// A log of a group has one node that leads in a term, and adds records as if it were
// alone, between Lead and Follow. The others add what that one has sealed, entry by entry.
//
//	leader    Seal (an empty entry)   Lead   Append ...   Seal -> AppendBytes -> the others   Commit   Follow
//	follower  AppendEntry   Truncate where the leader has other entries   Reset behind a snapshot   Commit
//
// All these but Append are called by one goroutine.

// Lead has this node add the records of a term, in which it may have sealed entries already.
// The term is not below any in which the node has written. It also goes on after Fence.
func (j *Journal) Lead(term uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refused != nil && j.refused != ErrNotLeading {
		return j.refused
	}
	if led := j.leads.Load(); !j.replicated || term == 0 || term < j.term || led != 0 && led != term {
		return fmt.Errorf("journal: cannot lead in term %d: the log was written in term %d, and this node leads in term %d", term, j.term, led)
	}
	j.enterLocked(term)
	j.refused = nil
	j.leads.Store(term)
	return nil
}

// Fence has Append refused with ErrNotLeading, also where it waits for room. What was appended
// can still be sealed, and who waits for the watermark goes on waiting: the leader hands over.
func (j *Journal) Fence() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refused == nil {
		j.refused = ErrNotLeading
		j.fenced.Beat()
	}
}

// enterLocked has the next record begin a segment, if the term is new.
func (j *Journal) enterLocked(term uint64) {
	if term > j.term {
		j.term = term
		j.active.limit = j.active.end
	}
}

// Follow ends the leadership, if there is one, and cuts what was not sealed. Who waits gets
// ErrNotLeading, and so does who will.
func (j *Journal) Follow() error {
	j.Fence()
	j.mu.Lock()
	j.leads.Store(0)
	last := j.last
	j.mu.Unlock()
	j.waits.end(ErrNotLeading)
	return j.cutAfter(last)
}

// Leads returns the term in which this node adds the records, 0 if it does not.
func (j *Journal) Leads() uint64 { return j.leads.Load() }

// AppendEntry adds the next entry, as AppendBytes gave it on another node, on behalf of the
// leader of the term, which this node has stored as its own. The entry is checked whole
// before anything changes: ErrNoEntry says that it does not follow. After any other error
// the log is as it was, too, unless it has stopped for good. The bytes are not retained.
func (j *Journal) AppendEntry(term uint64, data []byte) (Entry, error) {
	before := j.Head()
	m, err := inspectEntry(data, before, j.roomiest())
	if err != nil {
		return Entry{}, err
	}
	if m.Term > term || m.Group != j.group {
		return Entry{}, fmt.Errorf("%w: entry %d is of group %d and term %d, in term %d of group %d", ErrNoEntry, m.Index, m.Group, m.Term, term, j.group)
	}
	if err := j.putEntry(term, data, m, sha256.Sum256(data)); err != nil {
		return Entry{}, errors.Join(err, j.cutAfter(before))
	}
	j.growth.Beat()
	if j.level == Power {
		notify(j.commit.wanted)
	}
	return Entry{Index: m.Index, Term: m.Term, First: m.First, Last: j.appended.Load(), Bytes: len(data)}, nil
}

// putEntry copies the records of an entry.
func (j *Journal) putEntry(term uint64, data []byte, m Mark, hash Hash) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refused != nil && j.refused != ErrNotLeading {
		return j.refused
	}
	if j.leads.Load() != 0 || !j.replicated {
		return errors.New("journal: an entry from elsewhere while this node adds records")
	}
	if term < j.term {
		return fmt.Errorf("journal: an entry of a leader of term %d, after term %d", term, j.term)
	}
	if j.appended.Load() != j.last.Last {
		panic("BUG: journal: an entry from elsewhere behind records that were not sealed")
	}
	j.enterLocked(term)
	size := 0
	for len(data) > 0 {
		size = recordSize(int(binary.NativeEndian.Uint64(data) & (committed - 1)))
		if !j.roomLocked(size) {
			if err := j.awaitRoom(size, entryLimit, ErrNotLeading); err != nil {
				return err
			}
		}
		j.copyLocked(data[:size])
		data = data[size:]
	}
	j.noteMarkLocked(m, size, hash)
	return nil
}

// copyLocked is putLocked for a record that has its checksum.
func (j *Journal) copyLocked(record []byte) {
	s := j.active
	copy(s.data[s.end+wordSize:], record[wordSize:])
	atomic.StoreUint64(wordAt(s.data, s.end), binary.NativeEndian.Uint64(record))
	j.grewLocked(len(record))
}

// inspectEntry checks that bytes are the entry after the given one: whole records with the
// next numbers, one mark, which is the last and names the entry before.
func inspectEntry(data []byte, before Base, room int) (m Mark, err error) {
	seq, rest := before.Last, data
	for len(rest) > 0 {
		if m.Index != 0 {
			return m, fmt.Errorf("%w: there are records behind the mark of entry %d", ErrNoEntry, m.Index)
		}
		payload, size, ok := parseRecord(rest, seq+1)
		if !ok || size > room {
			return m, fmt.Errorf("%w: record %d is not whole, or of another number", ErrNoEntry, seq+1)
		}
		seq, rest = seq+1, rest[size:]
		if IsMark(payload) {
			m, _ = ParseMark(payload)
		}
	}
	switch {
	case m.Index != before.Index+1:
		return m, fmt.Errorf("%w: it is entry %d, not %d", ErrNoEntry, m.Index, before.Index+1)
	case m.First != before.Last+1:
		return m, fmt.Errorf("%w: entry %d begins with record %d, not %d", ErrNoEntry, m.Index, m.First, before.Last+1)
	case m.Term < before.Term:
		return m, fmt.Errorf("%w: entry %d is of term %d, the one before of term %d", ErrNoEntry, m.Index, m.Term, before.Term)
	case m.Before != before.Hash && m.Before != (Hash{}) && before.Hash != (Hash{}):
		return m, fmt.Errorf("%w: entry %d follows an entry with the hash %s, entry %d of this log has %s", ErrNoEntry, m.Index, m.Before, before.Index, before.Hash)
	}
	return m, nil
}

// Records yields the records of an entry, as AppendBytes returns it, with their numbers, from
// the given one on. They alias the bytes. It ends where a record is not whole.
func Records(entry []byte, first uint64) iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for seq := first; ; seq++ {
			payload, size, ok := parseRecord(entry, seq)
			if !ok || !yield(seq, payload) {
				return
			}
			entry = entry[size:]
		}
	}
}

// parseRecord returns the record at the start of bytes that are not a segment's: they may
// begin anywhere.
func parseRecord(b []byte, seq uint64) (payload []byte, size int, ok bool) {
	if len(b) < wordSize {
		return nil, 0, false
	}
	word := binary.NativeEndian.Uint64(b)
	n := int(word & (committed - 1))
	if size = recordSize(n); word&committed == 0 || size > len(b) {
		return nil, 0, false
	}
	payload = b[wordSize : wordSize+n]
	if len(bytes.TrimLeft(b[wordSize+n:size], "\x00")) > 0 {
		return nil, 0, false
	}
	return payload, size, word == commitWord(seq, payload)
}
