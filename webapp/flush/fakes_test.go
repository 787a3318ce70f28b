package flush

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/oklog/ulid/v2"

	"isuride/webapp/isuride"
)

// memLog is the log in memory: Source and Log. Its first event is first+1, and what is
// up to the position given has been read before.
type memLog struct {
	mu       sync.Mutex
	first    uint64
	events   [][]byte
	read     int // how many of events Next has returned
	released uint64
	grown    chan struct{} // closed and replaced by append
	closed   chan struct{}
}

func newMemLog(first, position uint64) *memLog {
	before := int(position - first)
	return &memLog{first: first, released: first, events: make([][]byte, before), read: before,
		grown: make(chan struct{}), closed: make(chan struct{})}
}

func (l *memLog) append(events ...*isuride.Event) {
	for _, e := range events {
		l.appendBytes(e.Append(nil))
	}
}

func (l *memLog) appendBytes(payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, payload)
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *memLog) Next() (seq uint64, payload []byte, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read == len(l.events) {
		return 0, nil, false
	}
	l.read++
	return l.first + uint64(l.read), l.events[l.read-1], true
}

var errLogClosed = errors.New("log is closed")

func (l *memLog) Wait(ctx context.Context) error {
	for {
		l.mu.Lock()
		ready, grown := l.read < len(l.events), l.grown
		l.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-grown:
		case <-l.closed:
			return errLogClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *memLog) Appended() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first + uint64(len(l.events))
}

func (l *memLog) Backlog() (bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, payload := range l.events[l.released-l.first:] {
		bytes += int64(len(payload))
	}
	return bytes
}

func (l *memLog) Release(upTo uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if upTo > l.first+uint64(len(l.events)) {
		panic(fmt.Sprintf("released up to %d of %d", upTo, len(l.events)))
	}
	l.released = max(l.released, upTo)
}

func (l *memLog) releasedUpTo() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.released
}

func (l *memLog) at(seq uint64) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[seq-l.first-1]
}

// database is the ten tables as maps, and what the SQL does to them.
type database struct {
	Owners    map[string]isuride.Owner
	Chairs    map[string]isuride.Chair
	Locations map[string]isuride.ChairLocation
	Users     map[string]isuride.User
	Tokens    map[string]isuride.PaymentToken
	Rides     map[string]isuride.Ride
	Statuses  map[string]isuride.RideStatus
	Coupons   map[[2]string]isuride.Coupon
}

func newDatabase() *database {
	return &database{map[string]isuride.Owner{}, map[string]isuride.Chair{}, map[string]isuride.ChairLocation{}, map[string]isuride.User{},
		map[string]isuride.PaymentToken{}, map[string]isuride.Ride{}, map[string]isuride.RideStatus{}, map[[2]string]isuride.Coupon{}}
}

// upsert overwrites rows; NULL keeps what a column has (as sqlstore.WriteCut documents).
func (d *database) upsert(t *isuride.Tables) {
	put(d.Owners, t.Owners, func(r isuride.Owner) string { return r.ID }, nil)
	put(d.Chairs, t.Chairs, func(r isuride.Chair) string { return r.ID }, nil)
	put(d.Locations, t.ChairLocations, func(r isuride.ChairLocation) string { return r.ID }, nil)
	put(d.Users, t.Users, func(r isuride.User) string { return r.ID }, nil)
	put(d.Tokens, t.PaymentTokens, func(r isuride.PaymentToken) string { return r.UserID }, nil)
	put(d.Rides, t.Rides, func(r isuride.Ride) string { return r.ID }, func(row *isuride.Ride, old isuride.Ride) {
		row.ChairID = cmp.Or(row.ChairID, old.ChairID)
		row.Evaluation = cmp.Or(row.Evaluation, old.Evaluation)
	})
	put(d.Statuses, t.RideStatuses, func(r isuride.RideStatus) string { return r.ID }, func(row *isuride.RideStatus, old isuride.RideStatus) {
		row.AppSentAt = cmp.Or(row.AppSentAt, old.AppSentAt)
		row.ChairSentAt = cmp.Or(row.ChairSentAt, old.ChairSentAt)
	})
	put(d.Coupons, t.Coupons, func(r isuride.Coupon) [2]string { return [2]string{r.UserID, r.Code} },
		func(row *isuride.Coupon, old isuride.Coupon) { row.UsedBy = cmp.Or(row.UsedBy, old.UsedBy) })
}

func put[K comparable, R any](table map[K]R, rows []R, key func(R) K, keep func(row *R, old R)) {
	for _, r := range rows {
		if old, ok := table[key(r)]; ok && keep != nil {
			keep(&r, old)
		}
		table[key(r)] = r
	}
}

// apply writes one event the plain way, row by row.
func (d *database) apply(t *testing.T, seq uint64, payload []byte) {
	var decoder isuride.Decoder
	e, err := decoder.Decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	one := isuride.Tables{Coupons: e.Coupons}
	if e.Owner != nil {
		one.Owners = []isuride.Owner{*e.Owner}
	}
	if e.Chair != nil {
		one.Chairs = []isuride.Chair{*e.Chair}
	}
	if e.Location != nil {
		l := *e.Location
		l.ID = plainLocationID(seq, l.CreatedAt)
		one.ChairLocations = []isuride.ChairLocation{l}
	}
	if e.User != nil {
		one.Users = []isuride.User{*e.User}
	}
	if e.Token != nil {
		one.PaymentTokens = []isuride.PaymentToken{*e.Token}
	}
	if e.Ride != nil {
		one.Rides = []isuride.Ride{*e.Ride}
	}
	if e.Status != nil {
		one.RideStatuses = []isuride.RideStatus{*e.Status}
	}
	d.upsert(&one)
}

func plainLocationID(seq uint64, at isuride.Time) string {
	entropy := make([]byte, 10)
	for i := 9; seq > 0; i, seq = i-1, seq>>8 {
		entropy[i] = byte(seq)
	}
	return ulid.MustNew(uint64(at.Milli()), bytes.NewReader(entropy)).String()
}

var (
	errAway   = errors.New("database is away")    // transient
	errReject = errors.New("duplicate key value") // not transient
)

func transient(err error) bool {
	return errors.Is(err, errAway) || errors.Is(err, context.DeadlineExceeded)
}

// memTarget is a database that takes cuts, and a model beside it that takes the log's
// events one by one. After every cut both must be equal.
type memTarget struct {
	t   *testing.T
	log *memLog

	// before and after are asked around the commit of each attempt; an error of after
	// makes the commit ambiguous. They may be nil.
	before, after func(ctx context.Context) error

	mu        sync.Mutex
	db, model *database
	position  uint64
	cuts      []taken
	tried     *isuride.Tables // by an attempt that failed: what must be repeated
	triedUpTo uint64
}

type taken struct {
	position uint64
	rows     int
}

func (m *memTarget) WriteCut(ctx context.Context, generation, position uint64, rows *isuride.Tables) (err error) {
	m.checkRepeated(position, rows)
	defer func() { m.remember(position, rows, err) }()
	if m.before != nil {
		if err := m.before(ctx); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m.commit(generation, position, rows)
	if m.after != nil {
		return m.after(ctx)
	}
	return nil
}

// checkRepeated: a cut whose outcome was an error comes again as it was.
func (m *memTarget) checkRepeated(position uint64, rows *isuride.Tables) {
	if m.tried != nil && (m.triedUpTo != position || !reflect.DeepEqual(m.tried, rows)) {
		m.t.Errorf("cut %d was not repeated, but became cut %d", m.triedUpTo, position)
	}
}

func (m *memTarget) remember(position uint64, rows *isuride.Tables, err error) {
	m.tried = nil
	if err != nil {
		m.tried, m.triedUpTo = cloned(rows), position
	}
}

func cloned(t *isuride.Tables) *isuride.Tables {
	return &isuride.Tables{Owners: slices.Clone(t.Owners), Chairs: slices.Clone(t.Chairs), ChairLocations: slices.Clone(t.ChairLocations),
		Users: slices.Clone(t.Users), PaymentTokens: slices.Clone(t.PaymentTokens), Rides: slices.Clone(t.Rides),
		RideStatuses: slices.Clone(t.RideStatuses), Coupons: slices.Clone(t.Coupons)}
}

func (m *memTarget) commit(generation, position uint64, rows *isuride.Tables) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if generation != testGeneration {
		m.t.Errorf("cut of generation %d, want %d", generation, testGeneration)
	}
	if position == m.position {
		return // has it already
	}
	if position < m.position {
		m.t.Errorf("cut %d after cut %d", position, m.position)
		return
	}
	before := m.size()
	m.db.upsert(rows)
	for seq := m.position + 1; seq <= position; seq++ {
		m.model.apply(m.t, seq, m.log.at(seq))
	}
	if !reflect.DeepEqual(m.db, m.model) {
		m.t.Errorf("cut %d to %d: the tables are not what the log says", m.position+1, position)
	}
	if grown := m.size() - before; grown > rows.Rows() {
		m.t.Errorf("cut of %d rows made %d", rows.Rows(), grown)
	}
	m.position = position
	m.cuts = append(m.cuts, taken{position, rows.Rows()})
}

func (m *memTarget) size() int {
	d := m.db
	return len(d.Owners) + len(d.Chairs) + len(d.Locations) + len(d.Users) + len(d.Tokens) + len(d.Rides) + len(d.Statuses) + len(d.Coupons)
}

func (m *memTarget) at() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.position
}

func (m *memTarget) history() []taken {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.cuts)
}

// ride returns the row in the database.
func (m *memTarget) ride(id string) isuride.Ride {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.db.Rides[id]
}

// rig is a writer between a log and a target, with its log lines.
type rig struct {
	log    *memLog
	target *memTarget
	lines  *bytes.Buffer
	*Writer
}

const (
	testGeneration = 7
	testFirst      = 900 // what is before is not in the log any more
	testPosition   = 1000
)

func newRig(t *testing.T, change ...func(*Options)) *rig {
	r := &rig{log: newMemLog(testFirst, testPosition), lines: new(bytes.Buffer)}
	r.target = &memTarget{t: t, log: r.log, position: testPosition, db: newDatabase(), model: newDatabase()}
	o := Options{Source: r.log, Log: r.log, Target: r.target, Generation: testGeneration, Position: testPosition,
		Now: now, Transient: transient, Logger: slog.New(slog.NewTextHandler(r.lines, nil))}
	for _, f := range change {
		f(&o)
	}
	r.Writer = New(o)
	return r
}

// start runs the writer, at most until the test is over; the result is in the channel
// once it has ended.
func (r *rig) start(ctx context.Context) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.target.t.Cleanup(func() { <-r.done }) // the test's context has ended by then
	return ended
}
