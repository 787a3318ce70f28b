package engine

import (
	"sync"
	"time"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// charges are the payments under way.
type charges struct {
	mu      lockwatch.Mutex
	ended   bool           // guarded by mu
	running sync.WaitGroup // grows only under mu, and not after the end
}

// begin says that a payment begins, unless no more may; running.Done ends it. Once begun,
// its outcome must be found out, even if nobody waits for it any more.
func (c *charges) begin() (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.running.Add(1)
	}
	return !c.ended
}

// end lets no more payments begin and waits for those that have.
func (c *charges) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.running.Wait()
}

var errEnding = isuride.Errorf(isuride.Unavailable, "the server is about to stop or to be initialised")

// revealLimit is the delay after which a chair is listed again without any sign that its
// rider's client knows of the completion: an idle chair may be missing from lists for 3 s
// (S4.10).
const revealLimit = 2500 * time.Millisecond

// Rate charges the user for the ride and completes it (S4.8). release makes the
// chair free again; it must be called once the answer has been handed to the socket.
// A call for a ride whose charge is under way shares its outcome.
func (g *Generation) Rate(u *state.User, rideID string, evaluation int) (completedAt isuride.Time, release func(), err error) {
	release = func() {}
	ch, first, err := g.Store.BeginCharge(u, rideID, evaluation)
	if err != nil {
		if at, ok := g.unanswered.answer(u, rideID, evaluation); ok {
			return at, release, nil
		}
		return 0, nil, err
	}
	if first {
		if g.charges.begin() {
			g.charge(ch)
		} else {
			g.Store.Abandon(ch, errEnding)
		}
		release = func() { g.release(ch.Ride) }
	}
	completedAt, err = ch.Wait()
	return completedAt, release, err
}

func (g *Generation) release(r *state.Ride) {
	g.Store.Release(r)
	time.AfterFunc(revealLimit, func() { g.Store.Reveal(r) })
}

// charge sees a payment that has begun through; the outcome is in ch. The goroutine is
// that of the connection, whose handlers run to their end whether or not the client
// waits.
func (g *Generation) charge(ch *state.Charge) {
	defer g.charges.running.Done()
	if err := g.pay(ch); err != nil {
		g.Store.Abandon(ch, err)
		g.reconciler.doubt(ch.Ride.User, err)
		return
	}
	g.Store.Complete(ch)
}

func (g *Generation) pay(ch *state.Charge) error {
	if err := g.Safe(); err != nil {
		return err
	}
	if err := g.gateway.Charge(g.ctx, ch.Token, ch.Ride.Fare, ch.Ride.ID); err != nil {
		return isuride.Because(err, isuride.PaymentFailed, "the payment did not go through")
	}
	return nil
}

// resume takes up a charge that was under way when the server ended. Nobody waits for
// its answer, so the chair is free and listed at once.
func (g *Generation) resume(ch *state.Charge) {
	if !g.charges.begin() {
		return
	}
	go func() {
		g.charge(ch)
		at, err := ch.Wait()
		if err != nil {
			g.cfg.Log.Warn("a payment that was under way before the start has failed", "ride", ch.Ride.ID, "err", err)
			return
		}
		g.unanswered.add(ch.Ride.ID, rating{evaluation: ch.Evaluation, completedAt: at})
		g.Store.Release(ch.Ride)
		g.Store.Reveal(ch.Ride)
	}()
}
