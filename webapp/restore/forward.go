package restore

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"isuride/webapp/flush"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/recount"
	"isuride/webapp/sqlstore"
)

// forward brings a database from its position to the one asked for, and gives it an
// identity of its own. It returns what to say of where it is.
func forward(ctx context.Context, o Options, c sqlstore.Config) (reached string, err error) {
	db, err := sqlstore.Open(ctx, c, o.Log)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	st, err := db.State(ctx)
	if err != nil {
		return "", err
	}
	if !st.Ready {
		return "", notReady(o.Copy)
	}
	folder, err := generation(o.Journal, st.Generation)
	if err != nil {
		return "", err
	}
	r, err := findRoute(ctx, o, folder, st, db)
	if err != nil {
		return "", err
	}
	if err := replay(ctx, o, folder, r, db); err != nil {
		return "", err
	}
	if _, err := db.Fork(ctx); err != nil {
		return "", err
	}
	if n := db.Refused(); n > 0 {
		o.Tell("%d rows are refused by the tables, and kept in refused_rows as the server does", n)
	}
	for ride := range r.open {
		o.Tell("the payment of ride %s was under way there; it is not resumed, the rider has to rate the ride again (under the same key, so nobody pays twice)", ride)
	}
	return r.String(), nil
}

// generation returns the folder of the generation's log.
func generation(path string, n uint64) (string, error) {
	all, err := journal.Generations(path)
	if err != nil {
		return "", err
	}
	for _, have := range all {
		if have == n {
			return journal.GenerationPath(path, n), nil
		}
	}
	if len(all) > 0 {
		return "", fmt.Errorf("the copy of the database is of generation %d, and the journal %s has generation %d: an initialize came between, or they do not belong together; take a copy of that generation",
			n, path, all[len(all)-1])
	}
	return path, nil // the generation's own folder, or nothing at all; the first look tells
}

// route is the way from the copy to the moment asked for.
type route struct {
	generation uint64
	from, to   uint64 // positions; events from+1 to to are applied
	at, next   isuride.Time
	open       isuride.OpenCharges // at its end
}

// String tells where it ends.
func (r *route) String() string {
	text := fmt.Sprintf("position %d", r.to)
	if r.at != 0 {
		text += " (" + r.at.String() + ")"
	}
	if r.next != 0 {
		text += "; the next event is of " + r.next.String()
	}
	return text
}

// survey reads the log for a route.
type survey struct {
	to      isuride.Moment
	st      sqlstore.State
	route   route
	last    uint64        // gapless up to here, from the copy's position on
	gap     uint64        // first event after a gap, 0 if there is none
	known   bool          // the log has the copy's own position
	passed  bool          // the log goes on after the moment
	remark  journal.Sight // the first after the gapless records
	foreign string
	decoder isuride.Decoder
}

var errEnough = errors.New("enough")

// findRoute finds out where the moment is, and makes sure that the log has every event
// from the copy's position to there.
func findRoute(ctx context.Context, o Options, folder string, st sqlstore.State, db *sqlstore.Store) (*route, error) {
	s := &survey{to: o.To, st: st, last: st.Position, route: route{generation: st.Generation, from: st.Position, open: isuride.OpenCharges{}}}
	err := journal.Look(folder, func(sight journal.Sight) error {
		if sight.Seq%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return s.see(sight)
	})
	if err != nil && err != errEnough {
		return nil, fmt.Errorf("read the journal %s: %w", folder, err)
	}
	if s.foreign != "" {
		return nil, fmt.Errorf("the journal %s is of history %s, the copy of the database of history %s; name the journal that belongs to it", folder, s.foreign, st.History)
	}
	if err := s.judge(ctx, folder, db); err != nil {
		return nil, err
	}
	return &s.route, nil
}

func (s *survey) see(sight journal.Sight) error {
	if sight.History != (journal.History{}) && sight.History.String() != s.st.History {
		s.foreign = sight.History.String()
		return errEnough
	}
	if sight.Remark != "" {
		if s.gap == 0 && s.remark.Remark == "" {
			s.remark = sight
		}
		return nil
	}
	if journal.IsMark(sight.Payload) {
		s.follow(sight.Seq)
		return nil
	}
	e, err := s.decoder.Decode(sight.Payload)
	if err != nil {
		return fmt.Errorf("event %d in %s: %w", sight.Seq, sight.Segment, err)
	}
	if s.to.Passed(sight.Seq, e) {
		s.passed, s.route.next = true, e.At()
		s.route.to = sight.Seq - 1
		return errEnough
	}
	s.note(sight.Seq, e)
	return nil
}

// note follows the log by an event that is not after the moment.
func (s *survey) note(seq uint64, e *isuride.Event) {
	s.route.open.Note(seq, e)
	s.route.at = max(s.route.at, e.At())
	s.follow(seq)
}

// follow follows the log by a record.
func (s *survey) follow(seq uint64) {
	s.known = s.known || seq == s.st.Position
	switch {
	case seq == s.last+1 && s.gap == 0:
		s.last = seq
	case seq > s.last && s.gap == 0:
		s.gap = seq
	}
	if s.gap == 0 {
		s.remark = journal.Sight{}
	}
}

func (s *survey) judge(ctx context.Context, folder string, db *sqlstore.Store) error {
	r, timed := &s.route, s.to.Time != 0
	switch {
	case !timed:
		r.to = s.to.Position
	case !s.passed:
		r.to = max(s.last, s.gap)
	}
	if r.to < r.from && !timed {
		return fmt.Errorf("the copy of the database is at position %d, past position %d; take an earlier copy", r.from, r.to)
	}
	if timed && !s.known && r.from > 0 { // the log does not say when the copy's position was
		newest, err := db.Newest(ctx)
		if err != nil {
			return err
		}
		if newest > s.to.Time {
			return fmt.Errorf("the copy of the database is at position %d and has a change of %s, after %s; take an earlier copy", r.from, newest, s.to)
		}
	}
	switch {
	case r.to < r.from:
		return fmt.Errorf("the copy of the database is at position %d, past %s, which is position %d; take an earlier copy", r.from, s.to, r.to)
	case s.last >= r.to && (!timed || s.passed || s.remark.Ends):
		return nil
	}
	return s.missing(folder)
}

func (s *survey) missing(folder string) error {
	text := fmt.Sprintf("the copy of the database is at position %d, and the journal %s lacks ", s.route.from, folder)
	switch {
	case s.gap > 0:
		text += fmt.Sprintf("events %d to %d", s.last+1, s.gap-1)
	case s.passed:
		text += fmt.Sprintf("events %d to %d", s.last+1, s.route.to)
	default:
		text += fmt.Sprintf("event %d and all after it, up to %s", s.last+1, s.to)
	}
	if s.remark.Remark != "" {
		text += fmt.Sprintf(" (%s, offset %d: %s)", s.remark.Segment, s.remark.Offset, s.remark.Remark)
	}
	return errors.New(text + "; take a later copy, a journal that has them, or a position up to " + fmt.Sprint(s.last))
}

// replay has the write-behind apply the events.
func replay(ctx context.Context, o Options, folder string, r *route, db *sqlstore.Store) error {
	next, stop := iter.Pull2(events(folder))
	defer stop()
	totals, err := db.Totals(ctx)
	if err != nil {
		return err
	}
	w := flush.New(flush.Options{
		Source: &tail{next: next, route: r}, Log: until(r.to), Target: &target{db, r, o.share("events are applied")},
		Totals: totals, Worth: worth(ctx, db),
		Differs:    func(d *recount.Difference) { o.Tell("%v; isuride audit tells more", d) },
		Generation: r.generation, Position: r.from, Skip: journal.IsMark, Now: func() isuride.Time { return r.at },
		Transient: func(err error) bool { return !sqlstore.IsHopeless(err) }, Logger: o.Log})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	err = w.Drain(ctx)
	cancel()
	if runErr := <-ended; err == nil || runErr != nil && !errors.Is(runErr, context.Canceled) {
		err = runErr
	}
	return err
}

// worth looks in the tables for the coupon of a ride that was requested before the first event
// applied.
func worth(ctx context.Context, db *sqlstore.Store) func(*isuride.Ride) (int, bool) {
	return func(ride *isuride.Ride) (int, bool) {
		yen, ok, err := db.Worth(ctx, ride)
		return yen, ok && err == nil
	}
}

// record is an event, or the error that ended the log.
type record struct {
	seq     uint64
	payload []byte
}

// events yields the records of the log.
func events(folder string) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		err := journal.Look(folder, func(s journal.Sight) error {
			if s.Remark == "" && !yield(record{s.Seq, s.Payload}, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && err != errEnough {
			yield(record{}, err)
		}
	}
}

// tail is the stretch of the log that the route covers, as the write-behind reads it.
type tail struct {
	next  func() (record, error, bool)
	route *route
	one   *record // read ahead
	err   error
	ended bool
}

// ready reads on to the next event of the route.
func (t *tail) ready() bool {
	for t.one == nil && !t.ended {
		one, err, ok := t.next()
		if t.err = err; err != nil || !ok || one.seq > t.route.to {
			t.ended = true
		} else if one.seq > t.route.from {
			t.one = &one
		}
	}
	return t.one != nil
}

// Next returns the next event.
func (t *tail) Next() (seq uint64, payload []byte, ok bool) {
	if !t.ready() {
		return 0, nil, false
	}
	one := t.one
	t.one = nil
	return one.seq, one.payload, true
}

// Wait returns at once if there is an event. There will never be one that is not there yet.
func (t *tail) Wait(ctx context.Context) error {
	if t.ready() {
		return nil
	}
	if t.err != nil {
		return t.err
	}
	<-ctx.Done()
	return ctx.Err()
}

// until is a log whose last event is known, and from which nothing is released.
type until uint64

func (u until) Appended() uint64 { return uint64(u) }
func (until) Backlog() int64     { return 0 }
func (until) Release(uint64)     {}

// target tells how far the tables are.
type target struct {
	*sqlstore.Store
	route *route
	told  func(done, all int64)
}

func (t *target) WriteCut(ctx context.Context, generation, position uint64, rows *isuride.Tables) error {
	err := t.Store.WriteCut(ctx, generation, position, rows)
	if err == nil {
		t.told(int64(position-t.route.from), int64(t.route.to-t.route.from))
	}
	return err
}
