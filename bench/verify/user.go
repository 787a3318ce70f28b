package verify

import (
	"encoding/json"
	"strconv"
	"sync/atomic"
)

// everywhere is a distance that covers the whole city.
const everywhere = 1_000_000

// A user is an account that requests rides.
type user struct {
	account
	t           *trial
	id, code    string // code: its own invitation code
	first, last string
	registered  *answer
	wallet      *wallet      // nil until it has a payment token
	rides       atomic.Int32 // requested, also several at once
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
	t.need(w.fine(), "a user could not register a payment token", w)
	return u
}

func (t *trial) signUp(form userForm) *user {
	u := t.register(form)
	t.need(u.there(), "a user could not be registered", u.registered)
	return u
}

// register tries to.
func (t *trial) register(form userForm) *user {
	w := t.anonymous().post(usersPath, form)
	var b struct {
		ID   string `json:"id"`
		Code string `json:"invitation_code"`
	}
	w.decode(&b)
	return &user{
		t:       t,
		account: t.account(userCookie, w.issued(userCookie)),
		id:      b.ID, code: b.Code, first: form.First, last: form.Last, registered: w,
	}
}

// there says that a registration led to a session.
func (u *user) there() bool { return u.registered.fine() && u.token != "" }

// addPayment registers a token that the gateway knows.
func (u *user) addPayment() *answer {
	u.wallet = u.t.gateway.open(u.t.name("token"))
	return u.post(paymentPath, map[string]string{"token": u.wallet.token})
}

// trip is the body of a ride request and of an estimate.
type trip struct {
	From point `json:"pickup_coordinate"`
	To   point `json:"destination_coordinate"`
}

func (u *user) estimate(from, to point) quote {
	w := u.post(estimatePath, trip{from, to})
	q := quote{answer: w}
	w.decode(&q)
	return q
}

// A quote is an estimate's answer.
type quote struct {
	*answer  `json:"-"`
	Fare     int `json:"fare"`
	Discount int `json:"discount"`
}

// discounted says whether a quote is what a coupon of a certain discount makes of a trip.
func (q quote) discounted(from, to point, discount int) bool {
	want := fare(from, to, discount)
	return q.fine() && q.Fare == want && q.Discount == fare(from, to, 0)-want
}

func (u *user) history() history {
	w := u.get(ridesPath)
	h := history{answer: w}
	w.decode(&h)
	return h
}

// A history is the answer of GET /api/app/rides.
type history struct {
	*answer `json:"-"`
	Rides   []pastRide `json:"rides"`
}

type pastRide struct {
	ID    string `json:"id"`
	From  point  `json:"pickup_coordinate"`
	To    point  `json:"destination_coordinate"`
	Fare  int    `json:"fare"`
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
func (u *user) nearby(at point, distance int) nearbyChairs {
	path := nearbyPath + "?latitude=" + strconv.Itoa(at.Latitude) + "&longitude=" + strconv.Itoa(at.Longitude)
	if distance >= 0 {
		path += "&distance=" + strconv.Itoa(distance)
	}
	return nearbyChairs{answer: u.get(path), t: u.t}
}

// nearbyChairs is the answer of GET /api/app/nearby-chairs.
type nearbyChairs struct {
	*answer
	t *trial
}

type listedChair struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Model string `json:"model"`
	At    point  `json:"current_coordinate"`
}

// chairs leaves out those that were there before the run.
func (n nearbyChairs) chairs() []listedChair {
	var b struct {
		Chairs []json.RawMessage `json:"chairs"`
	}
	n.decode(&b)
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
