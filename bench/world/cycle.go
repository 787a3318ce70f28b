package world

// CycleSeconds is the part of the load, from its beginning, whose rides are timed stage by
// stage: the city grows by the speed of their cycle until the machine is full.
const CycleSeconds = 20

// CycleStage is a part of the cycle from one ride to the next: of a user, up to
// StageRating, or of a chair, from StageAcceptance on. The parts of a cycle follow each
// other without a gap.
type CycleStage uint8

const (
	StageOrder      CycleStage = iota // the user knows that the last ride is over, and begins to ask for the next
	StageLooking                      // requests that found no chair, and whatever else ended without a ride
	StageRequest                      // the request that led to a ride: page, history, chairs nearby, fare, order
	StageMatching                     // until the chair's notification has come
	StageAcceptance                   // until the chair has accepted, in its turn
	StageWay                          // to the pickup
	StageBoarding                     // until the chair has departed: position, notification, the user's turn, the chair's
	StageCarrying                     // to the destination
	StageArrival                      // until the user rates: position, notification, the user's turn, page
	StageCharge                       // from the rating's call until the payment service has the payment
	StageRating                       // from there to the answer
	StageRelease                      // from that answer until the chair knows
	StageListing                      // until an answer about nearby chairs has the chair, if one does before the next match
	StageWaiting                      // until the chair is matched again
	cycleStages
)

var stageNames = [cycleStages]string{"next order", "looking", "request", "matching", "acceptance", "way", "boarding", "carrying", "arrival", "charge", "rating",
	"release", "listing", "waiting"}

func (s CycleStage) String() string { return stageNames[s] }

// OfUser tells whether the stage is a part of a user's cycle.
func (s CycleStage) OfUser() bool { return s <= StageRating }

// OfChair tells whether it is one of a chair's.
func (s CycleStage) OfChair() bool { return s >= StageAcceptance }

// Cycle has, for each stage, what ended in each second.
type Cycle [cycleStages][CycleSeconds]Spent

// Spent is the time of some rides in a stage.
type Spent struct {
	Rides int
	Sum   Instant
}

// spent books a stage that lasted so long and ends now.
func (w *World) spent(s CycleStage, d Instant) {
	second := (w.now - w.started) / Second
	if w.started == 0 || second >= CycleSeconds {
		return
	}
	at := &w.stats.Cycle[s][second]
	at.Rides++
	at.Sum += max(d, 0)
}

// userCycle is what a user remembers between two rides.
type userCycle struct {
	free    Instant // the last ride, or the registration, was over
	looked  Instant // the first request since
	request Instant // the present one
}

func (c *userCycle) look(now Instant) {
	c.request = now
	if c.looked == 0 {
		c.looked = now
	}
}

// ordered books the way to a ride just created.
func (u *user) ordered() {
	w, c := u.world, &u.cycle
	if c.free != 0 {
		w.spent(StageOrder, c.looked-c.free)
		w.spent(StageLooking, c.request-c.looked)
	}
	w.spent(StageRequest, w.now-c.request)
	*c = userCycle{}
}

// chairCycle is what a chair remembers between two rides.
type chairCycle struct {
	free    Instant // it knew that the last ride was over, or was activated
	listed  Instant // the first answer with it since
	noticed Instant // the notification of the next match came
}

// noticed books the wait for a match whose notification has just come, if it is the first
// of its ride.
func (c *chair) noticed(rideID string) {
	w, y := c.world, &c.cycle
	if y.noticed != 0 || c.ride != nil && c.ride.id == rideID {
		return
	}
	y.noticed = w.now
	if y.free == 0 {
		return // see released
	}
	if y.listed == 0 {
		y.listed = y.free
	}
	w.spent(StageListing, y.listed-y.free)
	w.spent(StageWaiting, w.now-y.listed)
}

// engaged books the way to an accepted ride. The notification can be faster than the
// answer to the user.
func (c *chair) engaged(r *ride) {
	w, at := c.world, max(c.cycle.noticed, r.changedAt[StatusMatching])
	w.spent(StageMatching, at-r.changedAt[StatusMatching])
	w.spent(StageAcceptance, w.now-at)
	c.cycle = chairCycle{}
}

// released books that the chair knows that its ride is over. The next match may be known
// already, before the turn that reads both.
func (c *chair) released(r *ride) {
	w := c.world
	w.spent(StageRelease, w.now-r.changedAt[StatusCompleted])
	c.cycle.free = w.now
	if c.cycle.noticed != 0 {
		w.spent(StageListing, 0)
		w.spent(StageWaiting, 0)
	}
}
