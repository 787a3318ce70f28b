package crash

import (
	"cmp"
	"fmt"
	"slices"

	"isuride/webapp/isuride"
	"isuride/webapp/servertest"
)

// lastAct ends the play without a kill: the actors rest, the server stops in good order,
// and its tables hold what the actors know and answer what memory answered.
func (w *world) lastAct() {
	w.t.Helper()
	w.begin(ending{})
	w.act(200)
	w.stage.drop()
	w.audit()
	before := w.p.Ask(w.questions())
	w.p.Stop()
	rows := w.p.Tables()
	w.compare(rows)
	want := servertest.NewOracle(rows).Answers(w.t)
	w.p.Start()
	before.Same(w.t, "after the last stop", w.p.Ask(before))
	want.Same(w.t, "from the tables", w.p.Ask(want))
	w.camera.sameFromTables()
	w.sound()
	w.t.Logf("%d answers, %d ratings whose payment a kill interrupted; rows: %d users, %d rides, %d statuses, %d positions",
		w.answers.Load(), w.resumed, len(rows.Users), len(rows.Rides), len(rows.RideStatuses), len(rows.ChairLocations))
}

// questions are what the actors' accounts can ask.
func (w *world) questions() servertest.Answers {
	q := servertest.Answers{
		w.clerk.c.Question("GET", "/api/owner/chairs", nil): "",
		w.clerk.c.Question("GET", "/api/owner/sales", nil):  "",
	}
	for _, r := range w.riders {
		q[r.c.Question("GET", "/api/app/rides", nil)] = ""
		q[r.c.Question("POST", "/api/app/rides/estimated-fare", servertest.LongTrip)] = ""
	}
	return q
}

// compare looks for everything that the actors know in the rows, and for rows that nobody
// knows.
func (w *world) compare(rows *isuride.Tables) {
	w.t.Helper()
	o := servertest.NewOracle(rows)
	sent := map[notice]*isuride.RideStatus{}
	for i := range rows.RideStatuses {
		s := &rows.RideStatuses[i]
		n := notice{s.RideID, s.Status.String()}
		if sent[n] != nil {
			w.t.Errorf("%v was entered twice", n)
		}
		sent[n] = s
	}
	for _, d := range w.drivers {
		w.must(d.name, d.compareRows(rows))
		w.must(d.name, d.inbox.compareRows(sent, func(s *isuride.RideStatus) isuride.Time { return s.ChairSentAt }))
	}
	for _, r := range w.riders {
		w.must(r.name, r.compareRows(rows, o))
		w.must(r.name, r.inbox.compareRows(sent, func(s *isuride.RideStatus) isuride.Time { return s.AppSentAt }))
	}
	w.compareUsers(rows)
	w.compareRides(rows, o)
}

// compareRows: each report that was answered is one row, with its milliseconds.
func (d *driver) compareRows(rows *isuride.Tables) error {
	var places []place
	for _, l := range rows.ChairLocations {
		if l.ChairID == d.c.ID {
			places = append(places, place{int(l.Latitude), int(l.Longitude), l.CreatedAt.Milli()})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	if !slices.Equal(places, d.reports) {
		return fmt.Errorf("the rows are %d reports, the chair made %d:\n%v\n%v", len(places), len(d.reports), places, d.reports)
	}
	return nil
}

// compareRows: every message that came counts as sent.
func (e *inbox) compareRows(rows map[notice]*isuride.RideStatus, sentAt func(*isuride.RideStatus) isuride.Time) error {
	for _, n := range e.received {
		if s := rows[n]; s == nil || sentAt(s) == 0 {
			return fmt.Errorf("%v came, its row is %+v", n, s)
		}
	}
	return nil
}

// compareRows looks at the rider's rides, coupons and token.
func (r *rider) compareRows(rows *isuride.Tables, o *servertest.Oracle) error {
	byID := map[string]*isuride.Ride{}
	var user string
	for i := range rows.Users {
		if "app_session="+rows.Users[i].AccessToken == r.c.Cookie {
			user = rows.Users[i].ID
		}
	}
	for i := range rows.Rides {
		if ride := &rows.Rides[i]; ride.UserID == user {
			byID[ride.ID] = ride
		}
	}
	for _, t := range r.trips {
		if t.id == "" {
			continue // requested in a call that was not answered, and without a message
		}
		ride := byID[t.id]
		if ride == nil {
			return fmt.Errorf("ride %s has no row", t.id)
		}
		if t.requestedAt != 0 && ride.CreatedAt.Milli() != t.requestedAt || int64(500+max(servertest.MeteredOf(ride)-o.Discounts[t.id], 0)) != t.fare {
			return fmt.Errorf("ride %+v has the row %+v and a discount of %d", t, ride, o.Discounts[t.id])
		}
		if t.completedAt != 0 && (ride.UpdatedAt.Milli() != t.completedAt || int64(ride.Evaluation) != t.evaluation) {
			return fmt.Errorf("ride %+v has the row %+v", t, ride)
		}
	}
	if n := len(r.trips); len(byID) != n && !(r.next != nil && r.next.asked && len(byID) == n+1) {
		return fmt.Errorf("%d rides have rows, want %d", len(byID), n)
	}
	for _, token := range rows.PaymentTokens {
		if token.UserID == user && token.Token != r.token && token.Token != r.newToken {
			return fmt.Errorf("the payment token is %q, want %q", token.Token, r.token)
		}
	}
	return nil
}

// compareUsers counts accounts: those that are known, and perhaps those whose registration
// is still open.
func (w *world) compareUsers(rows *isuride.Tables) {
	w.t.Helper()
	known, open := len(w.riders)+len(w.clerk.idlers)+w.clerk.lost+1, 0
	if w.clerk.pending != nil {
		open++
	}
	for _, r := range w.riders {
		known += len(r.friends)
		if r.friend != "" {
			open++
		}
	}
	if n := len(rows.Users) + len(rows.Owners); n < known || n > known+open {
		w.t.Errorf("%d users and owners have rows, want %d to %d", n, known, known+open)
	}
	if n := len(w.drivers) + len(w.clerk.chairs); len(rows.Chairs) != n {
		w.t.Errorf("%d chairs have rows, want %d", len(rows.Chairs), n)
	}
}

// compareRides: each ride has entered its statuses one after the other, each once, and
// used one coupon at most.
func (w *world) compareRides(rows *isuride.Tables, o *servertest.Oracle) {
	w.t.Helper()
	for i := range rows.Rides {
		ride := &rows.Rides[i]
		list := o.Statuses[ride.ID]
		for i, s := range list {
			if s.Status != isuride.Status(i+1) || i > 0 && s.CreatedAt <= list[i-1].CreatedAt {
				w.t.Errorf("ride %s has entered %+v", ride.ID, list)
			}
		}
		if len(list) == 0 || len(list) > 1 && ride.ChairID == "" || (ride.Evaluation != 0) != (len(list) == len(servertest.Statuses)) {
			w.t.Errorf("ride %+v has entered %+v", ride, list)
		}
	}
	used := map[string]bool{}
	for _, c := range rows.Coupons {
		if c.UsedBy != "" && (used[c.UsedBy] || len(o.Statuses[c.UsedBy]) == 0) {
			w.t.Errorf("coupon %+v is used by a ride that has another one, or does not exist", c)
		}
		used[c.UsedBy] = true
	}
}
