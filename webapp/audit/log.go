package audit

import (
	"cmp"
	"context"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/recount"
)

// log reads the whole journal: whether it is whole, belongs to the database, and has the hashes that
// the database knows. The last images of its rows are kept.
func (a *auditor) log(ctx context.Context) error {
	links, err := a.db.Chain(ctx)
	if err != nil {
		return err
	}
	r := &reading{auditor: a, chain: links, told: a.progress("journal: events read")}
	a.images = newImages()
	err = journal.Look(a.folder, func(s journal.Sight) error {
		if s.Seq%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return r.see(s)
	})
	if err != nil {
		return err
	}
	if r.read == 0 {
		if info, err := journal.Inspect(a.folder); err != nil || !info.Segments {
			return fault("there is no journal in %s; the database is at position %d", a.folder, a.have.Position)
		}
	}
	a.last = max(r.read, a.have.Position)
	a.Tell("journal: %d events from %d to %d are whole; %d of %d hashes compared", r.events, a.first, r.read, r.compared, len(links))
	return nil
}

// reading is a look at the journal.
type reading struct {
	*auditor
	decoder isuride.Decoder
	told    func(uint64)

	read     uint64 // record read last
	events   int
	chain    []isuride.Link // that come
	running  *recount.Chain // since the link before; nil if there is none
	compared int

	entries *journal.Chain // of a log with marks, since the first of them; nil before it
	known   bool           // the hash of the entry before is known
}

func (r *reading) see(s journal.Sight) error {
	if s.History != (journal.History{}) && s.History.String() != r.have.History {
		return fault("the journal %s is of history %s, the database of history %s", r.folder, s.History, r.have.History)
	}
	if s.Remark != "" {
		if s.Damaged {
			return fault("the journal is damaged: %s, offset %d: %s", s.Segment, s.Offset, s.Remark)
		}
		return nil
	}
	if r.read > 0 && s.Seq != r.read+1 {
		if s.Seq > r.have.Position+1 {
			return fault("events %d to %d are missing in the journal", r.read+1, s.Seq-1)
		}
		r.running, r.entries = nil, nil // a power loss took what the database has
	}
	if r.read == 0 {
		if s.Seq > r.have.Position+1 {
			return fault("the journal begins at event %d, and the database is at %d: the events between are missing", s.Seq, r.have.Position)
		}
		r.begin(s.Seq)
	}
	if err := cmp.Or(r.link(s.Seq, s.Payload), r.entry(s.Seq, s.Payload)); err != nil {
		return err
	}
	r.read = s.Seq
	r.told(s.Seq)
	if journal.IsMark(s.Payload) {
		return nil
	}
	e, err := r.decoder.Decode(s.Payload)
	if err != nil {
		return fault("event %d in %s cannot be read: %v", s.Seq, s.Segment, err)
	}
	r.events++
	if r.first == 0 {
		r.first = s.Seq
	}
	if s.Seq <= r.have.Position {
		r.images.add(s.Seq, e)
	}
	return nil
}

// begin finds the link at which the hashes of this log can be begun.
func (r *reading) begin(first uint64) {
	for len(r.chain) > 0 && r.chain[0].Position+1 < first {
		r.chain = r.chain[1:]
	}
}

// link adds a record to the chain, and compares the hashes where the database has one.
func (r *reading) link(seq uint64, payload []byte) error {
	if len(r.chain) > 0 && r.chain[0].Position+1 == seq && r.running == nil {
		r.running = recount.NewChain(r.chain[0])
		r.chain = r.chain[1:]
	}
	if r.running == nil {
		return nil
	}
	r.running.Add(seq, payload)
	if len(r.chain) == 0 || r.chain[0].Position != seq {
		return nil
	}
	want := r.chain[0]
	r.chain = r.chain[1:]
	if got := r.running.Head(); want.Hash != "" {
		r.compared++
		if got != want {
			return fault("an event up to %d, %d at most before it, was changed after it was recorded: the journal's hash there is %.16s..., the database's %.16s...",
				seq, r.running.Records, got.Hash, want.Hash)
		}
	}
	r.running = recount.NewChain(want)
	return nil
}

// entry compares the hashes that a log has in its own marks, as that of a group does: each mark has
// the hash of the entry before.
func (r *reading) entry(seq uint64, payload []byte) error {
	mark, ends := journal.ParseMark(payload)
	if r.entries == nil {
		if ends { // what comes next is whole
			r.entries, r.known = new(journal.Chain), false
		}
		return nil
	}
	if ends && r.known && mark.Before != r.entries.Head() {
		return fault("an event before %d was changed after it was recorded: the hash of the entry before is %.16s..., and its mark has %.16s...",
			mark.First, r.entries.Head(), mark.Before)
	}
	r.entries.Add(seq, payload)
	r.known = r.known || ends
	return nil
}
