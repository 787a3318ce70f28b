package engine

import (
	"time"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// unanswered are the ratings whose riders may not know that they were taken: of payments that
// a leader before has begun and this one has finished, and of those that were completed right
// before that one was lost. Their riders ask again, and get the answer that they missed instead
// of a refusal for rating twice.
type unanswered struct {
	mu    lockwatch.Mutex
	rides map[string]rating // guarded by mu; by ride id
}

// rating is one that was taken.
type rating struct {
	evaluation  int
	completedAt isuride.Time
	until       time.Time // it may be asked for
}

const (
	// missedFor is how long a rider may ask again.
	missedFor = time.Minute
	// missedBefore is how long before the loss of a leader a rating counts as one whose
	// answer may be missing: longer than an answer takes to get away.
	missedBefore = 2 * time.Second
)

func (u *unanswered) add(rideID string, r rating) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.rides == nil {
		u.rides = map[string]rating{}
	}
	r.until = time.Now().Add(missedFor)
	u.rides[rideID] = r
}

// answer returns when the ride was completed, if the same rating may be asked for.
func (u *unanswered) answer(who *state.User, rideID string, evaluation int) (isuride.Time, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	r, ok := u.rides[rideID]
	if !ok {
		return 0, false
	}
	if time.Now().After(r.until) {
		delete(u.rides, rideID)
		return 0, false
	}
	return r.completedAt, r.evaluation == evaluation && who.Took(rideID)
}

// completion is a rating in the log.
type completion struct {
	rideID     string
	evaluation int
	at         isuride.Time
}

// completions are those of the newest part of a log.
type completions struct{ list []completion }

// note takes one, and forgets those that are too old by then.
func (c *completions) note(e *isuride.Event) {
	at := e.Status.CreatedAt
	for len(c.list) > 0 && at.Sub(c.list[0].at) > missedBefore {
		c.list = c.list[1:]
	}
	c.list = append(c.list, completion{e.Ride.ID, e.Ride.Evaluation, e.Ride.UpdatedAt})
}
