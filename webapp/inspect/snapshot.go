package inspect

import (
	"errors"
	"fmt"
	"strings"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/snapshot"
	"isuride/webapp/state"
)

// isSnapshot reports whether a file is a snapshot, or was one, by its name or its content.
func isSnapshot(path string) bool {
	if strings.HasSuffix(path, ".snapshot") {
		return true
	}
	r, err := snapshot.Open(path)
	if err != nil {
		return errors.Is(err, snapshot.ErrVersion)
	}
	r.Close()
	return true
}

// snapshot shows a snapshot: a line for each owner, chair and user, and one for each ride
// after that of its user.
func (p *printer) snapshot(path string) error {
	if p.options.From != nil || p.options.To != nil {
		return errors.New("-from and -to select events; a snapshot has none")
	}
	r, err := snapshot.Open(path)
	if err != nil {
		return p.damagedSnapshot(path, err)
	}
	defer r.Close()
	h := r.Header()
	err = p.remark(journal.Sight{Remark: fmt.Sprintf("snapshot %s of history %s, generation %d, written %s: everything up to event %d, nothing after event %d; %d owners, %d chairs, %d users, %d rides",
		path, h.History, h.Generation, h.Written, h.Span.From, h.Span.To, h.Size.Owners, h.Size.Chairs, h.Size.Users, h.Size.Rides) + hashOf(h.Hash)})
	if err != nil {
		return err
	}
	if err := r.Each(p.image); errors.Is(err, snapshot.ErrDamaged) {
		return p.damagedSnapshot(path, err)
	} else if err != nil {
		return err
	}
	return p.remark(journal.Sight{Remark: fmt.Sprintf("%d lines are shown", p.shown)})
}

// hashOf tells the hash of the state, if there is one.
func hashOf(h state.Hash) string {
	if h == (state.Hash{}) {
		return ""
	}
	return fmt.Sprintf("; its hash is %v", h)
}

// damagedSnapshot tells what is wrong with it, and that a server has others to start from.
func (p *printer) damagedSnapshot(path string, err error) error {
	s := journal.Sight{Segment: path, Damaged: true, Remark: err.Error() + "; a server starts from the snapshot before it, or from the database"}
	p.note(s)
	return p.remark(s)
}

func (p *printer) image(i *state.Image) error {
	switch {
	case i.Owner != nil:
		if !p.filter.all() {
			return nil
		}
		return p.entity(i.Position, rowsOf(&isuride.Event{Owner: i.Owner}))
	case i.Chair != nil:
		return p.chairImage(i.Position, i.Chair)
	}
	return p.userImage(i.Position, i.User)
}

func (p *printer) chairImage(position uint64, c *state.ChairImage) error {
	if f := &p.filter; !f.all() && f.chair != c.ID && !(c.RideID != "" && f.rides[c.RideID]) {
		return nil
	}
	rows := rowsOf(&isuride.Event{Chair: &c.Chair})
	rows = append(rows, row{"track", []field{{"at", c.Track.At}, {"distance", int(c.Track.Distance)}, {"reported_at", c.Track.Reported}}},
		row{"work", []field{{"ride_id", c.RideID}, {"sales", len(c.Sales)}, {"pending", pending(&c.Log)}}})
	return p.entity(position, rows)
}

func (p *printer) userImage(position uint64, u *state.UserImage) error {
	f := &p.filter
	if f.all() || f.user == u.ID {
		rows := rowsOf(&isuride.Event{User: &u.User})
		if u.Token != "" {
			rows = append(rows, row{"payment_token", []field{{"token", secret(u.Token)}}})
		}
		rows = append(rows, row{"account", []field{{"invited", u.Invited}, {"rides", len(u.Rides)}, {"pending", pending(&u.Log)}}})
		for k := range u.Coupons {
			rows = append(rows, couponRow(&u.Coupons[k]))
		}
		if err := p.entity(position, rows); err != nil {
			return err
		}
	}
	for k := range u.Rides {
		r := &u.Rides[k]
		if !f.all() && f.user != u.ID && !f.rides[r.ID] && (f.chair == "" || f.chair != r.ChairID) {
			continue
		}
		rows := append(rowsOf(&isuride.Event{Ride: &r.Ride}), row{"state", []field{{"status", r.Status.String()}, {"entered_at", r.StatusAt}, {"fare", r.Fare},
			{"completed", r.Done}, {"charge_since_event", int(r.Charge.Seq)}}})
		if err := p.entity(position, rows); err != nil {
			return err
		}
	}
	return nil
}

// pending counts the notifications that have not been delivered.
func pending(log *state.LogImage) int {
	if log.Delivered {
		return len(log.Messages) - 1
	}
	return len(log.Messages)
}

// entity shows the rows of one as they were at a position.
func (p *printer) entity(position uint64, rows []row) error {
	p.shown++
	if p.options.JSON {
		p.line = fmt.Appendf(p.line, `{"position":%d`, position)
		for i := 0; i < len(rows); i++ {
			if rows[i].name == "coupon" {
				i = p.jsonCoupons(rows, i)
				continue
			}
			p.line = fmt.Appendf(p.line, `,"%s":`, rows[i].name)
			p.jsonRow(rows[i])
		}
		p.line = append(p.line, "}\n"...)
		return p.write()
	}
	p.line = fmt.Appendf(p.line, "%9d", position)
	for _, r := range rows {
		p.textRow(r, 0)
	}
	p.line = append(p.line, '\n')
	return p.write()
}

// jsonCoupons shows the coupons from row i on as a list, and returns the last one's index.
func (p *printer) jsonCoupons(rows []row, i int) int {
	p.line = append(p.line, `,"coupons":[`...)
	for first := i; ; i++ {
		if i > first {
			p.line = append(p.line, ',')
		}
		p.jsonRow(rows[i])
		if i+1 == len(rows) || rows[i+1].name != "coupon" {
			p.line = append(p.line, ']')
			return i
		}
	}
}
