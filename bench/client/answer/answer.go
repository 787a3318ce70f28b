// Package answer decodes what the server answers, as strictly as the official bench does
// (B13.4 and B9.3): a required member that is missing or null, a null list, an integer
// with a fraction, a coordinate with a third member make an answer undecodable; other
// additional members are ignored, and so is what follows the value.
//
// It knows bodies only. Statuses, encodings and what a failure counts for belong to
// others.
package answer

import "isuride/bench/world"

// decode runs a decoder over a body.
func decode[T any](body []byte, f func(*reader) T) (T, error) {
	r := reader{in: body}
	v := f(&r)
	if r.err != nil {
		var none T
		return none, r.err
	}
	return v, nil
}

// RecordedAt decodes the answer to a position report.
func RecordedAt(body []byte) (world.Millis, error) { return millisMember(body, "recorded_at") }

// CompletedAt decodes the answer to an evaluation.
func CompletedAt(body []byte) (world.Millis, error) { return millisMember(body, "completed_at") }

// millisMember decodes an object of one required time.
func millisMember(body []byte, name string) (world.Millis, error) {
	r := reader{in: body}
	var t world.Millis
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		if string(r.key()) == name {
			t = world.Millis(r.integer())
			seen = 1
		} else {
			r.skip()
		}
	}
	r.need(seen, name)
	if r.err != nil {
		return 0, r.err
	}
	return t, nil
}

// Language decodes the answer to initialize. A missing language is empty (B13.4).
func Language(body []byte) (string, error) {
	return decode(body, func(r *reader) (language string) {
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			if string(r.key()) == "language" {
				language = r.text()
			} else {
				r.skip()
			}
		}
		return language
	})
}

// texts2 decodes an object of two required strings.
func texts2(body []byte, first, second string) (a, b string, err error) {
	r := reader{in: body}
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case first:
			a = r.text()
			seen |= 1
		case second:
			b = r.text()
			seen |= 2
		default:
			r.skip()
		}
	}
	r.need(seen, first, second)
	return a, b, r.err
}

// UserAccount decodes the answer to a user's registration.
func UserAccount(body []byte) (*world.UserAccount, error) {
	id, code, err := texts2(body, "id", "invitation_code")
	if err != nil {
		return nil, err
	}
	return &world.UserAccount{ID: id, InvitationCode: code}, nil
}

// ChairAccount decodes the answer to a chair's registration.
func ChairAccount(body []byte) (*world.ChairAccount, error) {
	id, owner, err := texts2(body, "id", "owner_id")
	if err != nil {
		return nil, err
	}
	return &world.ChairAccount{ID: id, OwnerID: owner}, nil
}

// OwnerAccount decodes the answer to an owner's registration.
func OwnerAccount(body []byte) (*world.OwnerAccount, error) {
	id, token, err := texts2(body, "id", "chair_register_token")
	if err != nil {
		return nil, err
	}
	return &world.OwnerAccount{ID: id, RegisterToken: token}, nil
}

// Estimate decodes the answer to an estimated fare.
func Estimate(body []byte) (*world.Estimate, error) {
	return decode(body, func(r *reader) *world.Estimate {
		var e world.Estimate
		var seen uint
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			switch string(r.key()) {
			case "fare":
				e.Fare = int(r.integer())
				seen |= 1
			case "discount":
				e.Discount = int(r.integer())
				seen |= 2
			default:
				r.skip()
			}
		}
		r.need(seen, "fare", "discount")
		return &e
	})
}

// CreatedRide decodes the answer to a ride request.
func CreatedRide(body []byte) (*world.CreatedRide, error) {
	return decode(body, func(r *reader) *world.CreatedRide {
		var c world.CreatedRide
		var seen uint
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			switch string(r.key()) {
			case "ride_id":
				c.ID = r.text()
				seen |= 1
			case "fare":
				c.Fare = int(r.integer())
				seen |= 2
			default:
				r.skip()
			}
		}
		r.need(seen, "ride_id", "fare")
		return &c
	})
}

// point decodes a coordinate, which has exactly two members.
func (r *reader) point() world.Point {
	var p world.Point
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case "latitude":
			p.X = clamp32(r.integer())
			seen |= 1
		case "longitude":
			p.Y = clamp32(r.integer())
			seen |= 2
		default:
			r.fail("additional member in a coordinate")
		}
	}
	r.need(seen, "latitude", "longitude")
	return p
}
