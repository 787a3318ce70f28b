package feed

import (
	"context"
	"errors"
	"time"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
)

// taker gets a scope's rows: those of images first, then what the events after them did.
// Changes are lent.
type taker interface {
	translator() *translator
	begin(seq uint64)               // the event before the images
	row(c *change, at uint64) error // of an image of that position
	rest() error                    // no more rows of images
	delta(*change, isuride.Time) error
}

// images visits the state's images.
type images func(visit func(*state.Image) error) (state.Span, error)

// take gives a taker the rows of a scope as they are at an event, which it returns, with a
// reader of the events after that.
//
// Images are taken one after the other while the city goes on, each with its position. The
// log is the buffer for what happens meanwhile: a reader is placed before the walk begins,
// and afterwards the events up to its end are made up for, without the rows whose image has
// them already. Nothing leaves before the watermark has passed what it may show.
func (f *Feed) take(ctx context.Context, source Source, s *scope, to taker) (at uint64, reader *journal.Subscriber, err error) {
	at = source.Journal.Watermark()
	m := merger{feed: f, ctx: ctx, source: source, scope: s, to: to}
	if s.has(city) {
		if m.shot, err = f.cityNow(ctx, source); err != nil {
			return 0, nil, err
		}
		at = min(at, m.shot.at)
	}
	if reader, err = source.Journal.Subscribe(at + 1); err != nil {
		return 0, nil, err
	}
	to.begin(at)
	if at, err = m.merge(at, reader); err != nil {
		reader.Close()
		return 0, nil, err
	}
	return at, reader, nil
}

// merger joins images and events.
type merger struct {
	feed   *Feed
	ctx    context.Context
	source Source
	scope  *scope
	to     taker
	shot   *cityShot // nil if the city is not asked for

	base  uint64            // the event before the first that is read
	ahead map[string]uint64 // positions of the images that are behind base, by entity
}

func (m *merger) merge(base uint64, reader *journal.Subscriber) (uint64, error) {
	m.base, m.ahead = base, map[string]uint64{}
	end := base
	if m.scope.tables&^(1<<city|1<<matches) != 0 {
		span, err := m.walk()
		if err != nil {
			return 0, err
		}
		end = span.To
	}
	if m.shot != nil {
		end = max(end, m.shot.at)
		if err := m.showCity(); err != nil {
			return 0, err
		}
	}
	if err := m.to.rest(); err != nil {
		return 0, err
	}
	if err := m.feed.reach(m.ctx, m.source, end); err != nil {
		return 0, err
	}
	return end, m.makeUp(reader, end)
}

func (m *merger) walk() (state.Span, error) {
	images, release, err := m.feed.imagesOf(m.ctx, m.source.Store, m.scope)
	if err != nil {
		return state.Span{}, err
	}
	defer release()
	span, err := images(m.image)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return span, err
}

// image hands on the rows of an image.
func (m *merger) image(i *state.Image) error {
	if i.User != nil && m.scope.tables&(1<<users|1<<rides|1<<statuses|1<<coupons|1<<payments) == 0 {
		return errEnough // chairs come before users
	}
	if i.Position > m.base {
		m.ahead[entityOf(i)] = i.Position
	}
	t := m.to.translator()
	defer t.rest()
	changes := t.image(i)
	for k := range changes {
		c := &changes[k]
		if c.table == city || !m.scope.holds(c) {
			continue
		}
		if err := m.to.row(c, i.Position); err != nil {
			return err
		}
	}
	return m.ctx.Err()
}

func entityOf(i *state.Image) string {
	switch {
	case i.Owner != nil:
		return i.Owner.ID
	case i.Chair != nil:
		return i.Chair.ID
	}
	return i.User.ID
}

// reach waits until the watermark has passed an event. Without replicas, and with no wait for
// the disk, it has.
func (f *Feed) reach(ctx context.Context, source Source, seq uint64) error {
	for {
		reached := source.Journal.Watermark() >= seq
		if now := f.opt.Current(); !now.same(&source) || source.Journal.Leads() != source.term {
			return errMoved // the events of these numbers may be others than those that were seen
		}
		if reached {
			return nil
		}
		if err := waitFor(ctx, nil, time.Millisecond); err != errElapsed {
			return err
		}
	}
}

func (m *merger) showCity() error {
	for key, r := range m.shot.rows {
		c := change{table: city, action: Insert, see: everyone, key: key, kind: r.kind}
		c.text[Public] = r.text
		if !m.scope.holds(&c) {
			continue
		}
		if err := m.to.row(&c, m.shot.at); err != nil {
			return err
		}
	}
	return nil
}

// makeUp hands on the events up to one that the images lack.
func (m *merger) makeUp(reader *journal.Subscriber, end uint64) error {
	for at := m.base; at < end; {
		seq, payload, ok := reader.Next()
		if !ok {
			if err := reader.Wait(m.ctx); err != nil {
				return err
			}
			continue
		}
		if at = seq; journal.IsMark(payload) {
			continue
		}
		changes, when, err := m.to.translator().event(payload)
		if err != nil {
			return err
		}
		if err := m.lacking(changes, seq, when); err != nil {
			return err
		}
	}
	return nil
}

// lacking hands on what an event changed and no image has.
func (m *merger) lacking(changes []change, seq uint64, when isuride.Time) error {
	for i := range changes {
		if c := &changes[i]; m.scope.holds(c) && !m.has(c, seq) {
			if err := m.to.delta(c, when); err != nil {
				return err
			}
		}
	}
	return nil
}

// has reports whether the image has the event's change already.
func (m *merger) has(c *change, seq uint64) bool {
	switch {
	case c.table == city && m.shot != nil:
		return seq <= m.shot.at
	case c.table == matches:
		return true // a partial of a log is empty
	}
	return seq <= m.ahead[c.entity]
}

// imagesOf chooses the walk that a scope needs. Walks over everything are done one at a time.
func (f *Feed) imagesOf(ctx context.Context, store *state.Store, s *scope) (images, func(), error) {
	walk := func(one func(string, func(*state.Image) error) (state.Span, bool, error)) (images, func(), error) {
		return func(visit func(*state.Image) error) (state.Span, error) {
			span, found, err := one(s.viewer.ID, visit)
			if !found {
				err = refuse(UnknownAccount, "the %s %.40q is not there any longer", s.viewer.Class, s.viewer.ID)
			}
			return span, err
		}, func() {}, nil
	}
	switch s.viewer.Class {
	case User:
		return walk(store.WalkUser)
	case Owner:
		return walk(store.WalkOwner)
	case Chair:
		return walk(store.WalkChair)
	}
	select {
	case f.walking <- struct{}{}:
		return store.Walk, func() { <-f.walking }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// cityShot is the whole city at one event. All who begin with it within cityLasts share it:
// whatever the public does, the accounts are walked over once in that time at most.
type cityShot struct {
	source Source
	at     uint64
	taken  time.Time
	rows   map[string]gathered
}

const cityLasts = time.Second

// cityCamera takes the shots.
type cityCamera struct {
	turn chan struct{} // one at a time

	mu   lockwatch.Mutex
	last *cityShot // guarded by mu
}

func newCityCamera() *cityCamera { return &cityCamera{turn: make(chan struct{}, 1)} }

func (c *cityCamera) recent(source Source) *cityShot {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && c.last.source.same(&source) && time.Since(c.last.taken) < cityLasts {
		return c.last
	}
	return nil
}

// cityNow returns a shot of the last second.
func (f *Feed) cityNow(ctx context.Context, source Source) (*cityShot, error) {
	c := f.camera
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.turn }()
	if shot := c.recent(source); shot != nil {
		return shot, nil
	}
	taken := time.Now()
	shot, err := f.shoot(ctx, source)
	if err != nil {
		return nil, err
	}
	shot.taken = taken
	c.mu.Lock()
	c.last = shot
	c.mu.Unlock()
	return shot, nil
}

// shoot takes the city by a walk of its own.
func (f *Feed) shoot(ctx context.Context, source Source) (*cityShot, error) {
	at := source.Journal.Watermark()
	reader, err := source.Journal.Subscribe(at + 1)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	all := &scope{tables: 1 << city, order: []tableID{city}}
	g := newGathering(source, all)
	m := merger{feed: f, ctx: ctx, source: source, scope: all, to: g, base: at, ahead: map[string]uint64{}}
	span, err := source.Store.WalkOpen(func(i *state.Image) error {
		if i.Position > at {
			m.ahead[entityOf(i)] = i.Position
		}
		return g.cityOf(i)
	})
	if err != nil {
		return nil, err
	}
	if err := f.reach(ctx, source, span.To); err != nil {
		return nil, err
	}
	return &cityShot{source: source, at: span.To, rows: g.rows}, m.makeUp(reader, span.To)
}

// gathered is a row that was gathered.
type gathered struct {
	kind string // of a row of the city
	text []byte
}

// gathering is a taker that keeps the rows of one table.
type gathering struct {
	t     *translator
	scope *scope
	rows  map[string]gathered // by key
}

func newGathering(source Source, s *scope) *gathering {
	return &gathering{t: newTranslator(source), scope: s, rows: map[string]gathered{}}
}

func (g *gathering) translator() *translator { return g.t }
func (g *gathering) begin(uint64)            {}
func (g *gathering) rest() error             { return nil }

func (g *gathering) row(c *change, _ uint64) error {
	g.rows[c.key] = gathered{c.kind, c.textFor(g.scope.viewer.Class)}
	return nil
}

func (g *gathering) delta(c *change, _ isuride.Time) error {
	if c.action == Delete {
		delete(g.rows, c.key)
		return nil
	}
	old, text := g.rows[c.key], c.textFor(g.scope.viewer.Class)
	if g.scope.action(c) == Update {
		merged, err := mergeRow(old.text, text)
		if err != nil {
			return err
		}
		text = merged
	}
	g.rows[c.key] = gathered{c.kind, text}
	return nil
}

func (g *gathering) cityOf(i *state.Image) error {
	defer g.t.rest()
	changes := g.t.image(i)
	for k := range changes {
		if c := &changes[k]; c.table == city {
			_ = g.row(c, 0) // never fails
		}
	}
	return nil
}
