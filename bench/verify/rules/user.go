package rules

import (
	"encoding/json"
	"strconv"
	"sync/atomic"

	"isuride/bench/verify/probe"
)

// everywhere is a distance that covers the whole city.
const everywhere = 1_000_000

// A user is an account that requests rides.
type user struct {
	probe.Account
	t           *trial
	id, code    string // code: its own invitation code
	first, last string
	registered  *probe.Answer
	wallet      *probe.Wallet // nil until it has a payment token
	rides       atomic.Int32  // requested, also several at once
}

// userForm is the body of a registration.
type userForm struct {
	Username  string `json:"username"`
	First     string `json:"firstname"`
	Last      string `json:"lastname"`
	BirthDate string `json:"date_of_birth"`
	Code      string `json:"invitation_code,omitempty"`
}

func (t *trial) userForm(code string) userForm {
	return userForm{Username: t.name("u"), First: "Ann", Last: t.name("Lee"), BirthDate: "2000-02-29", Code: code}
}

// newUser registers a user without a payment token, invited if there is a code.
func (t *trial) newUser(code string) *user { return t.signUp(t.userForm(code)) }

// payingUser registers a user who can be charged.
func (t *trial) payingUser(code string) *user {
	u := t.newUser(code)
	w := u.addPayment()
	t.need(w.Fine(), "a user could not register a payment token", w)
	return u
}

func (t *trial) signUp(form userForm) *user {
	u := t.register(form)
	t.need(u.there(), "a user could not be registered", u.registered)
	return u
}

// register tries to.
func (t *trial) register(form userForm) *user {
	w := t.Anonymous().Post(probe.UsersPath, form)
	var b struct {
		ID   string `json:"id"`
		Code string `json:"invitation_code"`
	}
	w.Decode(&b)
	return &user{
		t:       t,
		Account: t.Account(probe.UserCookie, w.Issued(probe.UserCookie)),
		id:      b.ID, code: b.Code, first: form.First, last: form.Last, registered: w,
	}
}

// there says that a registration led to a session.
func (u *user) there() bool { return u.registered.Fine() && u.Token != "" }

// addPayment registers a token that the gateway knows.
func (u *user) addPayment() *probe.Answer {
	u.wallet = u.t.gateway.Open(u.t.name("token"))
	return u.Post(probe.PaymentPath, map[string]string{"token": u.wallet.Token})
}

// trip is the body of a ride request and of an estimate.
type trip struct {
	From probe.Point `json:"pickup_coordinate"`
	To   probe.Point `json:"destination_coordinate"`
}

func (u *user) estimate(from, to probe.Point) quote {
	w := u.Post(probe.EstimatePath, trip{from, to})
	q := quote{Answer: w}
	w.Decode(&q)
	return q
}

// A quote is an estimate's answer.
type quote struct {
	*probe.Answer `json:"-"`
	Fare          int `json:"fare"`
	Discount      int `json:"discount"`
}

// discounted says whether a quote is what a coupon of a certain discount makes of a trip.
func (q quote) discounted(from, to probe.Point, discount int) bool {
	want := fare(from, to, discount)
	return q.Fine() && q.Fare == want && q.Discount == fare(from, to, 0)-want
}

func (u *user) history() history {
	w := u.Get(probe.RidesPath)
	h := history{Answer: w}
	w.Decode(&h)
	return h
}

// A history is the answer of GET /api/app/rides.
type history struct {
	*probe.Answer `json:"-"`
	Rides         []pastRide `json:"rides"`
}

type pastRide struct {
	ID    string      `json:"id"`
	From  probe.Point `json:"pickup_coordinate"`
	To    probe.Point `json:"destination_coordinate"`
	Fare  int         `json:"fare"`
	Chair struct {
		ID    string `json:"id"`
		Owner string `json:"owner"`
		Name  string `json:"name"`
		Model string `json:"model"`
	} `json:"chair"`
	Evaluation  int   `json:"evaluation"`
	RequestedAt int64 `json:"requested_at"`
	CompletedAt int64 `json:"completed_at"`
}

func (h history) find(id string) *pastRide {
	for i := range h.Rides {
		if h.Rides[i].ID == id {
			return &h.Rides[i]
		}
	}
	return nil
}

// nearby asks for chairs within a distance; a negative one leaves the parameter out.
func (u *user) nearby(at probe.Point, distance int) nearbyChairs {
	path := probe.NearbyPath + "?latitude=" + strconv.Itoa(at.Latitude) + "&longitude=" + strconv.Itoa(at.Longitude)
	if distance >= 0 {
		path += "&distance=" + strconv.Itoa(distance)
	}
	return nearbyChairs{Answer: u.Get(path), t: u.t}
}

// nearbyChairs is the answer of GET /api/app/nearby-chairs.
type nearbyChairs struct {
	*probe.Answer
	t *trial
}

type listedChair struct {
	ID    string      `json:"id"`
	Name  string      `json:"name"`
	Model string      `json:"model"`
	At    probe.Point `json:"current_coordinate"`
}

// chairs leaves out those that were there before the run.
func (n nearbyChairs) chairs() []listedChair {
	var b struct {
		Chairs []json.RawMessage `json:"chairs"`
	}
	n.Decode(&b)
	var all []listedChair
	for _, raw := range b.Chairs {
		var c listedChair
		_ = json.Unmarshal(raw, &c) // what is wrong with it is judged by its shape
		if !n.t.foreign[c.ID] {
			all = append(all, c)
		}
	}
	return all
}

// find is nil if a chair is not listed.
func (n nearbyChairs) find(id string) *listedChair {
	for _, c := range n.chairs() {
		if c.ID == id {
			return &c
		}
	}
	return nil
}
