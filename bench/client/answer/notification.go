package answer

import "isuride/bench/world"

// IsNull reports whether a notification has no content.
func IsNull(message []byte) bool {
	r := reader{in: message}
	return r.null()
}

// UserNotification decodes a message to a user. Members at the top may be missing, all
// but the coordinates and the chair even null; the chair and the coordinates themselves
// are strict (B9.3).
func UserNotification(message []byte) (*world.UserNotification, error) {
	return decode(message, func(r *reader) *world.UserNotification {
		var n world.UserNotification
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			switch string(r.key()) {
			case "ride_id":
				n.RideID = r.optionalText()
			case "pickup_coordinate":
				n.Pickup = r.point()
			case "destination_coordinate":
				n.Destination = r.point()
			case "fare":
				n.Fare = int(r.optionalInteger())
			case "status":
				n.Status = r.status()
			case "chair":
				n.Chair = r.notifiedChair()
				n.HasChair = true
			case "created_at", "updated_at":
				r.optionalInteger()
			default:
				r.skip()
			}
		}
		return &n
	})
}

func (r *reader) notifiedChair() world.NotifiedChair {
	var c world.NotifiedChair
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case "id":
			c.ID = r.text()
			seen |= 1
		case "name":
			c.Name = r.text()
			seen |= 2
		case "model":
			c.Model = r.text()
			seen |= 4
		case "stats":
			r.stats(&c)
			seen |= 8
		default:
			r.skip()
		}
	}
	r.need(seen, "id", "name", "model", "stats")
	return c
}

func (r *reader) stats(c *world.NotifiedChair) {
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case "total_rides_count":
			c.TotalRides = int(r.integer())
			seen |= 1
		case "total_evaluation_avg":
			c.EvaluationAvg = r.float()
			seen |= 2
		default:
			r.skip()
		}
	}
	r.need(seen, "total_rides_count", "total_evaluation_avg")
}

// ChairNotification decodes a message to a chair.
func ChairNotification(message []byte) (*world.ChairNotification, error) {
	return decode(message, func(r *reader) *world.ChairNotification {
		var n world.ChairNotification
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			switch string(r.key()) {
			case "ride_id":
				n.RideID = r.optionalText()
			case "user":
				r.notifiedUser(&n)
			case "pickup_coordinate":
				n.Pickup = r.point()
			case "destination_coordinate":
				n.Destination = r.point()
			case "status":
				n.Status = r.status()
			default:
				r.skip()
			}
		}
		return &n
	})
}

func (r *reader) notifiedUser(n *world.ChairNotification) {
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case "id":
			n.UserID = r.text()
			seen |= 1
		case "name":
			n.UserName = r.text()
			seen |= 2
		default:
			r.skip()
		}
	}
	r.need(seen, "id", "name")
}

// status is StatusUnknown for a name the API does not have, and such a message is ignored
// later (B9.3).
func (r *reader) status() world.Status {
	if r.null() {
		return world.StatusUnknown
	}
	a, b, escaped := r.quoted()
	if escaped {
		return world.ParseStatus(unescape(r.in[a:b]))
	}
	return world.ParseStatus(r.in[a:b])
}

func (r *reader) optionalText() string {
	if r.null() {
		return ""
	}
	return r.text()
}

func (r *reader) optionalInteger() int64 {
	if r.null() {
		return 0
	}
	return r.integer()
}

// A Poll is the envelope of a polled notification (B9.2).
type Poll struct {
	Data          []byte // the notification, part of the decoded body; null if there was none
	RetryAfter    int64  // milliseconds
	HasRetryAfter bool
}

// DecodePoll decodes the envelope and leaves the notification as it is.
func DecodePoll(body []byte) (Poll, error) {
	r := reader{in: body}
	p := Poll{Data: []byte("null")}
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case "data":
			p.Data = r.raw()
		case "retry_after_ms":
			p.RetryAfter = r.integer()
			p.HasRetryAfter = true
		default:
			r.skip()
		}
	}
	return p, r.err
}
