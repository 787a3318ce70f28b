package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/replica"
	"isuride/webapp/state"
)

// server is what the engine is to a real member, in the shortest form: it follows the
// committed records as a standby, becomes the leader's live state, answers riders once the
// watermark has passed what they have seen, and begins again when it is deposed.
type server struct {
	host     *host
	base     *isuride.Tables
	store    *state.Store
	recovery *state.Recovery // nil once live

	term    uint64 // of the live state, 0 for a standby
	charges []*state.Charge
	applied uint64           // number of the last record of the log that is in the store
	events  uint64           // number of the last event in it; marks are none
	taken   [][]byte         // the events up to it, speculation excluded
	tail    []uint64         // sums of the events that were recorded by this leader
	image   replica.Snapshot // the image that it began with

	written map[string]uint64 // the record that has changed a register last, by its chair
	waits   []wait            // for the watermark, in order
	reads   []read            // for a confirmation
}

// wait is an answer that may leave once the records up to a number are committed.
type wait struct {
	upTo  uint64
	leave func(ok bool)
}

// read is a GET on its way.
type read struct {
	ticket uint64
	do     func(ok bool)
}

func newServer(h *host) *server {
	s := &server{host: h, base: &isuride.Tables{ChairModels: []isuride.ChairModel{{Name: "fast", Speed: 7}}}}
	s.rebuild()
	return s
}

// rebuild begins again with what the disk holds.
func (s *server) rebuild() {
	d := s.host.disk
	s.store = state.New(state.Options{Log: (*seam)(s), Now: s.now, Describe: func(*isuride.Chair) []byte { return nil }}, s.base, nil)
	s.recovery = state.NewRecovery(s.store, 0)
	s.term, s.charges, s.events, s.taken, s.tail = 0, nil, 0, nil, nil
	s.image = d.image
	s.applied = d.image.Last
	for _, event := range d.history {
		s.replay(event)
	}
}

func (s *server) replay(event []byte) {
	s.events++
	s.taken = append(s.taken, event)
	if err := s.recovery.Replay(s.events, event); err != nil {
		s.host.world.breach("%s: event %d does not fit its state: %v", s.host.name, s.events, err)
	}
}

func (s *server) now() isuride.Time {
	return isuride.Time(1_764_000_000_000_000) + isuride.Time((s.host.world.now+s.host.skew)/time.Microsecond)
}

// seam is the log as the live state sees it: events have numbers without those of marks.
type seam server

func (s *seam) AppendNoted(payload []byte, note interface{ Recorded(seq uint64) }) (uint64, error) {
	if _, err := s.host.disk.Append(payload); err != nil {
		return 0, err
	}
	s.events++
	s.tail = append(s.tail, sumOf(0, payload))
	if note != nil {
		note.Recorded(s.events)
	}
	return s.events, nil
}

func (s *seam) Appended() uint64 { return s.events }

func (s *seam) Hold(f func(last uint64)) { f(s.events) }

// live says that the server answers.
func (s *server) live() bool { return s.term != 0 }

// follow does what the state of the core and the watermark ask for.
func (s *server) follow() {
	d, st := s.host.disk, s.host.core.Standing()
	if st.Role == replica.Leader {
		s.host.world.checks.leads(s.host, st.Term)
	}
	if s.live() && (st.Term != s.term || st.Role != replica.Leader) {
		s.depose()
	}
	if d.image != s.image {
		if s.live() {
			s.host.world.breach("BUG: a leader got an image")
		}
		if d.image.Last > s.applied {
			s.rebuild()
		}
		s.image = d.image
	}
	if s.host.witness {
		return
	}
	s.apply()
	switch handing := s.host.core.Handing(); {
	case !st.Ready || handing:
	case !s.live():
		s.promote(st.Term)
	case !st.Open:
		_ = s.host.core.Accept(s.term) // nobody took over
	}
	s.release()
	s.compact()
}

// watermark is up to where answers may leave.
func (s *server) watermark() uint64 {
	d := s.host.disk
	if s.host.world.Flaw == CommitEarly {
		return d.lastRecord()
	}
	return d.committedLast
}

// apply takes the committed records: a standby replays them, a leader has them.
func (s *server) apply() {
	d := s.host.disk
	upTo := d.committed
	if s.host.world.Flaw == SpeculationApplied && !s.live() {
		upTo = d.Last()
	}
	for s.applied < d.committedLast || s.host.world.Flaw == SpeculationApplied && s.applied < d.lastRecord() && !s.live() {
		i, _ := slices.BinarySearchFunc(d.entries, s.applied+1, func(e stored, n uint64) int { return cmp.Compare(e.Last, n) })
		if i == len(d.entries) || d.entries[i].Index > upTo {
			return
		}
		e := &d.entries[i]
		for _, event := range e.records {
			if s.live() {
				s.taken = append(s.taken, event)
			} else {
				s.replay(event)
			}
		}
		s.applied = e.Last
	}
}

// promote makes the standby's state the live one.
func (s *server) promote(term uint64) {
	w := s.host.world
	charges, _, err := s.recovery.Finish(s.events)
	if err != nil {
		w.breach("%s cannot be promoted: %v", s.host.name, err)
		return
	}
	if err := s.host.core.Accept(term); err != nil {
		w.breach("%s is ready and may not lead: %v", s.host.name, err)
		return
	}
	w.note("%s leads in term %d from event %d on", s.host.name, term, s.events)
	w.result.Leaders++
	s.term, s.recovery, s.written = term, nil, map[string]uint64{}
	slices.SortFunc(charges, func(a, b *state.Charge) int { return cmp.Compare(a.Ride.ID, b.Ride.ID) })
	if w.Flaw != ChargeForgotten {
		for _, ch := range charges {
			s.charge(ch, func(bool) {})
		}
	}
}

// depose throws the speculation away.
func (s *server) depose() {
	w := s.host.world
	w.note("%s no longer leads in term %d", s.host.name, s.term)
	s.endWaits(w.Flaw == DeposedAnswers)
	if w.Flaw == SpeculationKept {
		s.recovery = state.NewRecovery(s.store, s.events)
		s.term, s.applied = 0, max(s.applied, s.host.disk.lastRecord())
		return
	}
	s.rebuild()
}

// end is the end of the process: nobody is told anything any more.
func (s *server) end() { s.endWaits(false) }

func (s *server) endWaits(ok bool) {
	waits, reads := s.waits, s.reads
	s.waits, s.reads = nil, nil
	for _, r := range reads {
		r.do(false)
	}
	for _, w := range waits {
		w.leave(ok)
	}
}

// await has an answer leave once the watermark has passed all that was recorded.
func (s *server) await(leave func(ok bool)) {
	s.awaitRecord(s.host.disk.Appended(), leave)
	s.host.core.Grown()
	s.release()
}

// awaitRecord has an answer leave once a record is committed.
func (s *server) awaitRecord(upTo uint64, leave func(ok bool)) {
	if s.host.world.Flaw == AnswerBeforeCommit {
		upTo = 0
	}
	i, _ := slices.BinarySearchFunc(s.waits, upTo+1, func(w wait, n uint64) int { return cmp.Compare(w.upTo, n) })
	s.waits = slices.Insert(s.waits, i, wait{upTo, leave})
	s.release()
}

func (s *server) release() {
	mark := s.watermark()
	for len(s.waits) > 0 && s.waits[0].upTo <= mark {
		w := s.waits[0]
		s.waits = s.waits[1:]
		w.leave(true)
	}
}

// tick has the core seal what was recorded while the window was full.
func (s *server) tick() { s.host.core.Grown() }

// confirm has a majority confirm that this server leads, before a GET reads.
func (s *server) confirm(do func(ok bool)) {
	if s.host.world.Flaw == ReadUnconfirmed {
		do(true)
		return
	}
	s.host.tickets++
	s.reads = append(s.reads, read{s.host.tickets, do})
	s.host.core.ReadIndex(s.host.tickets)
}

func (s *server) confirmed(c replica.Confirmed) {
	i := slices.IndexFunc(s.reads, func(r read) bool { return r.ticket == c.Ticket })
	if i < 0 {
		return // of an earlier leadership
	}
	r := s.reads[i]
	s.reads = slices.Delete(s.reads, i, i+1)
	r.do(c.Err == nil)
}

// lease says whether nobody else can lead; ask after the state was read.
func (s *server) lease() bool {
	s.host.core.RenewLease()
	return s.host.clock() < s.host.core.LeaseUntil()
}

// charge pays for a ride, once it is certain that the payment was begun.
func (s *server) charge(ch *state.Charge, then func(ok bool)) {
	h, term := s.host, s.term
	key := ch.Ride.ID // the same for each leader
	if h.world.Flaw == SecondKey {
		key = fmt.Sprint(key, "/", term)
	}
	call := func() { h.world.gateway.charge(h.world, key, ch.Ride.ID, ch.Ride.Fare) }
	if h.world.Flaw == ChargeEarly {
		call()
	}
	s.await(func(ok bool) {
		if !ok {
			then(false)
			return
		}
		h.after(h.world.between(time.Millisecond, 30*time.Millisecond), 'g', func() {
			if s.term != term {
				then(false)
				return
			}
			call()
			if _, err := s.store.Complete(ch); err != nil {
				then(false)
				return
			}
			s.store.Release(ch.Ride)
			number, sum := s.events, s.tail[len(s.tail)-1]
			s.await(func(ok bool) {
				if ok {
					h.world.checks.acknowledge(h, term, number, sum)
				}
				then(ok)
			})
		})
	})
}

// compact makes an image of what is committed when the log has become long, and drops what
// comes before it.
func (s *server) compact() {
	d := s.host.disk
	if len(d.entries) < 400 || d.committed < d.base.Index+300 || s.applied != d.committedLast {
		return
	}
	term, err := d.Term(d.committed)
	if err != nil {
		return
	}
	at := replica.Position{Index: d.committed, Term: term}
	events := s.taken
	if s.host.world.Flaw == ImageShort && len(events) > 0 {
		events = events[:len(events)-1]
	}
	d.keepImage(at, d.committedLast, slices.Clip(events))
	s.image = d.image
}
