package world

import "fmt"

// userState limits what a user can do (B4.3).
type userState uint8

const (
	userRegistering userState = iota
	userLost                  // the registration failed
	userPaymentMissing
	userActive
	userInactive // has left for good
)

// userStep says what the turn of a user waits for. A user with a step other than userIdle
// is busy (B2.3).
type userStep uint8

const (
	userIdle userStep = iota
	userInviterLock
	userRegistrationVisit
	userRegistration
	userInboxLock
	userPaymentVisit
	userPayment
	userRequestVisit
	userHistory
	userRequestLock
	userNearby
	userEstimate
	userCreation
	userEvaluationVisit
	userEvaluationLock
	userEvaluation
)

// userSteps is the table of a user's steps (B4.2 to B4.5).
func userSteps() []step[*user] {
	return []step[*user]{
		userInviterLock:       onResume((*user).awaitInviter),
		userRegistrationVisit: onVisit(VisitUserRegistration, CodeUserRegistration, (*user).register, (*user).registrationFailed),
		userRegistration:      onAnswer(EventUserRegistered, "registration", CodeUserRegistration, (*user).registered, (*user).registrationFailed),
		userInboxLock:         onResume((*user).readInbox),
		userPaymentVisit:      onVisit(VisitPaymentRegistration, CodePaymentRegistration, (*user).registerPayment, (*user).paymentFailed),
		userPayment:           onAnswer(EventPaymentRegistered, "payment method", CodePaymentRegistration, (*user).paymentRegistered, (*user).paymentFailed),
		userRequestVisit:      onVisit(VisitRideRequest, CodeHistory, (*user).requestHistory, nil),
		userHistory:           onAnswer(EventRides, "ride history", CodeHistory, (*user).historyReceived, nil),
		userRequestLock:       onResume((*user).planRide),
		userNearby:            onAnswer(EventNearbyChairs, "nearby chairs", CodeNearby, (*user).nearbyReceived, (*user).requestFailed),
		userEstimate:          onAnswer(EventFareEstimated, "fare estimate", CodeRideRequest, (*user).estimateReceived, (*user).requestFailed),
		userCreation:          onAnswer(EventRideCreated, "ride creation", CodeRideRequest, (*user).rideCreated, (*user).requestFailed),
		userEvaluationVisit:   onVisit(VisitEvaluation, CodeEvaluation, (*user).postEvaluation, nil),
		userEvaluationLock:    onResume((*user).postEvaluation),
		userEvaluation:        onAnswer(EventEvaluated, "evaluation", 0, (*user).evaluated, (*user).evaluationFailed),
	}
}

// An Origin is the reason why a user came.
type Origin uint8

const (
	OriginPopulation Origin = iota // before the load
	OriginReputation               // of the region (B8.1)
	OriginInvitation               // by another user (B8.2)
)

// A user requests one ride after the other.
type user struct {
	entity
	client UserClient
	region *region

	// set at registration
	profile        UserProfile
	invitationCode string
	session        string // Cookie field
	paymentToken   string
	origin         Origin
	inviter        *user // nil without an invitation

	state    userState
	step     userStep
	lastTurn int // tick of it

	ride      *ride   // the current one
	history   []*ride // all, in the order of their creation
	ratingSum int

	// invitation is held while another user registers with this one's code and while this
	// one requests a ride, so that it is certain which coupons the server knows (B2.5).
	invitation    waitLock
	invited       int // users who registered with the code
	unusedRewards int // coupons for them

	connected bool
	inbox     inbox[*UserNotification]
	snapshot  *UserNotification // the last one checked in full, kept across rides (B9.5)

	arrival *arrival // the ride of an open loop to request, nil if there is none
	pooled  bool     // idle in the sense of an open loop

	rests bool // after a refusal

	cycle   userCycle
	request rideRequest // under way
	rating  int         // being given
}

// name is the form that chairs get (B5.5).
func (u *user) name() string { return u.profile.Firstname + " " + u.profile.Lastname }

// registerUser starts the registration of a new user, who joins the region on success
// (B4.2). It belongs to no turn.
func (w *World) registerUser(g *region, origin Origin, inviter *user) {
	u := &user{
		entity: newEntity(w, KindUser, len(w.users)), region: g,
		origin: origin, inviter: inviter, lastTurn: -1,
	}
	u.profile = newProfile(u.random, w.usernameBase, len(w.users))
	u.paymentToken = paymentToken(u.random)
	u.client = w.clients.NewUser(u.Entity)
	w.users = append(w.users, u)
	w.busy++
	if inviter != nil {
		u.awaitInviter()
		return
	}
	u.visit(userRegistrationVisit)
}

func (u *user) awaitInviter() {
	u.step = userInviterLock
	if u.inviter.invitation.acquire(u) {
		u.profile.InvitationCode = u.inviter.invitationCode
		u.visit(userRegistrationVisit)
	}
}

func (u *user) register() {
	u.step = userRegistration
	u.client.Register(u.profile)
}

func (u *user) registered(e Event) {
	account := e.Body.(*UserAccount)
	u.id, u.invitationCode, u.session = account.ID, account.InvitationCode, account.Session
	u.note("registered", nil, StatusUnknown)
	u.state = userPaymentMissing
	u.region.registered++
	u.region.active++
	u.world.usersByToken[u.paymentToken] = u
	u.world.stats.Origins[u.origin]++
	if u.inviter != nil {
		u.inviter.invited++
		u.inviter.unusedRewards++
		u.inviter.invitation.release()
	}
	u.endTurn()
	if u.additional() {
		u.turn()
		return
	}
	u.world.populated(nil)
}

// additional reports whether the user is one of those beyond the official population.
// There are so many of them, and of such chairs, that they begin before the load instead
// of all in its first tick.
func (u *user) additional() bool {
	return u.origin == OriginPopulation && u.Index >= initialUsers
}

// registrationFailed gives the user up; there is no second attempt (B4.2).
func (u *user) registrationFailed(call string, f *Failure) {
	u.state = userLost
	if u.inviter != nil {
		u.inviter.invitation.release()
	}
	u.endTurn()
	u.client.Close()
	u.world.populated(fmt.Errorf("%v: %s: %w", u.Entity, call, f))
}

// turn is one turn of B4.3. It first looks at the notifications.
func (u *user) turn() {
	if u.step != userIdle {
		return
	}
	u.lastTurn = u.world.tick
	u.world.busy++
	u.readInbox()
}

// act is the turn after the notifications.
func (u *user) act() {
	switch u.state {
	case userPaymentMissing:
		u.visit(userPaymentVisit)
	case userActive:
		switch {
		case u.ride != nil:
			u.attendRide()
		case u.wantsRide():
			u.startRequest()
		default:
			u.endTurn()
		}
	default:
		u.endTurn()
	}
}

func (u *user) endTurn() {
	u.step = userIdle
	u.world.busy--
	u.offer()
	if u.wantsTurn() {
		u.world.wakeUser(u)
	}
}

// wantsTurn reports whether a turn in the next tick would do anything. Otherwise the next
// notification gives one, or the deadline for being matched.
func (u *user) wantsTurn() bool {
	if !u.inbox.empty() || u.state == userPaymentMissing {
		return true
	}
	if u.state != userActive {
		return false
	}
	if u.ride == nil {
		return u.wantsRide()
	}
	return !u.connected || u.ride.userView == StatusArrived && !u.ride.evaluated || u.matchingOverdue()
}

// deliver takes an event over.
func (u *user) deliver(e Event) {
	if e.Kind == EventUserNotified {
		u.receive(e.Body.(*UserNotification))
		return
	}
	u.world.userSteps[u.step].answered(u, e)
}

// resume implements parkedTurn.
func (u *user) resume() { u.world.userSteps[u.step].resumed(u) }

// visit loads the page of a step.
func (u *user) visit(at userStep) {
	u.step = at
	if s := &u.world.userSteps[at]; u.world.config.PageVisits {
		u.client.Visit(s.page)
	} else {
		s.then(u)
	}
}

func (u *user) registerPayment() {
	u.step = userPayment
	u.client.RegisterPayment(u.paymentToken)
}

func (u *user) paymentRegistered(Event) {
	u.note("payment method registered", nil, StatusUnknown)
	u.cycle.free = u.world.now
	u.state = userActive
	u.endTurn()
	u.world.populated(nil)
}

func (u *user) paymentFailed(call string, f *Failure) {
	u.endTurn()
	u.world.populated(fmt.Errorf("%v: %s: %w", u.Entity, call, f))
}

// minActiveUsers must remain in a region when a user leaves (B4.3).
const minActiveUsers = 10

// leaves decides whether the user leaves for good because of bad rides (B4.3 step B1).
func (u *user) leaves() bool {
	n := len(u.history)
	if u.world.arrivals != nil || n == 0 || float64(u.ratingSum)/float64(n) > 2 || u.region.active-1 < minActiveUsers {
		return false
	}
	u.note("left", nil, StatusUnknown)
	u.state = userInactive
	u.region.active--
	u.world.stats.UsersLeft++
	return true
}
