package state

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"isuride/webapp/isuride"
)

var seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the random tests")

// model is the naive twin of the ride state machine (S5): what each call must
// answer, from plain maps.
type model struct {
	rides  map[*Ride]*modelRide
	chairs map[*Chair]*modelChair
	users  map[*User]*modelUser
}

type modelRide struct {
	status isuride.Status
	user   *User
	chair  *Chair
	charge *Charge
	raters int // that wait for the charge
}

type modelChair struct {
	active, placed, resting bool
	ride                    *Ride
}

type modelUser struct {
	ride    *Ride
	invited int
}

// player makes random calls and compares each outcome with the model.
type player struct {
	*fixture
	*rand.Rand
	model
	users  []*User
	owners []*Owner
	chairs []*Chair
	rides  []*Ride
}

// newPlayer makes random calls on a new store.
func newPlayer(t *testing.T, seed, round uint64) *player {
	p := &player{fixture: newFixture(t), Rand: rand.New(rand.NewPCG(seed, round)),
		model: model{map[*Ride]*modelRide{}, map[*Chair]*modelChair{}, map[*User]*modelUser{}}}
	p.clock.step = isuride.Time([]int{0, 1, 700, 40_000}[p.IntN(4)])
	return p
}

// place picks from few points, so that chairs are often on a target; both regions take
// part.
func (p *player) place() isuride.Coordinate {
	c := isuride.Coordinate{Latitude: int32(p.IntN(3)), Longitude: int32(p.IntN(2))}
	if p.IntN(2) == 0 {
		c.Latitude += 300
		c.Longitude += 300
	}
	return c
}

func pick[T any](p *player, from []T) (v T, ok bool) {
	if len(from) == 0 {
		return v, false
	}
	return from[p.IntN(len(from))], true
}

func (p *player) step() {
	moves := []func(){
		p.registerUser, p.registerOwner, p.registerChair, p.setActivity,
		p.request, p.request, p.assignRandom, p.assignRandom, p.assignRandom, p.advance, p.advance, p.advance, p.advance,
		p.move, p.move, p.move, p.move, p.beginCharge, p.beginCharge, p.endCharge, p.endCharge, p.release,
		p.listen, p.listen, p.listen, p.failingLog,
	}
	moves[p.IntN(len(moves))]()
}

func (p *player) registerUser() {
	inviter, invited := pick(p, p.users)
	code, want := "", isuride.Code(0)
	switch {
	case invited && p.IntN(2) == 0:
		code = inviter.InvitationCode
		if p.model.users[inviter].invited >= isuride.MaxInvitations {
			want = isuride.InvalidInput
		}
	case p.IntN(8) == 0:
		code, want = "nobody's", isuride.InvalidInput
	}
	u, err := p.RegisterUser(NewUser{unique("user"), "A", "B", "x", code})
	expectCode(p.t, err, want)
	if err != nil {
		return
	}
	if code != "" {
		p.model.users[inviter].invited++
	}
	p.must(p.SetPaymentToken(u, "token"))
	p.users = append(p.users, u)
	p.model.users[u] = &modelUser{}
}

func (p *player) registerOwner() {
	o, err := p.RegisterOwner(unique("owner"))
	p.must(err)
	p.owners = append(p.owners, o)
}

func (p *player) registerChair() {
	o, ok := pick(p, p.owners)
	if !ok {
		return
	}
	c, err := p.RegisterChair(o.ChairRegisterToken, "name", []string{"slow", "fast", "unknown"}[p.IntN(3)])
	p.must(err)
	p.chairs = append(p.chairs, c)
	p.model.chairs[c] = &modelChair{}
}

func (p *player) setActivity() {
	if c, ok := pick(p, p.chairs); ok {
		on := p.IntN(4) > 0
		p.must(p.SetActivity(c, on))
		p.model.chairs[c].active = on
	}
}

func (p *player) request() {
	u, ok := pick(p, p.users)
	if !ok {
		return
	}
	m, want := p.model.users[u], isuride.Code(0)
	if m.ride != nil {
		want = isuride.Conflict
	}
	r, err := p.RequestRide(u, p.place(), p.place())
	expectCode(p.t, err, want)
	if err == nil {
		m.ride = r
		p.rides = append(p.rides, r)
		p.model.rides[r] = &modelRide{status: isuride.Matching, user: u}
	}
}

func (p *player) assignRandom() {
	r, ok1 := pick(p, p.rides)
	c, ok2 := pick(p, p.chairs)
	if !ok1 || !ok2 {
		return
	}
	mr, mc := p.model.rides[r], p.model.chairs[c]
	want := mr.chair == nil && mc.active && mc.placed && !mc.resting && mc.ride == nil
	why := isuride.Why{Trip: -1, Chosen: isuride.ChairCost{Pickup: 2}, Lost: []isuride.Rival{{Chair: c.Ref}}} // recovery passes over it
	got, err := p.Assign(r, c, &why)
	p.must(err)
	if got != want {
		p.t.Fatalf("assign answered %v, want %v", got, want)
	}
	if got {
		mr.chair, mc.ride = c, r
	}
}

func (p *player) advance() {
	c, ok := pick(p, p.chairs)
	r, ok2 := pick(p, p.rides)
	if !ok || !ok2 {
		return
	}
	if own := p.model.chairs[c].ride; own != nil && p.IntN(4) > 0 {
		r = own
	}
	to := isuride.Status(p.IntN(7))
	if p.IntN(4) > 0 {
		to = []isuride.Status{isuride.Enroute, isuride.Carrying}[p.IntN(2)]
	}
	m := p.model.rides[r]
	want := isuride.Code(0)
	switch {
	case m.chair != c || m.status == isuride.Completed:
		want = isuride.WrongState
	case to != isuride.Enroute && to != isuride.Carrying:
		want = isuride.InvalidInput
	case m.status != to && m.status.Next() != to:
		want = isuride.WrongState
	}
	err := p.Advance(c, r.ID, to)
	expectCode(p.t, err, want)
	if err == nil {
		m.status = to
	}
}

func (p *player) move() {
	c, ok := pick(p, p.chairs)
	if !ok {
		return
	}
	at := p.place()
	m := p.model.chairs[c]
	if m.ride != nil && p.IntN(2) == 0 {
		at = []isuride.Coordinate{m.ride.Pickup, m.ride.Destination}[p.IntN(2)]
	}
	before := c.View().Track.Reported
	recorded := p.report(c, at)
	if before != 0 && recorded.Milli() <= before.Milli() {
		p.t.Fatalf("report at %d follows one at %d", recorded, before)
	}
	m.placed = true
	if m.ride == nil {
		return
	}
	switch mr := p.model.rides[m.ride]; {
	case mr.status == isuride.Enroute && at == m.ride.Pickup, mr.status == isuride.Carrying && at == m.ride.Destination:
		mr.status = mr.status.Next()
	}
}

func (p *player) beginCharge() {
	r, ok := pick(p, p.rides)
	if !ok {
		return
	}
	m, want := p.model.rides[r], isuride.Code(0)
	switch {
	case m.status != isuride.Arrived:
		want = isuride.WrongState
	case m.charge == nil:
		m.raters = 0
	case m.raters == maxCallers:
		want = isuride.Conflict
	}
	ch, first, err := p.BeginCharge(m.user, r.ID, 1+p.IntN(5))
	expectCode(p.t, err, want)
	if err == nil {
		if first != (m.charge == nil) || !first && ch != m.charge {
			p.t.Fatal("charges do not join")
		}
		m.charge = ch
		m.raters++
	}
}

func (p *player) endCharge() {
	r, ok := pick(p, p.rides)
	if !ok || p.model.rides[r].charge == nil {
		return
	}
	m := p.model.rides[r]
	if p.IntN(4) == 0 {
		p.Abandon(m.charge, isuride.Errorf(isuride.PaymentFailed, "no"))
	} else {
		at, err := p.Complete(m.charge)
		p.must(err)
		if again, _ := m.charge.Wait(); again != at {
			p.t.Fatalf("waiters are told %d, the first %d", again, at)
		}
		m.status = isuride.Completed
		p.model.chairs[m.chair].ride, p.model.chairs[m.chair].resting = nil, true
		p.model.users[m.user].ride = nil
	}
	m.charge = nil
}

func (p *player) release() {
	for r, m := range p.model.rides {
		if m.status != isuride.Completed || !p.model.chairs[m.chair].resting {
			continue
		}
		p.Release(r)
		p.model.chairs[m.chair].resting = false
		if p.IntN(2) == 0 {
			p.Noticed(m.user)
		}
	}
}

// listen opens a stream, reads a random part of it, and closes it.
func (p *player) listen() {
	var log *Log
	side := Side(p.IntN(2))
	if u, ok := pick(p, p.users); ok && side == ToUser {
		log = &u.Log
	} else if c, ok := pick(p, p.chairs); ok && side == ToChair {
		log = &c.Log
	} else {
		return
	}
	s := log.Open(func() {})
	defer s.Close()
	for range p.IntN(4) {
		_, n, ok := s.Next()
		if !ok {
			return
		}
		p.must(p.Delivered(log, side, n))
	}
}

// failingLog makes calls while nothing can be recorded: none may leave a trace.
func (p *player) failingLog() {
	p.log.fail = isuride.Errorf(isuride.Unavailable, "full")
	defer func() { p.log.fail = nil }()
	before := describe(p.Store)
	if u, ok := pick(p, p.users); ok {
		p.RequestRide(u, p.place(), p.place())
		p.RegisterUser(NewUser{unique("user"), "A", "B", "x", u.InvitationCode})
	}
	if c, ok := pick(p, p.chairs); ok {
		p.Report(c, p.place())
		p.SetActivity(c, p.IntN(2) == 0)
		if r := p.model.chairs[c].ride; r != nil {
			p.Advance(c, r.ID, isuride.Enroute)
		}
		if r, ok := pick(p, p.rides); ok {
			p.Assign(r, c, nil)
		}
	}
	if after := describe(p.Store); after != before {
		p.t.Fatalf("a call that could not be recorded changed the state:\n%s", firstDifference(before, after))
	}
}

func (p *player) compareStatuses() {
	for r, m := range p.model.rides {
		if r.status != m.status {
			p.t.Fatalf("ride is %v, want %v", r.status, m.status)
		}
	}
}

func TestRandomCallsAgainstModel(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	for round := range uint64(20) {
		p := newPlayer(t, *seed, round)
		for i := range 1500 {
			p.step()
			if round%10 == 0 {
				p.expectCounted()
			}
			if i%500 == 499 {
				p.compareStatuses()
				p.must(p.Check())
			}
		}
		p.abandonAll()
		p.release()
		p.compareStatuses()
		p.expectSameAfterRestart()
	}
}

// abandonAll ends open charges: they are restart's business, tested apart.
func (p *player) abandonAll() {
	for _, m := range p.model.rides {
		if m.charge != nil {
			p.Abandon(m.charge, isuride.Errorf(isuride.PaymentFailed, "no"))
			m.charge = nil
		}
	}
}
