package state

import (
	"cmp"
	"slices"

	"isuride/webapp/isuride"
	"isuride/webapp/ledger"
)

// New builds the state from all rows of a database, but for chair_locations, whose
// sums are given by chair id. Rows that refer to something unknown are ignored: the
// write-behind never leaves any (S9.4).
func New(opt Options, rows *isuride.Tables, tracks map[string]Track) *Store {
	s := newStore(opt, Size{len(rows.Owners), len(rows.Chairs), len(rows.Users), len(rows.Rides)})
	l := loader{Store: s, discounts: map[string]int{}, statuses: map[string][]isuride.RideStatus{}, messages: map[*Log][]pastMessage{},
		stats: map[*Ride]rideStats{}}
	for _, m := range rows.ChairModels {
		s.models[m.Name] = m.Speed
	}
	for i := range rows.Owners {
		s.addOwnerLocked(&rows.Owners[i], mark{})
	}
	l.users(rows)
	l.chairs(rows, tracks)
	l.rides(rows)
	l.logs()
	s.books.Post(0, 0, &l.base)
	s.tally.sum = s.recount()
	return s
}

// loader holds what only loading needs.
type loader struct {
	*Store
	discounts map[string]int // by the ride that used the coupon
	statuses  map[string][]isuride.RideStatus
	messages  map[*Log][]pastMessage
	byChair   []*Ride
	stats     map[*Ride]rideStats
	base      ledger.Posting // of all rows
}

// rideStats are the stats of a ride's chair as long as the ride lasted, and with it.
type rideStats struct{ during, after Stats }

// pastMessage is a message that may have been delivered before.
type pastMessage struct {
	Message
	sent bool
}

func (l *loader) users(rows *isuride.Tables) {
	for i := range rows.Users {
		l.addUserLocked(&rows.Users[i], mark{})
	}
	for _, t := range rows.PaymentTokens {
		if u, ok := l.usersByID.Load(t.UserID); ok {
			u.token = t.Token
		}
	}
	slices.SortStableFunc(rows.Coupons, func(a, b isuride.Coupon) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) })
	for _, c := range rows.Coupons {
		if u, ok := l.usersByID.Load(c.UserID); ok {
			u.coupons = append(u.coupons, c)
			l.suspect(u.bookCouponLocked(&c, &l.base))
		}
		if c.UsedBy != "" {
			l.discounts[c.UsedBy] = c.Discount
		}
		if inviter, ok := l.usersByInvitation.Load(isuride.InvitationOf(c.Code)); ok {
			inviter.invited++
		}
	}
	l.usersByID.Range(func(_ string, u *User) bool { l.publishUser(u); return true })
}

func (l *loader) chairs(rows *isuride.Tables, tracks map[string]Track) {
	slices.SortFunc(rows.Chairs, func(a, b isuride.Chair) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	for i := range rows.Chairs {
		row := &rows.Chairs[i]
		if o, ok := l.ownersByID.Load(row.OwnerID); ok {
			c := l.addChairLocked(row, o, mark{})
			c.track = tracks[row.ID]
		}
	}
}

func (l *loader) rides(rows *isuride.Tables) {
	for _, st := range rows.RideStatuses {
		l.statuses[st.RideID] = append(l.statuses[st.RideID], st)
	}
	slices.SortFunc(rows.Rides, func(a, b isuride.Ride) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	for i := range rows.Rides {
		l.ride(&rows.Rides[i])
	}
	l.chairRides()
}

func (l *loader) ride(row *isuride.Ride) {
	statuses := l.statuses[row.ID]
	u, ok := l.usersByID.Load(row.UserID)
	if !ok || len(statuses) == 0 {
		return
	}
	slices.SortFunc(statuses, func(a, b isuride.RideStatus) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) })
	r := l.addRideLocked(u, row, l.discounts[row.ID])
	r.matching = statusRow{statuses[0].ID, statuses[0].CreatedAt}
	for i := range statuses {
		r.enterLocked(&statuses[i])
	}
	if r.status == isuride.Completed {
		r.done, r.evaluation, r.matching = true, row.Evaluation, statusRow{}
		u.unfinished--
	}
	l.suspect(r.bill(&l.base))
	if c, ok := l.chairsByID.Load(row.ChairID); ok {
		r.chair.Store(c)
		l.byChair = append(l.byChair, r)
	} else {
		l.regions[isuride.RegionOf(r.Pickup)].wait(r)
	}
	l.noteSent(&u.Log, r, func(row *isuride.RideStatus) bool { return row.AppSentAt != 0 })
}

// chairRides books the rides of each chair in the order in which it had them: the
// completed ones by completion, then the one under way. (By creation would be wrong:
// a ride may have waited while its chair was still busy with a later one.)
func (l *loader) chairRides() {
	slices.SortStableFunc(l.byChair, func(a, b *Ride) int {
		if a.done != b.done {
			if a.done {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.updatedAt, b.updatedAt)
	})
	for _, r := range l.byChair {
		c := r.chair.Load()
		during := c.stats
		if r.done {
			c.bookLocked(r, &isuride.Ride{Evaluation: r.evaluation, UpdatedAt: r.updatedAt})
			l.sold(r, 0)
		} else {
			c.ride = r
		}
		l.stats[r] = rideStats{during, c.stats}
		l.noteSent(&c.Log, r, func(row *isuride.RideStatus) bool { return row.ChairSentAt != 0 })
	}
	l.chairsByID.Range(func(_ string, c *Chair) bool { l.refreshFreeLocked(c); return true })
}

// noteSent notes the ride's messages to one side, and which of them were delivered.
func (l *loader) noteSent(log *Log, r *Ride, sent func(*isuride.RideStatus) bool) {
	for _, row := range l.statuses[r.ID] {
		m := Message{Ride: r, Status: row.Status, UpdatedAt: r.updatedAt, row: statusRow{row.ID, row.CreatedAt}}
		l.messages[log] = append(l.messages[log], pastMessage{m, sent(&row)})
	}
}

// logs fills each log with its last delivered message and the pending ones.
func (l *loader) logs() {
	for log, messages := range l.messages {
		first := slices.IndexFunc(messages, func(m pastMessage) bool { return !m.sent })
		if first < 0 {
			first = len(messages)
		}
		for i := max(first-1, 0); i < len(messages); i++ {
			if m := &messages[i]; i < first || !m.sent {
				log.Append(l.withStats(m.Message))
			}
		}
		if first > 0 {
			log.DeliverNext(func(_, _ *Message) bool { return true })
		}
	}
}

// withStats adds the chair's stats as they were at the message's status (S6.3).
func (l *loader) withStats(m Message) Message {
	m.Stats = l.stats[m.Ride].during
	if m.Status == isuride.Completed {
		m.Stats = l.stats[m.Ride].after
	}
	return m
}
