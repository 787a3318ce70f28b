package simulate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// outcome is how a call has ended for who made it.
type outcome uint8

const (
	done    outcome = iota // an answer came, perhaps a refusal
	refused                // nobody did anything
	unknown                // no answer came
)

// patience is how long a rider waits for an answer.
const patience = 3 * time.Second

// rider is somebody with a phone and, for simplicity, a chair of his own: he registers, rides,
// pays, and rides again.
type rider struct {
	world *world
	index int
	at    *host // whom he calls
	busy  bool
	step  int
	tries int

	name                         string
	user, owner, chair, ride     string // tokens and an id
	pickup, destination, parking isuride.Coordinate
	register                     *register // nil for one who rides
	rated                        bool
}

// call has a live server do something, and tells how it has ended.
func (w *world) call(at *host, do func(s *server) error, then func(outcome, error)) {
	ended := false
	end := func(o outcome, err error) {
		if !ended {
			ended = true
			w.after(w.between(50*time.Microsecond, time.Millisecond), 'a', -1, func() { then(o, err) })
		}
	}
	w.after(patience, 'p', -1, func() { end(unknown, nil) })
	w.after(w.between(50*time.Microsecond, time.Millisecond), 'c', at.index, func() {
		if !at.alive {
			end(refused, nil)
			return
		}
		at.after(0, 'h', func() {
			if !at.server.live() {
				end(refused, nil)
				return
			}
			at.server.handle(do, end)
		})
	})
}

// handle does a call, and has its answer leave when the watermark allows it.
func (s *server) handle(do func(s *server) error, end func(outcome, error)) {
	before, term := s.events, s.term
	err := do(s)
	var domain *isuride.Error
	if errors.As(err, &domain) && domain.Code == isuride.Unavailable {
		end(refused, nil)
		return
	}
	if s.events == before {
		s.refuse(err, end)
		return
	}
	number, sum := s.events, s.tail[len(s.tail)-1]
	s.await(func(ok bool) {
		if !ok {
			end(unknown, nil)
			return
		}
		s.host.world.checks.acknowledge(s.host, term, number, sum)
		end(done, err)
	})
}

// refuse has an answer leave that has recorded nothing: it is a read, whose server may have been
// deposed without knowing.
func (s *server) refuse(err error, end func(outcome, error)) {
	s.await(func(ok bool) {
		if !ok {
			end(unknown, nil)
			return
		}
		s.confirm(func(ok bool) {
			if ok {
				end(done, err)
			} else {
				end(refused, nil)
			}
		})
	})
}

func (w *world) beginRiders() {
	for i := range 8 {
		r := &rider{world: w, index: i}
		if i < 2 {
			r.register = &register{world: w, index: i}
		}
		r.at = w.hosts[w.dice.IntN(len(w.hosts))]
		w.riders = append(w.riders, r)
		w.after(w.between(0, 100*time.Millisecond), 'r', i, r.next)
	}
}

// next makes the next call, or stops at a good place once the story is over.
func (r *rider) next() {
	w := r.world
	if w.quiet && r.resting() {
		r.busy = false
		return
	}
	r.busy = true
	if r.register != nil && r.step == lastStep {
		r.register.begin(r.chair)
		r.busy = false
		return
	}
	if r.step == rate {
		r.rate()
		return
	}
	w.call(r.at, r.do, r.after)
}

// The steps of a rider.
const (
	signUp = iota
	payment
	ownerUp
	chairUp
	activate
	park
	request
	assign
	enroute
	arrive
	carry
	drop
	rate
)

const lastStep = request

func (r *rider) resting() bool { return r.step <= request }

// do is the call of a step.
func (r *rider) do(s *server) error {
	switch r.step {
	case signUp:
		return r.signUp(s)
	case ownerUp:
		o, err := s.store.RegisterOwner(r.name)
		if err == nil {
			r.owner = o.ChairRegisterToken
		}
		return err
	case chairUp:
		c, err := s.store.RegisterChair(r.owner, r.name, "fast")
		if err == nil {
			r.chair = c.AccessToken()
		}
		return err
	}
	u, ok := s.store.UserByToken([]byte(r.user))
	c, ok2 := s.store.ChairByToken([]byte(r.chair))
	if !ok || r.step > chairUp && !ok2 {
		return errGone
	}
	switch r.step {
	case payment:
		return s.store.SetPaymentToken(u, "token-"+r.name)
	case activate:
		return s.store.SetActivity(c, true)
	case park:
		return report(s, c, r.parking)
	case request:
		r.ride, r.rated = "", false
		ride, err := s.store.RequestRide(u, r.pickup, r.destination)
		if err == nil {
			r.ride = ride.ID
		}
		return err
	case assign:
		return r.assign(s, c)
	case enroute:
		return s.store.Advance(c, r.ride, isuride.Enroute)
	case arrive:
		return report(s, c, r.pickup)
	case carry:
		return s.store.Advance(c, r.ride, isuride.Carrying)
	}
	return report(s, c, r.destination)
}

var errGone = errors.New("simulate: what was acknowledged is gone")

func report(s *server, c *state.Chair, at isuride.Coordinate) error {
	_, err := s.store.Report(c, at)
	return err
}

func (r *rider) signUp(s *server) error {
	w := r.world
	w.checks.names++
	r.name = fmt.Sprintf("r%d-%d", r.index, w.checks.names)
	at := int32(10 * w.checks.names)
	r.parking = isuride.Coordinate{Latitude: at, Longitude: 1}
	r.pickup, r.destination = isuride.Coordinate{Latitude: at, Longitude: 2}, isuride.Coordinate{Latitude: at, Longitude: 7}
	u, err := s.store.RegisterUser(state.NewUser{Username: r.name, Firstname: "A", Lastname: "B", DateOfBirth: "2000-01-01"})
	if err == nil {
		r.user = u.AccessToken
	}
	return err
}

// assign does what dispatch does: it gives the ride to the rider's chair.
func (r *rider) assign(s *server, c *state.Chair) error {
	for region := range isuride.Regions {
		for _, ride := range s.store.Region(isuride.Region(region)).Waiting(nil) {
			if ride.ID == r.ride {
				ok, err := s.store.Assign(ride, c, nil)
				if !ok && err == nil {
					return errors.New("simulate: the chair is not free")
				}
				return err
			}
		}
	}
	return nil // it was assigned by a call whose answer got lost
}

// after goes on according to how a call has ended.
func (r *rider) after(o outcome, err error) {
	w := r.world
	pause := w.between(5*time.Millisecond, 60*time.Millisecond)
	switch {
	case o != done:
		r.tries++
		r.at = w.hosts[w.dice.IntN(len(w.hosts))]
		if r.tries < 3 || r.step > request {
			for _, h := range w.hosts {
				if h.alive && h.server.live() && h.paused <= w.now && w.chance(2) {
					r.at = h
				}
			}
		}
		if o == unknown && slices.Contains([]int{signUp, ownerUp, chairUp, request}, r.step) {
			r.step = signUp // with a new name
		}
	case errors.Is(err, errGone):
		w.checks.missing(r)
		r.step, r.tries = signUp, 0
	case err != nil:
		w.note("rider %d, step %d: %v", r.index, r.step, err)
		r.step, r.tries = signUp, 0
	case r.step == rate:
		r.step, r.tries = request, 0
	default:
		r.step++
		r.tries = 0
	}
	w.after(pause, 'r', r.index, r.next)
}

// rate pays for the ride.
func (r *rider) rate() {
	w, at := r.world, r.at
	ended := false
	end := func(o outcome, err error) {
		if !ended {
			ended = true
			w.after(w.between(50*time.Microsecond, time.Millisecond), 'a', -1, func() { r.after(o, err) })
		}
	}
	w.after(patience, 'p', -1, func() { end(unknown, nil) })
	at.after(w.between(50*time.Microsecond, time.Millisecond), 'h', func() {
		if !at.server.live() {
			end(refused, nil)
			return
		}
		r.charge(at.server, end)
	})
}

func (r *rider) charge(s *server, end func(outcome, error)) {
	u, ok := s.store.UserByToken([]byte(r.user))
	if !ok {
		s.refuse(errGone, end)
		return
	}
	ch, first, err := s.store.BeginCharge(u, r.ride, 5)
	var domain *isuride.Error
	switch {
	case err == nil && first:
		s.charge(ch, func(ok bool) {
			if ok {
				end(done, nil)
			} else {
				end(unknown, nil)
			}
		})
	case err == nil:
		end(unknown, nil) // it is being paid for: ask again
	case errors.As(err, &domain) && domain.Code == isuride.Unavailable:
		end(refused, nil)
	default:
		completed := errors.As(err, &domain) && domain.Code == isuride.WrongState
		s.refuse(err, func(o outcome, err error) {
			if completed && r.world.checks.completed[r.ride] {
				err = nil // by a call whose answer got lost
			}
			end(o, err)
		})
	}
}

// gateway takes payments. As the real one it knows a repeat by its key alone, so it keeps what
// each key has paid for.
type gateway struct {
	payments map[string]paid   // by key
	keys     map[string]string // by ride
	order    []string          // rides
}

// paid is what a key has paid for.
type paid struct {
	ride   string
	amount int
}

// charge takes a payment, or the repeat of one.
func (g *gateway) charge(w *world, key, ride string, amount int) {
	if !w.checks.started[ride] && !w.checks.lossy() {
		w.breach("the gateway was called for ride %s, whose payment is not committed", ride)
	}
	if g.payments == nil {
		g.payments, g.keys = map[string]paid{}, map[string]string{}
	}
	now := paid{ride, amount}
	if was, repeat := g.payments[key]; repeat {
		if was != now {
			w.breach("key %s has paid %d for ride %s, and comes again with %d for ride %s", key, was.amount, was.ride, amount, ride)
		}
		return
	}
	if other, again := g.keys[ride]; again {
		w.breach("ride %s is paid for a second time: with key %s, and now with key %s", ride, other, key)
		return
	}
	g.payments[key], g.keys[ride] = now, key
	g.order = append(g.order, ride)
}
