package feed

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// object is a row as encoding/json reads it.
type object = map[string]any

// twin makes the rows of an image plainly, by table and key.
type twin struct {
	w    *town
	rows map[string]map[string]object
}

func (x *twin) put(table, key string, o object) {
	if x.rows[table] == nil {
		x.rows[table] = map[string]object{}
	}
	text, _ := json.Marshal(o)
	var plain object
	x.w.must(json.Unmarshal(text, &plain))
	x.rows[table][o[key].(string)] = plain
}

// milli is a time, or null.
func milli(t isuride.Time) any {
	if t == 0 {
		return nil
	}
	return t.Std().UnixMilli()
}

// text is a text, or null.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// round5 is a place of the city.
func round5(n int32) int32 {
	for d := int32(0); ; d++ {
		if (n-d)%5 == 0 {
			return n - d
		}
		if (n+d)%5 == 0 {
			return n + d
		}
	}
}

func (x *twin) image(i *state.Image) error {
	names := newPseudonyms(x.w.source)
	switch {
	case i.Owner != nil:
		o := i.Owner
		x.put("owners", "id", object{"id": o.ID, "name": o.Name, "created_at": milli(o.CreatedAt), "updated_at": milli(o.UpdatedAt)})
	case i.Chair != nil:
		c := i.Chair
		name := names.of('c', c.ID)
		x.put("chairs", "id", object{"id": c.ID, "owner_id": c.OwnerID, "name": c.Name, "model": c.Model, "is_active": c.IsActive, "city_id": name,
			"created_at": milli(c.CreatedAt), "updated_at": milli(c.UpdatedAt)})
		at, road := object{"chair_id": c.ID, "latitude": int32(0), "longitude": int32(0), "recorded_at": milli(c.Track.Reported)},
			object{"id": name, "kind": "chair", "active": c.IsActive, "speed": map[string]int{"slow": 2, "fast": 7, "unknown": 2}[c.Model], "latitude": nil, "longitude": nil}
		if c.Track.Reported != 0 {
			at["latitude"], at["longitude"] = c.Track.At.Latitude, c.Track.At.Longitude
			road["latitude"], road["longitude"] = round5(c.Track.At.Latitude), round5(c.Track.At.Longitude)
		} else {
			at["latitude"], at["longitude"] = nil, nil
		}
		x.put("positions", "chair_id", at)
		x.put("city", "id", road)
	case i.User != nil:
		x.user(i.User, &names)
	}
	return nil
}

func (x *twin) user(u *state.UserImage, names *pseudonyms) {
	x.put("users", "id", object{"id": u.ID, "username": u.Username, "firstname": u.Firstname, "lastname": u.Lastname, "date_of_birth": u.DateOfBirth,
		"created_at": milli(u.CreatedAt), "updated_at": milli(u.UpdatedAt)})
	discount := map[string]int{}
	for _, c := range u.Coupons {
		kind := "signup"
		switch strings.SplitN(c.Code, "_", 2)[0] {
		case "INV":
			kind = "invitation"
		case "RWD":
			kind = "reward"
		}
		discount[c.UsedBy] = c.Discount
		x.put("coupons", "id", object{"id": names.of('u', u.ID+"\x00"+c.Code), "user_id": u.ID, "kind": kind, "discount": c.Discount, "used_by": text(c.UsedBy),
			"created_at": milli(c.CreatedAt)})
	}
	delete(discount, "")
	for k := range u.Rides {
		r := &u.Rides[k]
		fare := 500 + max(0, 100*r.Pickup.Distance(r.Destination)-discount[r.ID])
		var evaluation any
		if r.Evaluation != 0 {
			evaluation = r.Evaluation
		}
		x.put("rides", "id", object{"id": r.ID, "user_id": u.ID, "chair_id": text(r.ChairID), "pickup_latitude": r.Pickup.Latitude,
			"pickup_longitude": r.Pickup.Longitude, "destination_latitude": r.Destination.Latitude, "destination_longitude": r.Destination.Longitude,
			"fare": fare, "evaluation": evaluation, "city_id": names.ride(r.ID), "created_at": milli(r.CreatedAt), "updated_at": milli(r.UpdatedAt)})
		x.put("statuses", "ride_id", object{"ride_id": r.ID, "user_id": u.ID, "status": r.Status.String(), "created_at": milli(r.StatusAt)})
		x.money(r, fare)
		if !r.Done {
			chair := any(nil)
			if r.ChairID != "" {
				chair = names.of('c', r.ChairID)
			}
			x.put("city", "id", object{"id": names.ride(r.ID), "kind": "ride", "status": r.Status.String(), "since": milli(r.StatusAt), "chair": chair,
				"latitude": round5(r.Pickup.Latitude), "longitude": round5(r.Pickup.Longitude)})
		}
	}
}

func (x *twin) money(r *state.RideImage, fare int) {
	o := object{"ride_id": r.ID, "user_id": r.UserID, "amount": fare, "state": "charging", "paid_at": nil}
	if r.Done {
		o["state"], o["paid_at"] = "paid", milli(r.UpdatedAt)
	} else if r.Charge.Seq == 0 {
		return
	}
	x.put("payments", "ride_id", o)
}

// TestRowsAgainstTwin compares what a reader of everything has with rows that are made from
// the live state in another way.
func TestRowsAgainstTwin(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, *seed, 3)
		r := w.subscribe(Request{Tables: allTables, Viewer: Viewer{Class: Operator}})
		for range 20 {
			w.act(100)
			r.settle()
			x := twin{w, map[string]map[string]object{}}
			_, err := w.store.Walk(x.image)
			w.must(err)
			for name, want := range x.rows {
				got := map[string]object{}
				for _, row := range r.copy.Rows(name) {
					var o object
					w.must(json.Unmarshal([]byte(row), &o))
					got[o[tables[tableOf(name)].keys[0]].(string)] = o
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%s: the reader has\n%v\nand the state\n%v", name, got, want)
				}
			}
		}
	})
}

func tableOf(name string) tableID {
	for i := range tables {
		if tables[i].name == name {
			return tableID(i)
		}
	}
	return tableCount
}
