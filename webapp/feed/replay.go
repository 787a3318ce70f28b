package feed

import (
	"context"
	"errors"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/snapshot"
	"isuride/webapp/state"
)

// replay begins a subscription at a moment in the past: with the last snapshot before it and
// the events up to it, then those after it. What neither says is asked of the live store,
// see translator.
func (s *sub) replay(source Source, b start) error {
	r, reader, err := snapshotBefore(source, *b.since)
	if err != nil {
		return err
	}
	defer reader.Close()
	defer r.Close()
	p := s.newPartial(source, b.reason)
	at, began, err := s.asOf(source, r, reader, *b.since, p)
	if err != nil {
		return err
	}
	reader.Close()
	if reader, err = source.Journal.Subscribe(at + 1); err != nil {
		return err
	}
	return s.follow(source, p.t, reader, at, newPace(b.speed, began))
}

// kept refuses a moment from which nothing can be told, while the reader can still be answered
// with a status. What else may go wrong the replay says.
func (f *Feed) kept(m isuride.Moment) *Error {
	source := f.opt.Current()
	if source.Journal == nil {
		return nil
	}
	r, reader, err := snapshotBefore(source, m)
	var refused *Error
	switch {
	case errors.As(err, &refused):
		return refused
	case err == nil:
		reader.Close()
		r.Close()
	}
	return nil
}

// snapshotBefore opens the newest snapshot that has nothing of what came after the moment,
// and a reader of the events that it lacks.
func snapshotBefore(source Source, m isuride.Moment) (*snapshot.Reader, *journal.Subscriber, error) {
	if end := source.Journal.Watermark(); m.Time == 0 && m.Position > end {
		return nil, nil, refuse(Future, "since: position %d is ahead of the server, which is at %d", m.Position, end)
	}
	paths, err := snapshot.List(source.Folder)
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		r, err := snapshot.Open(path)
		if err != nil {
			continue // it was replaced just now, or is damaged: the log says so when the server starts
		}
		if h := r.Header(); h.Generation == source.Epoch && before(h, m) {
			reader, err := source.Journal.Subscribe(h.Span.From + 1)
			if err == nil {
				return r, reader, nil
			}
			if !errors.Is(err, journal.ErrGone) {
				r.Close()
				return nil, nil, err
			}
		}
		r.Close()
	}
	return nil, nil, refuse(NotKept, "since: nothing is kept from %v; the oldest event of the log is %d, and a replay begins with a snapshot that is not older", m, source.Journal.Oldest())
}

// before reports whether a snapshot has no event after the moment.
func before(h snapshot.Header, m isuride.Moment) bool {
	if m.Time != 0 {
		return h.Written <= m.Time
	}
	return h.Span.To <= m.Position
}

// asOf queues the tables as they were at the moment, and returns the last event in them and
// the time from which what follows is told. One snapshot is read at a time for each class of viewers.
func (s *sub) asOf(source Source, r *snapshot.Reader, reader *journal.Subscriber, moment isuride.Moment, p *partial) (at uint64, began isuride.Time, err error) {
	reading := s.conn.feed.reading[s.viewer.Class]
	select {
	case reading <- struct{}{}:
	case <-s.ctx.Done():
		return 0, 0, s.ctx.Err()
	}
	defer func() { <-reading }()
	h := r.Header()
	m := merger{feed: s.conn.feed, ctx: s.ctx, source: source, scope: s.scope, to: p, base: h.Span.From, ahead: map[string]uint64{}}
	p.begin(h.Span.From)
	if err := r.Each(func(i *state.Image) error { return m.past(i) }); err != nil {
		return 0, 0, err
	}
	if err := p.rest(); err != nil {
		return 0, 0, err
	}
	at, began, err = m.upTo(reader, moment, h)
	if err != nil {
		return 0, 0, err
	}
	if moment.Time != 0 {
		began = moment.Time
	}
	return at, began, p.close(at)
}

// upTo hands on what the events up to the moment changed, where the snapshot lacks it, and
// returns the last one and its time.
func (m *merger) upTo(reader *journal.Subscriber, moment isuride.Moment, h snapshot.Header) (at uint64, when isuride.Time, err error) {
	at, when = h.Span.From, h.Written
	t := m.to.translator()
	for seq, payload, ok := reader.Next(); ok; seq, payload, ok = reader.Next() {
		if journal.IsMark(payload) {
			continue
		}
		e, err := t.dec.Decode(payload)
		if err != nil {
			return 0, 0, err
		}
		if moment.Passed(seq, e) && seq > h.Span.To {
			break
		}
		changes, took, err := t.event(payload)
		if err != nil {
			return 0, 0, err
		}
		if err := m.lacking(changes, seq, took); err != nil {
			return 0, 0, err
		}
		if at = seq; took != 0 {
			when = took
		}
	}
	return at, when, nil
}

// past hands on the rows of an image of a snapshot, the city's too.
func (m *merger) past(i *state.Image) error {
	if i.Position > m.base {
		m.ahead[entityOf(i)] = i.Position
	}
	t := m.to.translator()
	defer t.rest()
	changes := t.image(i)
	for k := range changes {
		if c := &changes[k]; m.scope.holds(c) {
			if err := m.to.row(c, i.Position); err != nil {
				return err
			}
		}
	}
	return m.ctx.Err()
}

// pace lets events take the time they took, or a fraction of it.
type pace struct {
	speed float64
	since isuride.Time // of the events
	began time.Time    // of the replay
}

// newPace returns nil, which never waits, without a speed.
func newPace(speed float64, since isuride.Time) *pace {
	if speed == 0 {
		return nil
	}
	return &pace{speed: speed, since: since, began: time.Now()}
}

// wait returns when an event of that time is due. Heartbeats say meanwhile that the replay is
// there, up to the event before. In the present a replay ends: it has caught up.
func (p *pace) wait(s *sub, source Source, next uint64, when isuride.Time) error {
	if p == nil || when == 0 {
		return nil
	}
	due := p.began.Add(time.Duration(float64(when.Sub(p.since)) / p.speed))
	for {
		left := time.Until(due)
		if left <= 0 {
			return nil
		}
		if err := s.queueMade(); err != nil {
			return err
		}
		if err := waitFor(s.ctx, nil, min(left, beatEvery)); err != errElapsed {
			return err
		}
		if left > beatEvery && !s.conn.add(s, entry{sub: s, kind: ofBeat, action: Heartbeat, epoch: source.Epoch, seq: next - 1, at: when}) {
			return context.Canceled
		}
	}
}
