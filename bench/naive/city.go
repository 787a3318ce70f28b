package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// server is the whole city. Settings aside, mu guards everything, entities included.
type server struct {
	policy  string
	limit   int // matches a round
	delay   time.Duration
	polling bool

	mu           sync.Mutex
	payment      string           // URL of the gateway
	ids          int              // given so far
	users        map[string]*user // by access token, like owners and chairs
	owners       map[string]*owner
	chairs       map[string]*chair
	rides        map[string]*ride  // by ID
	byInvitation map[string]*user  // by invitation code
	byRegister   map[string]*owner // by the token that chairs register with
	fleet        []*chair          // in order of registration
	waiting      []*ride           // the oldest first
	counts       map[string]int    // of requests, by pattern
}

func newServer() *server {
	return &server{
		users: map[string]*user{}, owners: map[string]*owner{}, chairs: map[string]*chair{}, rides: map[string]*ride{},
		byInvitation: map[string]*user{}, byRegister: map[string]*owner{}, counts: map[string]int{},
	}
}

// newID is called with mu held.
func (s *server) newID() string {
	s.ids++
	return fmt.Sprintf("ID%012d%06d", s.ids, rand.IntN(1000000))
}

func now() int64 { return time.Now().UnixMilli() }

// coordinate has methods for JSON where tags would do: they are part of the cost that stored
// ratios rest on.
type coordinate struct{ Latitude, Longitude int }

func (c coordinate) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"latitude":%d,"longitude":%d}`, c.Latitude, c.Longitude), nil
}

func (c *coordinate) UnmarshalJSON(b []byte) error {
	var t struct {
		Latitude  int `json:"latitude"`
		Longitude int `json:"longitude"`
	}
	err := json.Unmarshal(b, &t)
	c.Latitude, c.Longitude = t.Latitude, t.Longitude
	return err
}

func (c coordinate) distance(to coordinate) int {
	north, east := c.Latitude-to.Latitude, c.Longitude-to.Longitude
	return max(north, -north) + max(east, -east)
}

type user struct {
	id, firstname, lastname, invitation, card string
	coupons                                   []int // unused ones, the next first
	invited                                   int
	rides                                     []*ride
	ride                                      *ride // not yet evaluated
	stream                                    stream
}

type owner struct {
	id, name string
	chairs   []*chair
}

type chair struct {
	id, name, model string
	owner           *owner
	speed           int
	registered      int64

	active     bool
	positioned bool
	at         coordinate
	driven     int
	updated    int64

	ride           *ride // not yet evaluated
	freeFrom       time.Time
	rides, ratings int // completed ones, and the sum of their evaluations
	stream         stream
}

// free says whether the chair may be listed: at least 60 ms after the last evaluation.
func (c *chair) free(at time.Time) bool {
	return c.active && c.positioned && c.ride == nil && at.After(c.freeFrom)
}

type ride struct {
	id                 string
	user               *user
	chair              *chair // nil while waiting
	pickup, to         coordinate
	discount           int
	status             string
	evaluation         int
	created, completed int64
}

func (r *ride) fare() int  { return 500 + max(100*r.pickup.distance(r.to)-r.discount, 0) }
func (r *ride) sales() int { return 500 + 100*r.pickup.distance(r.to) }

func (r *ride) set(status string) {
	r.status = status
	r.notifyUser()
	r.notifyChair()
}

func (r *ride) notifyUser() {
	with := ""
	if c := r.chair; c != nil {
		average := 0.0
		if c.rides > 0 {
			average = float64(c.ratings) / float64(c.rides)
		}
		with = fmt.Sprintf(`,"chair":{"id":%q,"name":%q,"model":%q,"stats":{"total_rides_count":%d,"total_evaluation_avg":%v}}`, c.id, c.name, c.model, c.rides, average)
	}
	pickup, _ := json.Marshal(r.pickup)
	to, _ := json.Marshal(r.to)
	r.user.stream.push(fmt.Sprintf(`{"ride_id":%q,"pickup_coordinate":%s,"destination_coordinate":%s,"fare":%d,"status":%q%s,"created_at":%d,"updated_at":%d}`,
		r.id, pickup, to, r.fare(), r.status, with, r.created, r.created))
}

func (r *ride) notifyChair() {
	pickup, _ := json.Marshal(r.pickup)
	to, _ := json.Marshal(r.to)
	r.chair.stream.push(fmt.Sprintf(`{"ride_id":%q,"user":{"id":%q,"name":%q},"pickup_coordinate":%s,"destination_coordinate":%s,"status":%q}`,
		r.id, r.user.id, r.user.firstname+" "+r.user.lastname, pickup, to, r.status))
}
