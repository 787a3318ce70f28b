package answer

import "isuride/bench/world"

// Rides decodes a user's history.
func Rides(body []byte) ([]world.PastRide, error) {
	return decode(body, func(r *reader) []world.PastRide {
		rides := []world.PastRide{}
		var seen uint
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			if string(r.key()) != "rides" {
				r.skip()
				continue
			}
			seen = 1
			for ok := r.begin('[', ']'); ok; ok = r.more(']') {
				rides = append(rides, r.pastRide())
			}
		}
		r.need(seen, "rides")
		return rides
	})
}

func (r *reader) pastRide() world.PastRide {
	var p world.PastRide
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case "id":
			p.ID = r.text()
			seen |= 1
		case "pickup_coordinate":
			p.Pickup = r.point()
			seen |= 2
		case "destination_coordinate":
			p.Destination = r.point()
			seen |= 4
		case "chair":
			r.pastChair(&p)
			seen |= 8
		case "fare":
			p.Fare = int(r.integer())
			seen |= 16
		case "evaluation":
			p.Evaluation = int(r.integer())
			seen |= 32
		case "requested_at":
			p.RequestedAt = world.Millis(r.integer())
			seen |= 64
		case "completed_at":
			p.CompletedAt = world.Millis(r.integer())
			seen |= 128
		default:
			r.skip()
		}
	}
	r.need(seen, "id", "pickup_coordinate", "destination_coordinate", "chair", "fare", "evaluation", "requested_at", "completed_at")
	return p
}

func (r *reader) pastChair(p *world.PastRide) {
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case "id":
			p.ChairID = r.text()
			seen |= 1
		case "owner":
			p.ChairOwner = r.text()
			seen |= 2
		case "name":
			p.ChairName = r.text()
			seen |= 4
		case "model":
			p.ChairModel = r.text()
			seen |= 8
		default:
			r.skip()
		}
	}
	r.need(seen, "id", "owner", "name", "model")
}
