package client

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"isuride/bench/client/answer"
	"isuride/bench/world"
)

// An operation is a call of the API, or a page visit, of which only the name is here.
type operation struct {
	name   string // for reports; method and path where there is one
	status int    // of a success (B13.4)
	target func(*call) string
	body   func(c *call, b []byte) []byte               // appended to b; nil for GET
	decode func(body []byte) (e world.Event, err error) // a successful answer, without address
}

// operationCount is the number of the first event that is a notification.
const operationCount = world.EventUserNotified

// operations has a row for each event that ends a call.
var operations = [operationCount]operation{
	world.EventVisited:           {name: "page visit"},
	world.EventUserRegistered:    post("/api/app/users", http.StatusCreated, appendProfile, body(answer.UserAccount)),
	world.EventPaymentRegistered: post("/api/app/payment-methods", http.StatusNoContent, appendToken, nothing),
	world.EventRides:             get("/api/app/rides", body(answer.Rides)),
	world.EventNearbyChairs:      get("/api/app/nearby-chairs", body(answer.NearbyChairs)).to(nearbyTarget),
	world.EventFareEstimated:     post("/api/app/rides/estimated-fare", http.StatusOK, appendTrip, body(answer.Estimate)),
	world.EventRideCreated:       post("/api/app/rides", http.StatusAccepted, appendTrip, body(answer.CreatedRide)),
	world.EventEvaluated:         post("/api/app/rides/{id}/evaluation", http.StatusOK, appendRating, moment(answer.CompletedAt)),
	world.EventChairRegistered:   post("/api/chair/chairs", http.StatusCreated, appendProfile, body(answer.ChairAccount)),
	world.EventActivated:         post("/api/chair/activity", http.StatusNoContent, appendActive, nothing),
	world.EventPositionRecorded:  post("/api/chair/coordinate", http.StatusOK, appendPosition, moment(answer.RecordedAt)),
	world.EventStatusPosted:      post("/api/chair/rides/{id}/status", http.StatusNoContent, appendStatus, nothing),
	world.EventOwnerRegistered:   post("/api/owner/owners", http.StatusCreated, appendName, body(answer.OwnerAccount)),
	world.EventOwnerChairs:       get("/api/owner/chairs", body(answer.OwnerChairs)),
	world.EventOwnerSales:        get("/api/owner/sales", body(answer.Sales)).to(salesTarget),
}

type decoder = func(body []byte) (world.Event, error)

func get(path string, d decoder) operation {
	return operation{name: "GET " + path, status: http.StatusOK, target: at(path), decode: d}
}

func post(path string, status int, body func(*call, []byte) []byte, d decoder) operation {
	return operation{name: "POST " + path, status: status, target: at(path), body: body, decode: d}
}

// to is o with another target than its path.
func (o operation) to(target func(*call) string) operation {
	o.target = target
	return o
}

// at is the target of a path, with the call's ride in the place of {id}.
func at(path string) func(*call) string {
	before, after, ofRide := strings.Cut(path, "{id}")
	if ofRide {
		return func(c *call) string { return before + url.PathEscape(c.text) + after }
	}
	return func(*call) string { return path }
}

// nearbyTarget has its parameters sorted by name (B13.2).
func nearbyTarget(c *call) string {
	b := make([]byte, 0, len("/api/app/nearby-chairs?distance=50&latitude=-100&longitude=-100"))
	b = strconv.AppendInt(append(b, "/api/app/nearby-chairs?distance="...), c.number, 10)
	b = strconv.AppendInt(append(b, "&latitude="...), int64(c.points[0].X), 10)
	b = strconv.AppendInt(append(b, "&longitude="...), int64(c.points[0].Y), 10)
	return string(b)
}

func salesTarget(c *call) string { return "/api/owner/sales?until=" + strconv.FormatInt(c.number, 10) }

// Bodies of requests.

func appendProfile(c *call, b []byte) []byte { return appendJSON(b, c.profile) }

func appendToken(c *call, b []byte) []byte {
	return appendJSON(b, struct {
		Token string `json:"token"`
	}{c.text})
}

func appendName(c *call, b []byte) []byte {
	return appendJSON(b, struct {
		Name string `json:"name"`
	}{c.text})
}

func appendActive(_ *call, b []byte) []byte { return append(b, `{"is_active":true}`...) }

func appendRating(c *call, b []byte) []byte {
	return append(strconv.AppendInt(append(b, `{"evaluation":`...), c.number, 10), '}')
}

func appendStatus(c *call, b []byte) []byte {
	return append(append(append(b, `{"status":"`...), world.Status(c.number).String()...), `"}`...)
}

func appendPosition(c *call, b []byte) []byte { return appendPoint(b, c.points[0]) }

func appendTrip(c *call, b []byte) []byte {
	b = appendPoint(append(b, `{"pickup_coordinate":`...), c.points[0])
	b = appendPoint(append(b, `,"destination_coordinate":`...), c.points[1])
	return append(b, '}')
}

func appendPoint(b []byte, p world.Point) []byte {
	b = strconv.AppendInt(append(b, `{"latitude":`...), int64(p.X), 10)
	b = strconv.AppendInt(append(b, `,"longitude":`...), int64(p.Y), 10)
	return append(b, '}')
}

func appendJSON(b []byte, v any) []byte {
	j, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return append(b, j...)
}

// Answers.

func nothing([]byte) (world.Event, error) { return world.Event{}, nil }

func body[T any](decode func([]byte) (T, error)) decoder {
	return func(b []byte) (world.Event, error) {
		v, err := decode(b)
		return world.Event{Body: v}, err
	}
}

func moment(decode func([]byte) (world.Millis, error)) decoder {
	return func(b []byte) (world.Event, error) {
		t, err := decode(b)
		return world.Event{Time: t}, err
	}
}
