package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"isuride/bench/client/answer"
	"isuride/bench/client/h1"
	"isuride/bench/world"
)

// errCoding is a body that does not have the content coding it claims.
var errCoding = errors.New("undecodable content coding")

// An op is a call of the API, or a page visit.
type op uint8

const (
	opNone op = iota
	opVisit
	opRegisterUser
	opRegisterPayment
	opRides
	opNearbyChairs
	opEstimateFare
	opCreateRide
	opEvaluate
	opRegisterChair
	opActivate
	opPosition
	opRideStatus
	opRegisterOwner
	opOwnerChairs
	opSales
	opCount
)

// operations says how each op is called and which status is a success (B13.4).
var operations = [opCount]struct {
	name   string // for reports; method and path where there is one
	event  world.EventKind
	status int
}{
	opVisit:           {"page visit", world.EventVisited, 0},
	opRegisterUser:    {"POST /api/app/users", world.EventUserRegistered, http.StatusCreated},
	opRegisterPayment: {"POST /api/app/payment-methods", world.EventPaymentRegistered, http.StatusNoContent},
	opRides:           {"GET /api/app/rides", world.EventRides, http.StatusOK},
	opNearbyChairs:    {"GET /api/app/nearby-chairs", world.EventNearbyChairs, http.StatusOK},
	opEstimateFare:    {"POST /api/app/rides/estimated-fare", world.EventFareEstimated, http.StatusOK},
	opCreateRide:      {"POST /api/app/rides", world.EventRideCreated, http.StatusAccepted},
	opEvaluate:        {"POST /api/app/rides/{id}/evaluation", world.EventEvaluated, http.StatusOK},
	opRegisterChair:   {"POST /api/chair/chairs", world.EventChairRegistered, http.StatusCreated},
	opActivate:        {"POST /api/chair/activity", world.EventActivated, http.StatusNoContent},
	opPosition:        {"POST /api/chair/coordinate", world.EventPositionRecorded, http.StatusOK},
	opRideStatus:      {"POST /api/chair/rides/{id}/status", world.EventStatusPosted, http.StatusNoContent},
	opRegisterOwner:   {"POST /api/owner/owners", world.EventOwnerRegistered, http.StatusCreated},
	opOwnerChairs:     {"GET /api/owner/chairs", world.EventOwnerChairs, http.StatusOK},
	opSales:           {"GET /api/owner/sales", world.EventOwnerSales, http.StatusOK},
}

// A call is the one request of an entity, notifications apart, that may be under way. The World's goroutine fills in the
// arguments and submits it; from then on it belongs to the shard until the event is emitted.
type call struct {
	exchange

	// Arguments.
	op      op
	made    time.Time
	points  [2]world.Point
	text    string // ride id, token or name
	number  int64  // rating, distance, time or status
	profile any    // to be marshalled

	buffer []byte   // of the request's body
	stored *stored  // what the cache has for the target, nil if nothing
	files  []string // of the visit still to GET
}

// bind makes c the call of e.
func (c *call) bind(e *entity) { c.exchange.bind(e, c) }

// visit loads a page. Without a list of files there is none.
func (c *call) visit(v world.Visit) {
	if s := c.entity.shard.engine.config.Static; s != nil {
		c.files = s.visits[v]
	}
	c.submit(opVisit)
}

// submit starts the call.
func (c *call) submit(o op) {
	c.op, c.made = o, time.Now()
	c.entity.shard.post(c)
}

// Run starts the call on the shard's goroutine.
func (c *call) Run() {
	if c.op == opVisit {
		c.visitNext()
		return
	}
	c.request = h1.Request{}
	c.build(&c.request)
	c.ask()
}

// build fills in the request of a call of the API.
func (c *call) build(q *h1.Request) {
	b := c.buffer[:0]
	q.Post = true
	switch c.op {
	case opRegisterUser:
		q.Target, b = "/api/app/users", marshal(b, c.profile)
	case opRegisterPayment:
		q.Target, b = "/api/app/payment-methods", marshal(b, struct {
			Token string `json:"token"`
		}{c.text})
	case opRides:
		q.Target, q.Post = "/api/app/rides", false
	case opNearbyChairs:
		q.Target, q.Post = nearbyTarget(c.number, c.points[0]), false
	case opEstimateFare:
		q.Target, b = "/api/app/rides/estimated-fare", appendTrip(b, c.points)
	case opCreateRide:
		q.Target, b = "/api/app/rides", appendTrip(b, c.points)
	case opEvaluate:
		q.Target = "/api/app/rides/" + url.PathEscape(c.text) + "/evaluation"
		b = append(strconv.AppendInt(append(b, `{"evaluation":`...), c.number, 10), '}')
	case opRegisterChair:
		q.Target, b = "/api/chair/chairs", marshal(b, c.profile)
	case opActivate:
		q.Target, b = "/api/chair/activity", append(b, `{"is_active":true}`...)
	case opPosition:
		q.Target, b = "/api/chair/coordinate", appendPoint(b, c.points[0])
	case opRideStatus:
		q.Target = "/api/chair/rides/" + url.PathEscape(c.text) + "/status"
		b = append(append(append(b, `{"status":"`...), world.Status(c.number).String()...), `"}`...)
	case opRegisterOwner:
		q.Target, b = "/api/owner/owners", marshal(b, struct {
			Name string `json:"name"`
		}{c.text})
	case opOwnerChairs:
		q.Target, q.Post = "/api/owner/chairs", false
	case opSales:
		q.Target, q.Post = "/api/owner/sales?until="+strconv.FormatInt(c.number, 10), false
	default:
		panic("BUG: no such call")
	}
	c.buffer = b
	if q.Post {
		q.Body = b
	}
}

// nearbyTarget has its parameters sorted by name (B13.2).
func nearbyTarget(distance int64, at world.Point) string {
	b := make([]byte, 0, len("/api/app/nearby-chairs?distance=50&latitude=-100&longitude=-100"))
	b = strconv.AppendInt(append(b, "/api/app/nearby-chairs?distance="...), distance, 10)
	b = strconv.AppendInt(append(b, "&latitude="...), int64(at.X), 10)
	b = strconv.AppendInt(append(b, "&longitude="...), int64(at.Y), 10)
	return string(b)
}

func appendPoint(b []byte, p world.Point) []byte {
	b = strconv.AppendInt(append(b, `{"latitude":`...), int64(p.X), 10)
	b = strconv.AppendInt(append(b, `,"longitude":`...), int64(p.Y), 10)
	return append(b, '}')
}

func appendTrip(b []byte, p [2]world.Point) []byte {
	b = appendPoint(append(b, `{"pickup_coordinate":`...), p[0])
	b = appendPoint(append(b, `,"destination_coordinate":`...), p[1])
	return append(b, '}')
}

func marshal(b []byte, v any) []byte {
	j, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return append(b, j...)
}

// ask answers from the cache or sends the request.
func (c *call) ask() {
	e := c.entity
	c.request.Cookie = e.cookies.send(e.shard.engine.config.Target, c.request.Target)
	var fresh bool
	if c.stored, fresh = e.cache.lookup(&c.request, time.Now()); fresh {
		e.shard.counts.FromCache++
		e.shard.loop.Defer((*cacheHit)(c))
		return
	}
	if c.stored != nil {
		c.request.IfNoneMatch, c.request.IfModifiedSince = c.stored.etag, c.stored.lastModified
	}
	c.exchange.start(e.shard.engine.config.Limits.Call)
}

// A cacheHit answers a call from the cache.
type cacheHit call

func (h *cacheHit) Run() {
	c := (*call)(h)
	c.result(c.stored.status, c.stored.body, c.stored.sum)
}

func (c *call) begin(*h1.Head) bool { return false }

func (c *call) piece([]byte) bool { return true }

// end takes the answer from the network, and from the cache what the network only confirms.
func (c *call) end(h *h1.Head, body []byte, err error) {
	shard := c.entity.shard
	shard.counts.Requests++
	if err != nil {
		c.finish(world.Event{Failure: failureOf(err)})
		return
	}
	shard.counts.Bytes += int64(len(body))
	if h.Status == http.StatusNotModified && c.stored != nil {
		c.result(h.Status, c.stored.body, c.stored.sum)
		return
	}
	keep, err := newStored(&c.request, h)
	var sum Sum
	if err == nil {
		body, sum, err = c.decode(h, body)
	}
	switch {
	case err != nil && c.wanted(h.Status):
		f := failureOf(err)
		f.Status = h.Status
		c.finish(world.Event{Failure: f})
		return
	case err == nil && keep != nil:
		c.keep(keep, body, sum)
	}
	c.result(h.Status, body, sum)
}

// decode undoes the content coding. Of a static file only the sum is wanted.
func (c *call) decode(h *h1.Head, raw []byte) (body []byte, sum Sum, err error) {
	shard := c.entity.shard
	if c.op == opVisit {
		sum, err = shard.known.sum(&shard.decoder, c.request.Target, h, raw)
		return nil, sum, err
	}
	if body, err = shard.decoder.Decode(raw, h.Encoding, maxBody); err != nil {
		err = fmt.Errorf("%w: %w", errCoding, err)
	}
	return body, sum, err
}

func (c *call) keep(s *stored, body []byte, sum Sum) {
	s.body, s.sum = append([]byte(nil), body...), sum
	c.entity.cache.put(c.request.Target, c.entity.shard.intern(c.request.Target, s), time.Now())
}

// wanted tells whether a status is a success. Pages may be anything but an error (B1.4).
func (c *call) wanted(status int) bool {
	if c.op == opVisit {
		return 200 <= status && status < 400
	}
	return status == operations[c.op].status
}

// result judges a complete answer.
func (c *call) result(status int, body []byte, sum Sum) {
	if !c.wanted(status) {
		c.finish(world.Event{Failure: &world.Failure{Kind: world.FailureStatus, Status: status, Detail: excerpt(c.request.Target, body)}})
		return
	}
	if c.op == opVisit {
		c.visited(status, sum)
		return
	}
	e, err := decodeAnswer(c.op, body)
	if err != nil {
		e = world.Event{Failure: failureOf(err)}
		e.Failure.Status = status
	}
	switch account := e.Body.(type) {
	case *world.UserAccount:
		account.Session = c.session()
	case *world.OwnerAccount:
		account.Session = c.session()
	}
	c.finish(e)
}

// session is the Cookie field that goes with the account just registered.
func (c *call) session() string {
	return c.entity.cookies.send(c.entity.shard.engine.config.Target, c.request.Target)
}

// finish sends the event that ends the call.
func (c *call) finish(e world.Event) {
	e.To, e.Kind = c.entity.to, operations[c.op].event
	c.entity.shard.emit(arrival{event: e, op: c.op, took: time.Since(c.made)})
}

// excerpt shows the beginning of an answer nobody expected.
func excerpt(target string, body []byte) string {
	const most = 80
	if len(body) == 0 {
		return target
	}
	return fmt.Sprintf("%s: %q", target, body[:min(len(body), most)])
}

// decodeAnswer turns a successful answer into an event without address.
func decodeAnswer(o op, body []byte) (e world.Event, err error) {
	switch o {
	case opPosition:
		e.Time, err = answer.RecordedAt(body)
	case opEvaluate:
		e.Time, err = answer.CompletedAt(body)
	case opRegisterUser:
		e.Body, err = answer.UserAccount(body)
	case opRegisterChair:
		e.Body, err = answer.ChairAccount(body)
	case opRegisterOwner:
		e.Body, err = answer.OwnerAccount(body)
	case opRides:
		e.Body, err = answer.Rides(body)
	case opNearbyChairs:
		e.Body, err = answer.NearbyChairs(body)
	case opEstimateFare:
		e.Body, err = answer.Estimate(body)
	case opCreateRide:
		e.Body, err = answer.CreatedRide(body)
	case opOwnerChairs:
		e.Body, err = answer.OwnerChairs(body)
	case opSales:
		e.Body, err = answer.Sales(body)
	}
	return e, err
}

// visitNext goes on to the next file of a page, or ends the visit.
func (c *call) visitNext() {
	if len(c.files) == 0 {
		c.finish(world.Event{})
		return
	}
	c.request = h1.Request{Target: c.files[0]}
	c.files = c.files[1:]
	c.ask()
}

// visited checks the content of a file of the page.
func (c *call) visited(status int, sum Sum) {
	if want := c.entity.shard.engine.config.Static.Sums[c.request.Target]; sum != want {
		err := fmt.Errorf("%w: %s has MD5 %x, listed is %x", errContent, c.request.Target, sum, want)
		c.finish(world.Event{Failure: &world.Failure{Kind: world.FailureContent, Status: status, Detail: err.Error()}})
		return
	}
	c.visitNext()
}
