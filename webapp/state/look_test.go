package state

import (
	"reflect"
	"testing"

	"isuride/webapp/isuride"
)

// TestPartOfAWalk: walks over a part find what Walk finds there.
func TestPartOfAWalk(t *testing.T) {
	b := newFixture(t)
	for i := range 5 {
		c := b.chair(isuride.Coordinate{Latitude: int32(i)})
		u := b.user("")
		b.complete(b.arrive(u, c, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9}), 4)
		r, err := b.RequestRide(u, isuride.Coordinate{}, isuride.Coordinate{Latitude: 7})
		b.must(err)
		if i%2 == 0 {
			b.assign(r, c)
		}
	}
	whole := b.take(func() {})
	of := map[string]*Image{}
	for _, i := range whole.images {
		of[idOf(i)] = i
	}
	visit := func(walk func(func(*Image) error) (Span, error)) (seen []*Image) {
		span, err := walk(func(i *Image) error { seen = append(seen, keepImage(i)); return nil })
		b.must(err)
		if span != whole.span {
			t.Errorf("the span is %v, want %v", span, whole.span)
		}
		return seen
	}
	one := func(walk func(string, func(*Image) error) (Span, bool, error), id string) []*Image {
		return visit(func(see func(*Image) error) (Span, error) {
			span, ok, err := walk(id, see)
			if !ok {
				t.Errorf("%s is not found", id)
			}
			return span, err
		})
	}
	expect := func(what string, got []*Image, open bool, ids ...string) {
		if len(got) != len(ids) {
			t.Fatalf("%s: %d images, want %d", what, len(got), len(ids))
		}
		for k, id := range ids {
			want := *of[id]
			if want.User != nil && open {
				u := *want.User
				u.Rides = u.Rides[len(u.Rides)-1:]
				want.User = &u
			}
			if !reflect.DeepEqual(*got[k], want) {
				t.Errorf("%s: an image differs:\n%+v\nwant\n%+v", what, *got[k], want)
			}
		}
	}
	for _, i := range whole.images {
		switch {
		case i.User != nil:
			expect("WalkUser", one(b.WalkUser, i.User.ID), false, i.User.ID)
		case i.Chair != nil && i.Chair.RideID == "":
			expect("WalkChair", one(b.WalkChair, i.Chair.ID), true, i.Chair.ID)
			expect("WalkOwner", one(b.WalkOwner, i.Chair.OwnerID), true, i.Chair.OwnerID, i.Chair.ID)
		case i.Chair != nil:
			r, _ := b.RideByID(i.Chair.RideID)
			expect("WalkChair", one(b.WalkChair, i.Chair.ID), true, i.Chair.ID, r.User.ID)
		}
	}
	var ids []string
	open := visit(b.WalkOpen)
	for _, i := range open {
		ids = append(ids, idOf(i))
	}
	expect("WalkOpen", open, true, ids...)
	for _, walk := range []func(string, func(*Image) error) (Span, bool, error){b.WalkUser, b.WalkOwner, b.WalkChair} {
		if _, ok, err := walk("nobody", nil); ok || err != nil {
			t.Errorf("nobody is found: %v, %v", ok, err)
		}
	}
}

func idOf(i *Image) string {
	switch {
	case i.Owner != nil:
		return i.Owner.ID
	case i.Chair != nil:
		return i.Chair.ID
	}
	return i.User.ID
}
