package world

import "fmt"

// chairState limits what a chair can do (B5.3).
type chairState uint8

const (
	chairRegistering chairState = iota
	chairLost                   // the registration failed
	chairInactive
	chairActive
	chairStopped // by a wrong match notice, for the rest of the run
)

// chairStep says what the turn of a chair waits for. A chair with a step other than
// chairIdle is busy (B2.3).
type chairStep uint8

const (
	chairIdle chairStep = iota
	chairRegistration
	chairInboxLock
	chairActivation
	chairAcceptLock
	chairAccept
	chairDeparture
	chairPosition
	chairRetryPause
)

// chairSteps is the table of a chair's steps (B5.2 to B5.7).
func chairSteps() []step[*chair] {
	return []step[*chair]{
		chairRegistration: onAnswer(EventChairRegistered, "registration", CodeChairRegistration, (*chair).registered, (*chair).registrationFailed),
		chairInboxLock:    onResume((*chair).readInbox),
		chairActivation:   onAnswer(EventActivated, "activation", CodeActivation, (*chair).activated, nil),
		chairAcceptLock:   onResume((*chair).accept),
		chairAccept:       onAnswer(EventStatusPosted, "acceptance", 0, (*chair).rideAccepted, (*chair).acceptFailed),
		chairDeparture:    onAnswer(EventStatusPosted, "departure", 0, (*chair).departed, (*chair).departureFailed),
		chairPosition:     onAnswer(EventPositionRecorded, "position", CodePosition, (*chair).positionRecorded, (*chair).positionFailed),
		chairRetryPause:   onResume((*chair).postPosition),
	}
}

// A chair carries one ride after the other.
type chair struct {
	entity
	client ChairClient
	owner  *owner

	// set at registration
	name  string
	model chairModel
	home  Point // where it is placed at first

	state       chairState
	step        chairStep
	activating  bool    // this turn does
	connected   bool    // the notification connection is open
	activatedAt Instant // end of the activating turn; 0 before

	inbox      inbox[*ChairNotification]
	notice     *ChairNotification // of the match it holds
	lastStatus Status             // the newest one received since the notice

	ride     *ride // adopted
	detour   detour
	accepted []*ride // every ride it has accepted, oldest first

	position  Point
	travelled int // without the placement
	track     track
	dirty     bool // the position has not been reported yet
	posting   positionPost
	retryAt   Instant

	ratedRides, ratingSum int
	sales                 int // of the rated rides, undiscounted

	empty  bool    // it is in the grid of chairs that could take a ride
	cell   cellKey // where it is there
	listed int     // number of the nearby answer that last listed it
	cycle  chairCycle
}

// registerChair starts the registration of a new chair of o (B5.2), which ends in
// chairRegistered.
func (w *World) registerChair(o *owner, m chairModel) {
	c := &chair{entity: newEntity(w, KindChair, len(w.chairs)), owner: o, model: m, step: chairRegistration}
	c.name = chairName(c.random, m)
	c.home = o.region.randomPoint(c.random)
	c.client = w.clients.NewChair(c.Entity)
	w.chairs = append(w.chairs, c)
	w.busy++
	c.register()
}

func (c *chair) register() {
	c.client.Register(ChairProfile{Name: c.name, Model: c.model.name, RegisterToken: c.owner.registerToken})
}

func (c *chair) registered(e Event) {
	c.id = e.Body.(*ChairAccount).ID
	c.note("registered", nil, StatusUnknown)
	c.state = chairInactive
	c.position = c.home
	c.world.chairsByID[c.id] = c
	c.owner.add(c)
	c.endTurn()
	if c.additional() {
		c.turn()
	}
	c.owner.chairRegistered(nil)
}

func (c *chair) registrationFailed(call string, f *Failure) {
	c.state = chairLost
	c.endTurn()
	c.client.Close()
	c.owner.chairRegistered(fmt.Errorf("%v: %s: %w", c.Entity, call, f))
}

// additional is user.additional for chairs.
func (c *chair) additional() bool {
	return c.owner.step != ownerPurchase && c.Index >= initialOwners*chairsPerOwner
}

// turn is one turn of B5.3.
func (c *chair) turn() {
	if c.step != chairIdle || c.state == chairStopped {
		return
	}
	c.world.busy++
	c.readInbox()
}

// act is the turn after the notifications.
func (c *chair) act() {
	switch {
	case c.ride != nil:
		c.serve()
	case c.notice != nil:
		c.adopt()
	case c.state == chairActive:
		c.world.empty.add(c)
		c.reportPosition()
	case c.state == chairInactive:
		c.activate()
	default:
		c.endTurn()
	}
}

func (c *chair) endTurn() {
	c.step = chairIdle
	c.world.busy--
	if c.wantsTurn() {
		c.world.wakeChair(c)
	}
}

// wantsTurn reports whether a turn in the next tick would do anything. Otherwise the next
// notification gives one.
func (c *chair) wantsTurn() bool {
	if c.state != chairActive {
		return c.state == chairInactive
	}
	if !c.inbox.empty() || c.dirty {
		return true
	}
	switch {
	case c.ride != nil:
		return c.ride.chairView <= StatusCarrying
	case c.notice != nil:
		return true
	}
	return !c.empty
}

// deliver takes an event over.
func (c *chair) deliver(e Event) {
	if e.Kind == EventChairNotified {
		c.receive(e.Body.(*ChairNotification))
		return
	}
	c.world.chairSteps[c.step].answered(c, e)
}

// resume continues a turn after the wait for a lock or a pause.
func (c *chair) resume() { c.world.chairSteps[c.step].resumed(c) }

// activate connects and goes to work (B5.3, d).
func (c *chair) activate() {
	if !c.connected {
		c.connected = true
		c.client.OpenNotifications()
	}
	c.step = chairActivation
	c.client.Activate()
}

func (c *chair) activated(Event) {
	c.note("activated", nil, StatusUnknown)
	c.state = chairActive
	c.activating = true
	c.moveTo(c.home)
	c.reportPosition()
}

// moveTo makes p the position and the newest fix of the track, even if the chair is there
// already (B5.7).
func (c *chair) moveTo(p Point) {
	c.travelled += c.position.distance(p)
	c.position = p
	c.track = append(c.track, fix{position: p, travelled: int32(c.travelled)})
	c.dirty = true
}

// rated books a rated ride, which the server must now include in its statistics of the
// chair.
func (c *chair) rated(r *ride) {
	c.ratedRides++
	c.ratingSum += r.rating
	c.sales += r.sales()
}

// stop ends the chair's work for the rest of the run (B5.5).
func (c *chair) stop() {
	c.state = chairStopped
	c.connected = false
	c.client.CloseNotifications()
}
