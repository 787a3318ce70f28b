package engine

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"isuride/webapp/payment"
	"isuride/webapp/recount"
	"isuride/webapp/state"
)

const (
	// askEvery is the time from one sample of users to the next; the first comes that long after
	// the start.
	askEvery = time.Minute
	// askSample is the number of users in a sample. They are asked for one after the other, spread
	// over the time.
	askSample = 200
	// askAgain is the pause before a difference is looked at once more.
	askAgain = 2 * time.Second
	// maxDoubts bounds the charges of unknown outcome that wait to be asked for. More are left to
	// the samples.
	maxDoubts = 1000
)

// GatewayStats are the figures of what the gateway was asked for.
type GatewayStats struct {
	// Users whose payments agree with the books, differ, or of whom the gateway does not tell:
	// it has never listed a payment yet, or does not answer.
	Agreed, Differed, Silent uint64
	// Last is the last difference, nil if there was none.
	Last *recount.Difference
}

// reconciler compares the gateway's payments with the books: those of each charge whose outcome is
// unknown, and random ones all the time. A difference does not close the books, which are not what
// is wrong then, or not alone: it is logged and counted.
type reconciler struct {
	// set once
	g      *Generation
	doubts chan *state.User
	list   func(ctx context.Context, token string) ([]int, error) // payment.Gateway.List

	lists                    atomic.Bool // the gateway has listed a payment, so it keeps them
	agreed, differed, silent atomic.Uint64
	last                     atomic.Pointer[recount.Difference]
}

func newReconciler(g *Generation) *reconciler {
	list := func(ctx context.Context, token string) ([]int, error) { return g.gateway.List(ctx, token) }
	return &reconciler{g: g, doubts: make(chan *state.User, maxDoubts), list: list}
}

// doubt has the payments of a user looked at whose charge has ended without an outcome.
func (r *reconciler) doubt(u *state.User, err error) {
	var unknown *payment.UnavailableError
	if !errors.As(err, &unknown) {
		return
	}
	select {
	case r.doubts <- u:
	default:
	}
}

// run asks until ctx ends, or the gateway says that it lists nothing.
func (r *reconciler) run(ctx context.Context) error {
	var sample []*state.User       // to be asked for now
	open := map[*state.User]bool{} // in doubt, as long as the gateway does not answer
	next := time.NewTicker(askEvery)
	defer next.Stop()
	pace := time.NewTicker(askEvery / askSample)
	defer pace.Stop()
	for {
		var u *state.User
		doubted := false
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
			sample = slices.AppendSeq(r.sample(), maps.Keys(open))
			continue
		case u = <-r.doubts:
			doubted = true
		case <-pace.C:
			if len(sample) == 0 {
				continue
			}
			u, sample = sample[0], sample[1:]
		}
		err := r.check(ctx, u)
		if errors.Is(err, payment.ErrNoList) {
			return nil
		}
		if err == nil || errors.Is(err, errSilent) {
			delete(open, u)
		} else if doubted && len(open) < maxDoubts {
			open[u] = true
		}
	}
}

// sample draws users who have a payment token.
func (r *reconciler) sample() (drawn []*state.User) {
	seen := 0
	r.g.Store.Payers(func(u *state.User, _ string) bool {
		seen++
		if len(drawn) < askSample {
			drawn = append(drawn, u)
		} else if i := rand.IntN(seen); i < askSample {
			drawn[i] = u
		}
		return true
	})
	return drawn
}

// check compares the payments of one user.
func (r *reconciler) check(ctx context.Context, u *state.User) error {
	d, err := r.ask(ctx, u)
	if d != nil && err == nil { // what the gateway is at may take a moment
		pauseFor(ctx, askAgain)
		d, err = r.ask(ctx, u)
	}
	switch {
	case err != nil:
		r.silent.Add(1)
	case d == nil:
		r.agreed.Add(1)
	default:
		r.differed.Add(1)
		r.last.Store(d)
		r.g.cfg.Log.Error("the payment gateway and the books differ", "ride", d.Ride, "user", u.ID, "yen", d.Yen, "why", d.Message)
	}
	return err
}

// errSilent says that nothing can be learnt.
var errSilent = errors.New("the gateway has not listed any payment yet, or the token is not one user's alone")

func (r *reconciler) ask(ctx context.Context, u *state.User) (*recount.Difference, error) {
	before := u.Payments()
	listed, err := r.list(ctx, before.Token)
	if err != nil {
		return nil, err
	}
	after := u.Payments()
	if len(listed) > 0 {
		r.lists.Store(true)
	}
	if !r.lists.Load() || after.Token != before.Token {
		return nil, errSilent
	}
	d := recount.Gateway(listed, paid(after.Past), paid(before.Own), paid(after.Own))
	if d != nil && r.shared(u, before.Token) {
		return nil, errSilent
	}
	return d, nil
}

func paid(list []state.Payment) []recount.Paid {
	to := make([]recount.Paid, len(list))
	for i, p := range list {
		to[i] = recount.Paid{Ride: p.RideID, Fare: p.Fare, Open: p.Open}
	}
	return to
}

// shared reports whether another user pays with the same token.
func (r *reconciler) shared(u *state.User, token string) (found bool) {
	r.g.Store.Payers(func(other *state.User, its string) bool {
		found = other != u && its == token
		return !found
	})
	return found
}

func (r *reconciler) stats() GatewayStats {
	return GatewayStats{Agreed: r.agreed.Load(), Differed: r.differed.Load(), Silent: r.silent.Load(), Last: r.last.Load()}
}
