package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"isuride/webapp/isuride"
	"isuride/webapp/payment"
	"isuride/webapp/recount"
)

// gateway asks for the payments of all users who have a completed ride. A payment is certain to be
// due if the journal has the ride's completion, and no other token of the user.
func (a *auditor) gateway(ctx context.Context) error {
	address := a.Gateway
	if address == "database" {
		address = gatewayOf(a.have.Settings)
	}
	if address == "" {
		return nil
	}
	due, err := a.due(ctx)
	if err != nil {
		return err
	}
	g := payment.New(address, payment.Options{})
	defer g.Close()
	return a.ask(ctx, g, due)
}

func gatewayOf(settings []isuride.Setting) string {
	for _, s := range settings {
		if s.Name == isuride.PaymentGatewayURL {
			return s.Value
		}
	}
	return ""
}

// account is what a user has to have paid.
type account struct {
	user, token string
	past, own   []recount.Paid
}

// due lists the accounts of users who pay, those of shared tokens left out.
func (a *auditor) due(ctx context.Context) ([]*account, error) {
	certain, changed, err := a.history(ctx)
	if err != nil {
		return nil, err
	}
	accounts, shared := map[string]*account{}, map[string]int{}
	for _, t := range a.have.PaymentTokens {
		accounts[t.UserID] = &account{user: t.UserID, token: t.Token}
		shared[t.Token]++
	}
	worth := map[string]int{}
	for _, k := range a.have.Coupons {
		worth[k.UsedBy] = k.Discount
	}
	rides := slices.Clone(a.have.Rides)
	slices.SortStableFunc(rides, func(x, y isuride.Ride) int { return int(min(max(x.CreatedAt-y.CreatedAt, -1), 1)) })
	for i := range rides {
		r := &rides[i]
		to := accounts[r.UserID]
		if to == nil || shared[to.token] > 1 {
			continue
		}
		p := recount.Paid{Ride: r.ID, Fare: isuride.DiscountedFare(r.Pickup, r.Destination, worth[r.ID]), Open: r.Evaluation == 0}
		if len(to.own) > 0 || certain[r.ID] && !changed[r.UserID] {
			to.own = append(to.own, p)
		} else {
			to.past = append(to.past, p)
		}
	}
	var list []*account
	for _, t := range a.have.PaymentTokens {
		if to := accounts[t.UserID]; len(to.own) > 0 {
			list = append(list, to)
		}
	}
	return list, nil
}

// history tells which rides the journal completes, and which users it gives a second token.
func (a *auditor) history(ctx context.Context) (certain, changed map[string]bool, err error) {
	certain, changed = map[string]bool{}, map[string]bool{}
	riding := map[string]bool{}
	err = a.each(ctx, func(seq uint64, e *isuride.Event) error {
		switch {
		case seq > a.have.Position:
		case e.Kind == isuride.RideCompleted:
			certain[e.Ride.ID], riding[e.Ride.UserID] = true, true
		case e.Kind == isuride.PaymentTokenSet && riding[e.Token.UserID]:
			changed[e.Token.UserID] = true
		}
		return nil
	})
	return certain, changed, err
}

func (a *auditor) ask(ctx context.Context, g *payment.Gateway, due []*account) error {
	told, keeps := a.progress("gateway: users asked for"), false
	var silent []*account // judged once the gateway is known to keep anything
	for i, to := range due {
		if err := ctx.Err(); err != nil {
			return err
		}
		told(uint64(i))
		listed, err := g.List(ctx, to.token)
		switch {
		case errors.Is(err, payment.ErrNoList):
			a.Tell("gateway: it does not list payments, so nothing is compared")
			return nil
		case err != nil:
			return fmt.Errorf("ask the gateway for user %s: %w", to.user, err)
		case len(listed) == 0:
			silent = append(silent, to)
			continue
		}
		keeps = true
		if d := recount.Gateway(listed, to.past, to.own, to.own); d != nil {
			return fmt.Errorf("%w (user %s)", differs(d), to.user)
		}
	}
	for _, to := range silent {
		if d := recount.Gateway(nil, to.past, to.own, to.own); d != nil && keeps {
			return fmt.Errorf("%w (user %s)", differs(d), to.user)
		}
	}
	if !keeps {
		a.Tell("gateway: it has not listed a single payment for %d users, and is taken for one that keeps none", len(due))
		return nil
	}
	a.Tell("gateway: the payments of %d users are those of the books", len(due))
	return nil
}
