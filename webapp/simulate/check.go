package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/replica"
	"isuride/webapp/state"
)

// checks are what is known from outside: what was committed, what was acknowledged, who lost
// what.
type checks struct {
	world *world
	names int

	canon     []truth // by index; the first is entry 1
	acks      []ack
	leaders   []acker // by term
	ackers    []acker // by term
	started   map[string]bool
	completed map[string]bool
	decoder   isuride.Decoder
	written   map[writing]time.Duration // when the value of a register was committed
	blackouts []window
	rewritten int
}

// truth is an entry as it was committed first.
type truth struct {
	sum uint64
	at  time.Duration
}

// ack is a change that was acknowledged: the number and the sum of its event.
type ack struct {
	number, sum uint64
	at          time.Duration
	by          string
}

type acker struct {
	term uint64
	host *host
}

// lossy says that a majority has lost its power at once, at level crash.
func (c *checks) lossy() bool { return len(c.blackouts) > 0 }

// window is a time whose changes a host may have forgotten: from its last sync to the moment when
// it lost its power, or its disk; a little later, since acknowledgements may be on their way.
type window struct{ from, to time.Duration }

const onItsWay = time.Second

// mayBeLost says whether something of this time may be gone: one of a majority that has lost its
// power at once has forgotten it. At level crash that is the last 100 ms, unless the process stood
// still before.
func (c *checks) mayBeLost(at time.Duration) bool {
	return slices.ContainsFunc(c.blackouts, func(w window) bool { return at >= w.from && at <= w.to+onItsWay })
}

// outage notes that a host has lost its power or its disk, and what it had synced before.
func (c *checks) outage(h *host, synced time.Duration) {
	w := c.world
	if !h.forgetful {
		h.forgot.from = synced
	}
	h.forgetful, h.forgot = true, window{min(h.forgot.from, synced), w.now}
	n := 0
	for _, o := range w.hosts {
		if c.forgets(o) {
			n++
		}
	}
	if n > len(w.hosts)/2 {
		w.note("a majority has lost its power")
		for _, o := range w.hosts {
			if o.forgetful {
				c.blackouts = append(c.blackouts, o.forgot)
			}
		}
	}
}

// forgets says whether a host has lost its power and not caught up since, at level crash.
func (c *checks) forgets(h *host) bool {
	if h.forgetful && h.alive && h.core.Status().Doubt == "" {
		h.forgetful = false
	}
	return h.forgetful
}

// committed takes an entry that a host knows to be committed. All know the same.
func (w *world) committed(h *host, e *stored) {
	c := &w.checks
	switch i := int(e.Index) - 1; {
	case i < len(c.canon) && c.canon[i].sum == e.sum:
	case i < len(c.canon) && !c.mayBeLost(c.canon[i].at):
		w.breach("entry %d of term %d is committed on %s, and was another one before", e.Index, e.Term, h.name)
	case i < len(c.canon):
		c.canon = c.canon[:i]
		c.rewritten++
		fallthrough
	case i == len(c.canon):
		c.canon = append(c.canon, truth{e.sum, w.now})
		for _, event := range e.records {
			c.learn(event)
		}
	default:
		w.breach("entry %d is committed on %s, and %d is the last that was before", e.Index, h.name, len(c.canon))
	}
}

// learn notes what committed events say about payments.
func (c *checks) learn(event []byte) {
	e, err := c.decoder.Decode(event)
	if err != nil {
		c.world.breach("an event cannot be read: %v", err)
		return
	}
	if c.started == nil {
		c.started, c.completed, c.written = map[string]bool{}, map[string]bool{}, map[writing]time.Duration{}
	}
	switch e.Kind {
	case isuride.ChairMoved:
		if at := e.Location.Coordinate; at.Longitude < 0 {
			c.written[writing{int(-1 - at.Longitude), at.Latitude}] = c.world.now
		}
	case isuride.ChargeStarted:
		c.started[e.Charge.RideID] = true
	case isuride.RideCompleted:
		c.completed[e.Ride.ID] = true
	}
}

// acknowledge notes what a rider was told.
func (c *checks) acknowledge(h *host, term, number, sum uint64) {
	w := c.world
	w.result.Accepted++
	c.acks = append(c.acks, ack{number, sum, w.now, h.name})
	if other := only(&c.ackers, h, term); other != h {
		w.breach("%s and %s both acknowledge in term %d", other.name, h.name, term)
	}
}

// leads notes who leads: one in each term.
func (c *checks) leads(h *host, term uint64) {
	if other := only(&c.leaders, h, term); other != h {
		c.world.breach("%s and %s both lead in term %d", other.name, h.name, term)
	}
}

// only notes that a host does something in a term, and returns who did it first.
func only(list *[]acker, h *host, term uint64) *host {
	for _, a := range slices.Backward(*list) {
		if a.term == term {
			return a.host
		}
	}
	*list = append(*list, acker{term, h})
	return h
}

// What a leader with a disk in trouble may take to hand over, while all others are well.
const (
	fullLimit = 3 * time.Second
	slowLimit = 8 * time.Second
	slowSync  = 250 * time.Millisecond
)

// fit comes with each tick of a host: one whose disk is in everybody's way must not lead for long.
func (c *checks) fit(h *host) {
	full := h.disk.hungry > 0
	slow := h.disk.level == Power && h.slow >= slowSync && c.world.Flaw != LeaseTooLong // whose clock is that of the patience, too
	if !h.server.live() || !full && !slow || !c.world.well(h) {
		h.hindering = 0
		return
	}
	h.hindering += h.pace
	switch {
	case full && h.hindering > fullLimit:
		c.world.breach("%s leads on although its disk has refused records since %v", h.name, h.disk.hungry)
	case slow && h.hindering > slowLimit:
		c.world.breach("%s leads on although its disk is slow", h.name)
	}
}

// well says whether all hosts but one are in good order, and can talk to all.
func (w *world) well(but *host) bool {
	for i, o := range w.hosts {
		for j := range w.hosts {
			if w.net.cut[i][j] {
				return false
			}
		}
		if o == but {
			continue
		}
		if !o.alive || o.witness || o.paused > w.now || o.disk.isFull() || o.slow > 0 || o.core.Status().Doubt != "" {
			return false
		}
	}
	return w.net.late <= 5 && but.core.Status().Doubt == ""
}

// missing is called when something is not there of which a rider was told.
func (c *checks) missing(r *rider) {
	if !c.lossy() {
		c.world.breach("rider %d, who was told that he has an account, is told that he has none", r.index)
	}
}

// settled says that all is done and equal.
func (w *world) settled() bool { return w.unsettled() == "" }

// unsettled says what is not.
func (w *world) unsettled() string {
	leader := w.leader()
	if leader == nil {
		return "nobody leads"
	}
	for _, h := range w.hosts {
		if !h.alive {
			return h.name + " does not run"
		}
		st := h.core.Standing()
		switch {
		case st.Role != replica.Leader && st.Role != replica.Follower:
			return fmt.Sprintf("%s is a %v (%s)", h.name, st.Role, h.core.Status().Doubt)
		case st.Commit != leader.core.Standing().Last || !h.witness && h.server.applied != leader.disk.Appended():
			return fmt.Sprintf("%s has %d of %d entries, and %d of %d records", h.name, st.Commit, leader.core.Standing().Last, h.server.applied, leader.disk.Appended())
		case len(h.server.waits) > 0:
			return fmt.Sprintf("%s still owes answers", h.name)
		}
	}
	for _, r := range w.riders {
		if r.busy || r.register != nil && r.register.clients > 0 {
			return fmt.Sprintf("rider %d gets no further than step %d", r.index, r.step)
		}
	}
	return ""
}

func (w *world) leader() (leader *host) {
	for _, h := range w.hosts {
		if h.alive && h.server.live() && (leader == nil || h.server.term > leader.server.term) {
			leader = h
		}
	}
	return leader
}

// finalChecks looks at everything once it is settled.
func (w *world) finalChecks() {
	c, leader := &w.checks, w.leader()
	events := leader.server.taken
	for _, a := range c.acks {
		there := a.number <= uint64(len(events)) && sumOf(0, events[a.number-1]) == a.sum
		switch {
		case there:
		case c.mayBeLost(a.at):
			w.result.Lost++
		default:
			w.breach("event %d was acknowledged by %s at %v and is gone", a.number, a.by, a.at)
			return
		}
	}
	w.checkOnce(events)
	w.checkPayments()
	w.checkStates(leader)
	for _, r := range w.riders {
		if r.register != nil && !c.lossy() {
			r.register.check()
		}
	}
}

// checkOnce finds what was applied twice: no row is made by two events.
func (w *world) checkOnce(events [][]byte) {
	seen := map[string]bool{}
	for i, b := range events {
		e, err := w.checks.decoder.Decode(b)
		if err != nil {
			w.breach("event %d cannot be read: %v", i+1, err)
			return
		}
		for _, key := range keys(e) {
			if seen[key] {
				w.breach("%s was made twice, the second time by event %d", key, i+1)
				return
			}
			seen[key] = true
		}
	}
}

// keys are the rows that an event makes.
func keys(e *isuride.Event) (keys []string) {
	switch e.Kind {
	case isuride.UserRegistered:
		keys = append(keys, "user "+e.User.ID, "username "+e.User.Username)
	case isuride.OwnerRegistered:
		keys = append(keys, "owner "+e.Owner.ID)
	case isuride.ChairRegistered:
		keys = append(keys, "chair "+e.Chair.ID)
	case isuride.RideRequested:
		keys = append(keys, "ride "+e.Ride.ID)
	case isuride.RideCompleted:
		keys = append(keys, "completion "+e.Ride.ID)
	}
	if e.Kind != isuride.StatusDelivered && e.Status != nil {
		keys = append(keys, "status "+e.Status.ID)
	}
	return keys
}

// checkPayments compares the gateway's books with the rides.
func (w *world) checkPayments() {
	if w.checks.lossy() {
		return
	}
	for _, ride := range w.gateway.order {
		if !w.checks.completed[ride] {
			w.breach("ride %s was paid for and is not completed", ride)
		}
	}
	if n := len(w.checks.completed); n != len(w.gateway.order) {
		w.breach("%d rides are completed, %d were paid for", n, len(w.gateway.order))
	}
}

// checkStates compares all states with that of a server that begins with the events.
func (w *world) checkStates(leader *host) {
	fresh := newServer(&host{world: w, name: "a fresh server", disk: &volume{history: leader.server.taken, host: leader}})
	want := dump(w, fresh.store)
	_, hash := fresh.store.Hash()
	for _, h := range w.hosts {
		if h.witness {
			continue
		}
		if err := h.server.store.Check(); err != nil {
			w.breach("the state of %s does not agree with itself: %v", h.name, err)
		}
		if _, got := h.server.store.Hash(); got != hash {
			w.breach("the state of %s has the hash %v, the log says %v", h.name, got, hash)
		}
		if got := dump(w, h.server.store); !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					w.breach("the state of %s differs from what the log says:\n%s", h.name, difference(got[i], want[i]))
					return
				}
			}
			w.breach("the state of %s has %d parts, the log says %d", h.name, len(got), len(want))
		}
	}
}

// dump writes a state down, one line for each owner, chair and user.
func dump(w *world, s *state.Store) (lines []string) {
	_, err := s.Walk(func(i *state.Image) error {
		var b strings.Builder
		switch {
		case i.Owner != nil:
			fmt.Fprintf(&b, "owner %+v", *i.Owner)
		case i.Chair != nil:
			fmt.Fprintf(&b, "chair %+v", *i.Chair)
		default:
			u := *i.User
			u.Rides = slices.Clone(u.Rides)
			for i := range u.Rides {
				if u.Rides[i].Done { // recovery may keep what a live state has let go
					u.Rides[i].MatchingID, u.Rides[i].MatchingAt = "", 0
				}
			}
			fmt.Fprintf(&b, "user %+v", u)
		}
		lines = append(lines, b.String())
		return nil
	})
	if err != nil {
		w.breach("a state cannot be walked: %v", err)
	}
	slices.Sort(lines)
	return lines
}

// difference shows where two lines begin to differ.
func difference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	show := func(s string) string { return s[min(len(s), max(0, i-120)):min(len(s), i+80)] }
	return fmt.Sprintf("%.40s: ...%s\nwant ...%s", got, show(got), show(want))
}
