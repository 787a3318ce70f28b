package main

import (
	"math"

	"isuride/webapp/isuride"
)

// driver is a chair on its way through its rides, which never overlap. A chair without a
// ride has never reported a position.
type driver struct {
	chair    *isuride.Chair
	speed    int // distance units a minute
	reported bool
	at       isuride.Coordinate
	free     isuride.Time // when the next ride can be requested
}

const (
	// townRadius bounds pickups; all rides begin in the first town.
	townRadius = 50
	// Distances of rides are normally distributed around the mean.
	tripMean, tripDeviation, tripMin = 25, 10, 5
	// restTime is between two rides of a chair, and between the registration of a user
	// and their first ride. It makes rides of one user begin at the same time on several
	// chairs, and some rides begin before their user registered.
	restTime = 3 * minute
	// deliveryTime is between a status and its two deliveries.
	deliveryTime = second
)

// shortRides are the two without PICKUP and CARRYING rows (S12.3, T34).
var shortRides = [2]int{rideCount / 3, 2 * rideCount / 3}

// ride makes the n-th ride, complete from request to rating.
func (w *world) ride(user *isuride.User, d *driver, n int) {
	now := w.begin(user, d)
	pickup := w.inTown()
	r := isuride.Ride{ID: w.id(now), UserID: user.ID, ChairID: d.chair.ID, Pickup: pickup, Destination: w.tripFrom(pickup),
		Evaluation: 2 + w.random.IntN(4), CreatedAt: now}
	short := n == shortRides[0] || n == shortRides[1]

	w.status(r.ID, isuride.Matching, now)
	now += w.pause()
	w.status(r.ID, isuride.Enroute, now)
	now = w.drive(d, r.Pickup, now)
	if !short {
		w.status(r.ID, isuride.Pickup, now)
	}
	now += w.pause()
	if !short {
		w.status(r.ID, isuride.Carrying, now)
	}
	now = w.drive(d, r.Destination, now)
	w.status(r.ID, isuride.Arrived, now)
	now += w.pause()
	w.status(r.ID, isuride.Completed, now)

	r.UpdatedAt = now
	d.free = now + restTime
	w.Rides = append(w.Rides, r)
	w.useCoupon(&r)
}

// begin is the time of the request. A chair first reports with its first ride.
func (w *world) begin(user *isuride.User, d *driver) isuride.Time {
	if d.reported {
		return d.free
	}
	now := user.CreatedAt + restTime
	d.reported, d.at = true, w.inTown()
	w.report(d, now)
	return now
}

// drive moves the chair to the target, with a report each minute, and returns the time
// of its arrival.
func (w *world) drive(d *driver, target isuride.Coordinate, now isuride.Time) isuride.Time {
	for {
		now += minute
		rest := int32(d.speed)
		d.at.Latitude = step(d.at.Latitude, target.Latitude, &rest)
		d.at.Longitude = step(d.at.Longitude, target.Longitude, &rest)
		w.report(d, now)
		if d.at == target {
			return now
		}
	}
}

// step goes from one value towards another by at most rest, which it reduces.
func step(from, to int32, rest *int32) int32 {
	move := min(max(to-from, -*rest), *rest)
	if move < 0 {
		*rest += move
	} else {
		*rest -= move
	}
	return from + move
}

func (w *world) report(d *driver, now isuride.Time) {
	w.ChairLocations = append(w.ChairLocations, isuride.ChairLocation{ID: w.id(now), ChairID: d.chair.ID, Coordinate: d.at, CreatedAt: now})
}

func (w *world) status(rideID string, s isuride.Status, now isuride.Time) {
	w.RideStatuses = append(w.RideStatuses, isuride.RideStatus{ID: w.id(now), RideID: rideID, Status: s,
		CreatedAt: now, AppSentAt: now + deliveryTime, ChairSentAt: now + deliveryTime})
}

// useCoupon spends the oldest one, whenever it was granted (S12.3).
func (w *world) useCoupon(r *isuride.Ride) {
	if unused := w.coupons[r.UserID]; len(unused) > 0 {
		w.Coupons[unused[0]].UsedBy = r.ID
		w.coupons[r.UserID] = unused[1:]
	}
}

// pause is how long people take to press a button.
func (w *world) pause() isuride.Time { return isuride.Time(2+w.random.IntN(9)) * second }

func (w *world) inTown() isuride.Coordinate {
	return isuride.Coordinate{Latitude: w.random.Int32N(2*townRadius) - townRadius, Longitude: w.random.Int32N(2*townRadius) - townRadius}
}

// tripFrom is a destination at a random distance in a random direction.
func (w *world) tripFrom(c isuride.Coordinate) isuride.Coordinate {
	distance := int32(max(math.Round(w.random.NormFloat64()*tripDeviation+tripMean), tripMin))
	north := w.random.Int32N(distance + 1)
	east := distance - north
	if w.random.IntN(2) == 0 {
		north = -north
	}
	if w.random.IntN(2) == 0 {
		east = -east
	}
	return isuride.Coordinate{Latitude: c.Latitude + north, Longitude: c.Longitude + east}
}
