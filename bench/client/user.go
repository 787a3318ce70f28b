package client

import (
	"isuride/bench/client/answer"
	"isuride/bench/client/evloop"
	"isuride/bench/world"
)

// A userClient implements world.UserClient.
type userClient struct {
	entity
	call call
	feed
}

func newUserClient(e entity) *userClient {
	u := &userClient{entity: e}
	u.call.bind(&u.entity)
	u.feed.bind(&u.entity, "/api/app/notification", world.EventUserNotified, func(message []byte) (any, error) {
		return answer.UserNotification(message)
	})
	u.feed.canWait = true
	return u
}

func (u *userClient) Visit(v world.Visit) { u.call.visit(v) }

func (u *userClient) Register(p world.UserProfile) {
	u.call.profile = struct {
		Username       string `json:"username"`
		Firstname      string `json:"firstname"`
		Lastname       string `json:"lastname"`
		DateOfBirth    string `json:"date_of_birth"`
		InvitationCode string `json:"invitation_code,omitempty"`
	}(p)
	u.call.submit(world.EventUserRegistered)
}

func (u *userClient) RegisterPayment(token string) {
	u.call.text = token
	u.call.submit(world.EventPaymentRegistered)
}

func (u *userClient) Rides() { u.call.submit(world.EventRides) }

func (u *userClient) NearbyChairs(at world.Point, distance int) {
	u.call.points[0], u.call.number = at, int64(distance)
	u.call.submit(world.EventNearbyChairs)
}

func (u *userClient) EstimateFare(pickup, destination world.Point) {
	u.call.points = [2]world.Point{pickup, destination}
	u.call.submit(world.EventFareEstimated)
}

func (u *userClient) CreateRide(pickup, destination world.Point) {
	u.call.points = [2]world.Point{pickup, destination}
	u.call.submit(world.EventRideCreated)
}

func (u *userClient) Evaluate(rideID string, rating int) {
	u.call.text, u.call.number = rideID, int64(rating)
	u.call.submit(world.EventEvaluated)
}

// Close ends the connections and whatever is under way; it may be called again.
func (u *userClient) Close() {
	u.shard.post(evloop.Func(func() {
		u.call.cancel()
		u.feed.close()
		u.entity.close()
	}))
}
