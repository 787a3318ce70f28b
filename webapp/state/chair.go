package state

import (
	"sync/atomic"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

// Chair is a self-driving seat.
type Chair struct {
	// Set once. IsActive and UpdatedAt of the row are not kept up to date, see active.
	row   isuride.Chair
	ID    string
	Owner *Owner
	Speed int    // distance units per tick
	key   uint64 // ID as a word of its facts
	// Ref is the short form of ID, for the reasons of assignments.
	Ref isuride.ChairRef
	// Description is the result of Options.Describe.
	Description []byte
	// Log is the chair's notification log.
	Log Log
	// reflects is as that of User.
	reflects uint64
	mark     mark
	// busy is whether ride is set, or was until lately; written with mu, for Busy.
	busy atomic.Bool

	mu lockwatch.Mutex
	// The rest is guarded by mu.
	active    bool
	updatedAt isuride.Time
	track     Track
	ride      *Ride // the unfinished ride, nil if none
	resting   bool  // its last ride is completed, but Release has not come yet
	unseen    *Ride // its last ride, as long as its rider may not know that it is over
	slot      int32 // among the free chairs, noSlot if not free
	region    isuride.Region
	stats     Stats
	sales     []Sale // in order of completion; only ever grows
	booked    books  // the same figures, for the audit
}

// Track is the sum of a chair's position reports (S2.4).
type Track struct {
	At       isuride.Coordinate
	Distance int64        // sum of the moves
	Reported isuride.Time // of the last report, 0 if there was none
}

// Add extends the track by one report.
func (t *Track) Add(to isuride.Coordinate, at isuride.Time) {
	if t.Reported != 0 {
		t.Distance += int64(t.At.Distance(to))
	}
	t.At, t.Reported = to, at
}

// Sale is a completed ride in its chair's books.
type Sale struct {
	At  isuride.Time // completion
	Sum int          // full fares up to and including this ride
}

// Name and Model are as registered.
func (c *Chair) Name() string  { return c.row.Name }
func (c *Chair) Model() string { return c.row.Model }

// RegisterChair creates an inactive chair of the owner that has the token (S4.14).
func (s *Store) RegisterChair(registerToken, name, model string) (*Chair, error) {
	if err := checkText("name", name, nameWidth); err != nil {
		return nil, err
	}
	if err := checkText("model", model, modelWidth); err != nil {
		return nil, err
	}
	if registerToken == "" {
		return nil, isuride.Errorf(isuride.InvalidInput, "chair_register_token is required")
	}
	o, ok := s.ownersByRegister.Load(registerToken)
	if !ok {
		return nil, isuride.Errorf(isuride.Unauthorized, "chair_register_token belongs to no owner")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := s.opt.Now()
	row := &isuride.Chair{ID: s.ids.next(now), OwnerID: o.ID, Name: name, Model: model,
		AccessToken: newSecret(tokenBytes), CreatedAt: now, UpdatedAt: now}
	d := s.delta()
	d.chair(row)
	if err := s.commit(&isuride.Event{Kind: isuride.ChairRegistered, Chair: row}, &d); err != nil {
		return nil, err
	}
	return s.addChairLocked(row, o, d.born()), nil
}

// addChairLocked makes the chair known; its owner is locked, or not yet shared.
func (s *Store) addChairLocked(row *isuride.Chair, o *Owner, born mark) *Chair {
	c := &Chair{row: *row, ID: row.ID, key: keyOf(row.ID), Ref: isuride.RefTo(row.ID), Owner: o, Speed: s.SpeedOf(row.Model), slot: noSlot,
		mark: born, active: row.IsActive, updatedAt: row.UpdatedAt}
	c.Description = s.opt.Describe(&c.row)
	o.chairs = append(o.chairs, c)
	s.chairsByID.Store(c.ID, c)
	s.chairsByToken.Store(row.AccessToken, c)
	return c
}

// SetActivity switches the chair on or off; a ride under way goes on (S4.15).
func (s *Store) SetActivity(c *Chair, active bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active == active {
		return nil
	}
	row := c.row
	row.IsActive, row.UpdatedAt = active, max(s.opt.Now(), c.updatedAt+1)
	d := s.delta()
	d.activityLocked(c, &row)
	if err := s.commit(&isuride.Event{Kind: isuride.ChairActivityChanged, Chair: &row}, &d); err != nil {
		return err
	}
	s.applyActivityLocked(c, &row)
	return nil
}

func (s *Store) applyActivityLocked(c *Chair, row *isuride.Chair) {
	c.active, c.updatedAt = row.IsActive, row.UpdatedAt
	s.refreshFreeLocked(c)
}

// Report records where the chair is; on the target of its ride this advances the ride by
// one status (S4.16). The time is what the report counts as recorded at.
func (s *Store) Report(c *Chair, at isuride.Coordinate) (isuride.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	location := isuride.ChairLocation{ChairID: c.ID, Coordinate: at, CreatedAt: c.nextReportLocked(s.opt.Now())}
	e, d := isuride.Event{Kind: isuride.ChairMoved, Location: &location}, s.delta()
	d.reportLocked(c, &location)
	if r := c.ride; r != nil && r.reachedByLocked(at) {
		return location.CreatedAt, s.reportArrivalLocked(c, &e, &d)
	}
	if err := s.commit(&e, &d); err != nil {
		return 0, err
	}
	s.applyReportLocked(c, &location)
	return location.CreatedAt, nil
}

// reportArrivalLocked is the part of Report that happens twice a ride. It is a function
// of its own so that the row's allocation does not burden every report.
func (s *Store) reportArrivalLocked(c *Chair, e *isuride.Event, d *delta) error {
	r := c.ride
	status := s.newStatusLocked(r, r.status.Next(), e.Location.CreatedAt)
	moved := isuride.Event{Kind: e.Kind, Location: e.Location, Status: &status}
	if v := checkAdvanceLocked(r, &status, e.Location); v != nil {
		return s.refuse(v)
	}
	d.advanceLocked(r, &status, whole)
	if err := s.commit(&moved, d); err != nil {
		return err
	}
	s.applyReportLocked(c, e.Location)
	s.applyStatusLocked(r, &status, whole)
	return nil
}

// nextReportLocked returns the time at which a report made now counts as recorded: in
// whole, growing milliseconds, since clients compare at that precision (S4.12, S4.16).
func (c *Chair) nextReportLocked(now isuride.Time) isuride.Time {
	if c.track.Reported == 0 || now.Milli() > c.track.Reported.Milli() {
		return now
	}
	return isuride.Time((c.track.Reported.Milli() + 1) * 1000)
}

func (s *Store) applyReportLocked(c *Chair, l *isuride.ChairLocation) {
	first := c.track.Reported == 0
	moved := c.track.At != l.Coordinate
	c.track.Add(l.Coordinate, l.CreatedAt)
	if first || moved && c.slot != noSlot {
		s.refreshFreeLocked(c)
	}
}

// freeLocked reports whether dispatch may give the chair a ride.
func (c *Chair) freeLocked() bool {
	return c.active && c.track.Reported != 0 && c.ride == nil && !c.resting
}

// refreshFreeLocked lists the chair among the free ones of its region, or removes it.
func (s *Store) refreshFreeLocked(c *Chair) {
	if busy := c.ride != nil; busy != c.busy.Load() {
		c.busy.Store(busy)
	}
	free, region := c.freeLocked(), isuride.RegionOf(c.track.At)
	if c.slot != noSlot && (!free || c.region != region) {
		s.regions[c.region].free.remove(c.slot)
		c.slot = noSlot
	}
	if !free {
		return
	}
	added := c.slot == noSlot
	c.region = region
	c.slot = s.regions[region].free.put(c.slot, FreeChair{c, c.track.At, c.unseen == nil})
	if added {
		s.regions[region].MarkChanged()
	}
}

// Release makes a completed ride's chair free for the next ride, once the rider has been
// answered: the answer has been handed to the socket.
//
// The rider's client may not have read it yet, and would find a listing with the chair in
// contradiction to what it knows (S11, T17). On a busy machine that takes longer than any
// pause one could choose. So nearby lists the chair only after a sign that the client
// knows, see Noticed and Reveal.
func (s *Store) Release(r *Ride) {
	c := r.chair.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resting = false
	s.refreshFreeLocked(c)
}

// Noticed is called when the user's client has gone on after its last answer: it has made
// its next call, or closed the stream of its ride.
func (s *Store) Noticed(u *User) {
	if u.unnoticed.Load() == nil { // fast path: nothing was completed lately
		return
	}
	if r := u.unnoticed.Swap(nil); r != nil {
		s.Reveal(r)
	}
}

// Reveal lists the chair of a completed ride, unless it has another one meanwhile.
func (s *Store) Reveal(r *Ride) {
	c := r.chair.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unseen == r {
		c.unseen = nil
		s.refreshFreeLocked(c)
	}
}

// View is a consistent reading of one chair.
type View struct {
	Active bool
	Track  Track
}

// View reads distance and time together (S11, T18).
func (c *Chair) View() View {
	c.mu.Lock()
	defer c.mu.Unlock()
	return View{Active: c.active, Track: c.track}
}

// RegisteredAt returns the time of the chair's registration.
func (c *Chair) RegisteredAt() isuride.Time { return c.row.CreatedAt }

// Stats returns the figures of the chair's completed rides.
func (c *Chair) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// AccessToken returns the chair's session token.
func (c *Chair) AccessToken() string { return c.row.AccessToken }
