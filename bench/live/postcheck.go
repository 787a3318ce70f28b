package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"isuride/bench/client"
	"isuride/bench/client/answer"
	"isuride/bench/world"
)

// ledgerUsers is how many users of each region a run's ledger has. Asking about them
// takes a second.
const ledgerUsers = 200

// ReadLedger reads the JSON form of a ledger.
func ReadLedger(r io.Reader) (*world.Ledger, error) {
	l := new(world.Ledger)
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(l); err != nil {
		return nil, err
	}
	if len(l.Users) == 0 || len(l.Owners) == 0 {
		return nil, errors.New("no users or no owners, so there is nothing to ask about")
	}
	return l, nil
}

// PostCheck asks the server about what it acknowledged in an earlier run, after checking
// the initial data. It returns a line for each difference. The error is one of
// Validate's, or tells why the server could not be asked.
func PostCheck(ctx context.Context, c Config, l *world.Ledger) (differences []string, err error) {
	if err := Validate(ctx, c); err != nil {
		return nil, err
	}
	p := postCheck{ctx: ctx, browser: c.newBrowser()}
	defer p.browser.Close()
	for i := range l.Users {
		if err := p.user(&l.Users[i]); err != nil {
			return p.differences, err
		}
	}
	for i := range l.Owners {
		if err := p.owner(&l.Owners[i]); err != nil {
			return p.differences, err
		}
	}
	return p.differences, nil
}

// A postCheck in progress.
type postCheck struct {
	ctx         context.Context
	browser     *client.Browser
	subject     string // of the differences
	differences []string
}

func (p *postCheck) differ(format string, args ...any) {
	p.differences = append(p.differences, p.subject+": "+fmt.Sprintf(format, args...))
}

// ask sends a GET in the name of an account and decodes the answer. A wrong answer is a
// difference, none at all an error.
func ask[T any](p *postCheck, path, session string, decode func([]byte) (T, error)) (v T, ok bool, err error) {
	status, body, err := p.browser.Ask(p.ctx, client.Question{
		Method: http.MethodGet, Target: path, Cookie: session, Limit: client.OfficialLimits().Call,
	})
	if err != nil {
		return v, false, fmt.Errorf("%s: GET %s: %w", p.subject, path, err)
	}
	if status != http.StatusOK {
		p.differ("GET %s: status %d", path, status)
		return v, false, nil
	}
	if v, err = decode(body); err != nil {
		p.differ("GET %s: %v", path, err)
		return v, false, nil
	}
	return v, true, nil
}

func (p *postCheck) user(l *world.UserLedger) error {
	p.subject = l.Name
	rides, ok, err := ask(p, "/api/app/rides", l.Session, answer.Rides)
	if !ok {
		return err
	}
	got := map[string]world.PastRide{}
	for _, r := range rides {
		if _, twice := got[r.ID]; twice {
			p.differ("ride %s is there twice", r.ID)
		}
		got[r.ID] = r
	}
	for _, want := range l.Rides {
		if r, ok := got[want.ID]; ok {
			p.ride(r, want)
		} else {
			p.differ("ride %s is missing, completed at %d for %d yen", want.ID, want.CompletedAt, want.Fare)
		}
		delete(got, want.ID)
	}
	if open := l.Open; open != nil {
		if r, ok := got[open.ID]; ok {
			p.completedOpen(r, open)
		}
		delete(got, open.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(got)) {
		p.differ("ride %s is there, but the user never had it", id)
	}
	if l.Open != nil {
		return p.openRide(l.Open, l.Session)
	}
	return nil
}

// ride compares the members of a completed ride that the run knows.
func (p *postCheck) ride(got, want world.PastRide) {
	for _, m := range []struct {
		name      string
		got, want any
	}{
		{"pickup", got.Pickup, want.Pickup},
		{"destination", got.Destination, want.Destination},
		{"fare", got.Fare, want.Fare},
		{"evaluation", got.Evaluation, want.Evaluation},
		{"completed_at", got.CompletedAt, want.CompletedAt},
		{"chair", got.ChairID, want.ChairID},
		{"chair name", got.ChairName, want.ChairName},
		{"chair model", got.ChairModel, want.ChairModel},
		{"owner", got.ChairOwner, want.ChairOwner},
	} {
		if m.got != m.want {
			p.differ("%s of ride %s is %v, acknowledged was %v", m.name, want.ID, m.got, m.want)
		}
	}
}

// openRide asks for the user's newest ride, which only notifications contain. Those of
// the ride before may come first. The status is not compared: both depend on what the
// server had already sent.
func (p *postCheck) openRide(want *world.OpenRide, session string) error {
	const path = "/api/app/notification"
	wanted := func(message []byte) bool {
		n, err := answer.UserNotification(message)
		return err != nil || n.RideID == want.ID
	}
	q := client.Question{Method: http.MethodGet, Target: path, Cookie: session, Limit: notificationLimit}
	status, message, err := p.browser.Message(p.ctx, q, wanted)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && p.ctx.Err() == nil:
		p.differ("no notification of ride %s within %v", want.ID, notificationLimit)
		return nil
	case err != nil:
		return fmt.Errorf("%s: GET %s: %w", p.subject, path, err)
	case status != http.StatusOK:
		p.differ("GET %s: status %d", path, status)
		return nil
	case message == nil:
		p.differ("ride %s is missing, created for %d yen", want.ID, want.Fare)
		return nil
	}
	n, err := answer.UserNotification(message)
	switch {
	case err != nil:
		p.differ("GET %s: %v", path, err)
	case n.RideID != want.ID:
		p.differ("ride %s is missing, the newest one is %s", want.ID, n.RideID)
	default:
		p.trip(n.Pickup, n.Destination, n.Fare, want)
	}
	return nil
}

// notificationLimit is how long a server may take for its messages (B9.6).
const notificationLimit = 3 * time.Second

// completedOpen checks a ride that was completed although the bench got no notification
// of it.
func (p *postCheck) completedOpen(got world.PastRide, want *world.OpenRide) {
	p.trip(got.Pickup, got.Destination, got.Fare, want)
	if !want.Paid {
		p.differ("ride %s is completed, but was never paid", want.ID)
	}
}

func (p *postCheck) trip(pickup, destination world.Point, fare int, want *world.OpenRide) {
	if pickup != want.Pickup || destination != want.Destination || fare != want.Fare {
		p.differ("ride %s is from %v to %v for %d yen, created was one from %v to %v for %d", want.ID,
			pickup, destination, fare, want.Pickup, want.Destination, want.Fare)
	}
}

func (p *postCheck) owner(l *world.OwnerLedger) error {
	p.subject = l.Name
	chairs, ok, err := ask(p, "/api/owner/chairs", l.Session, answer.OwnerChairs)
	if err != nil {
		return err
	}
	if ok {
		p.chairs(chairs, l)
	}
	sales, ok, err := ask(p, "/api/owner/sales?", l.Session, answer.Sales)
	if ok {
		p.sales(sales, l)
	}
	return err
}

func (p *postCheck) chairs(list []world.OwnedChair, l *world.OwnerLedger) {
	got := map[string]world.OwnedChair{}
	for _, c := range list {
		got[c.ID] = c
	}
	for _, want := range l.Chairs {
		c, ok := got[want.ID]
		switch {
		case !ok:
			p.differ("chair %s is missing", want.ID)
		case c.Name != want.Name || c.Model != want.Model:
			p.differ("chair %s is %s (%s), acknowledged was %s (%s)", want.ID, c.Name, c.Model, want.Name, want.Model)
		case want.Active && !c.Active:
			p.differ("chair %s is not active any more", want.ID)
		case !want.Distance.Contains(c.TotalDistance):
			p.differ("total distance of chair %s is %d, acknowledged was %d and sent %d", want.ID, c.TotalDistance, want.Distance.Low, want.Distance.High)
		case want.RecordedAt > c.UpdatedAt:
			p.differ("total distance of chair %s is of %d, acknowledged was a position of %d", want.ID, c.UpdatedAt, want.RecordedAt)
		}
	}
}

func (p *postCheck) sales(s *world.Sales, l *world.OwnerLedger) {
	if !l.Sales.Contains(s.Total) {
		p.differ("total sales are %d, acknowledged were %d and paid %d", s.Total, l.Sales.Low, l.Sales.High)
	}
	got := map[string]int{}
	for _, c := range s.Chairs {
		got[c.ID] = c.Sales
	}
	for _, want := range l.Chairs {
		if n := got[want.ID]; !want.Sales.Contains(n) {
			p.differ("sales of chair %s are %d, acknowledged were %d and paid %d", want.ID, n, want.Sales.Low, want.Sales.High)
		}
	}
}
