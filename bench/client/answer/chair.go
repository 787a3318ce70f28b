package answer

import "isuride/bench/world"

// NearbyChairs decodes the free chairs around a point. retrieved_at must be there, but
// its value does not matter (B10.3).
func NearbyChairs(body []byte) ([]world.NearbyChair, error) {
	return decode(body, func(r *reader) []world.NearbyChair {
		chairs := []world.NearbyChair{}
		var seen uint
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			switch string(r.key()) {
			case "chairs":
				seen |= 1
				for ok := r.begin('[', ']'); ok; ok = r.more(']') {
					chairs = append(chairs, r.nearbyChair())
				}
			case "retrieved_at":
				r.integer()
				seen |= 2
			default:
				r.skip()
			}
		}
		r.need(seen, "chairs", "retrieved_at")
		return chairs
	})
}

func (r *reader) nearbyChair() world.NearbyChair {
	var c world.NearbyChair
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
		case "current_coordinate":
			c.Position = r.point()
			seen |= 8
		default:
			r.skip()
		}
	}
	r.need(seen, "id", "name", "model", "current_coordinate")
	return c
}

// OwnerChairs decodes an owner's chairs.
func OwnerChairs(body []byte) ([]world.OwnedChair, error) {
	return decode(body, func(r *reader) []world.OwnedChair {
		chairs := []world.OwnedChair{}
		var seen uint
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			if string(r.key()) != "chairs" {
				r.skip()
				continue
			}
			seen = 1
			for ok := r.begin('[', ']'); ok; ok = r.more(']') {
				chairs = append(chairs, r.ownedChair())
			}
		}
		r.need(seen, "chairs")
		return chairs
	})
}

func (r *reader) ownedChair() world.OwnedChair {
	var c world.OwnedChair
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
		case "active":
			c.Active = r.boolean()
			seen |= 8
		case "registered_at":
			c.RegisteredAt = world.Millis(r.integer())
			seen |= 16
		case "total_distance":
			c.TotalDistance = int(r.integer())
			seen |= 32
		case "total_distance_updated_at":
			c.UpdatedAt = world.Millis(r.integer())
			c.HasUpdatedAt = true
		default:
			r.skip()
		}
	}
	r.need(seen, "id", "name", "model", "active", "registered_at", "total_distance")
	return c
}
