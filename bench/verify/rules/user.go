package rules

import (
	"net/http"
	"sync/atomic"

	"isuride/bench/verify/probe"
)

// A user is an account that requests rides.
type user struct {
	probe.Account
	t           *trial
	id, code    string // code: its own invitation code
	first, last string
	registered  *probe.Answer
	wallet      *probe.Wallet // nil until it has a payment token
	rides       atomic.Int32  // requested, perhaps several at once
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

// register registers a user and may be refused.
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

// there reports whether the registration led to a session.
func (u *user) there() bool { return u.registered.Fine() && u.Token != "" }

// addPayment registers a token that the gateway knows.
func (u *user) addPayment() *probe.Answer {
	u.wallet = u.t.gateway.Open(u.t.name("token"))
	return u.Post(probe.PaymentPath, map[string]string{"token": u.wallet.Token})
}

func users() Scenario {
	return Scenario{
		name: "users",
		rules: []rule{
			{"user-created", "S4.2", B, "POST /api/app/users answers 201 with id and invitation_code"},
			{"user-code-empty", "S4.2", M, "an empty invitation_code is the same as none"},
			{"invitation-accepted", "S4.2", B, "a registration with somebody's code is accepted"},
			{"ids-fit", "S1.3", R, "ids have at most 26 characters"},
		},
		play: func(t *trial) {
			u := t.register(t.userForm(""))
			t.answersWith("user-created", u.registered, http.StatusCreated, probe.UserAnswer())
			t.check("ids-fit", len(u.id) <= 26, "an id is "+u.id, u.registered)
			t.need(u.there(), "a user could not be registered", u.registered)
			f := t.userFieldsWithout("")
			f["invitation_code"] = ""
			w := t.Anonymous().Post(probe.UsersPath, f)
			t.check("user-code-empty", w.Fine(), w.Summary(), w)
			w = t.register(t.userForm(u.code)).registered
			t.check("invitation-accepted", w.Fine(), w.Summary(), u.registered, w)
		},
	}
}

func wrongUsers() Scenario {
	return Scenario{
		name: "wrong users",
		rules: []rule{
			{"user-field-missing", "S4.2", M, "a missing username, firstname, lastname or date_of_birth answers 400"},
			{"user-field-empty", "S4.2", M, "an empty one answers 400, too"},
			{"user-unique", "S4.2", M, "a username is given once"},
			{"user-duplicate-4xx", "S4.2", A, "a username that is taken answers 4xx, not 5xx"},
		},
		play: func(t *trial) {
			for _, field := range []string{"username", "firstname", "lastname", "date_of_birth"} {
				t.refuses("user-field-missing", t.Anonymous().Post(probe.UsersPath, t.userFieldsWithout(field)), http.StatusBadRequest)
				empty := t.userFieldsWithout("")
				empty[field] = ""
				t.refuses("user-field-empty", t.Anonymous().Post(probe.UsersPath, empty), http.StatusBadRequest)
			}
			form := t.userForm("")
			w := t.signUp(form).registered
			again := t.register(form).registered
			t.check("user-unique", again.Status >= 400, again.Summary(), w, again)
			t.check("user-duplicate-4xx", again.Refused(), again.Summary(), w, again)
		},
	}
}

// userFieldsWithout is a registration that lacks one field.
func (t *trial) userFieldsWithout(field string) map[string]string {
	f := t.userForm("")
	all := map[string]string{"username": f.Username, "firstname": f.First, "lastname": f.Last, "date_of_birth": f.BirthDate}
	delete(all, field)
	return all
}

func invitations() Scenario {
	return Scenario{
		name: "invitations",
		rules: []rule{
			{"invitation-unknown", "S4.2", M, "an unknown code answers 400"},
			{"invitation-unknown-clean", "S4.2", M, "nothing remains of the refused registration: the name is free"},
			{"invitation-limit", "S4.2", M, "a code is good for three registrations, a fourth answers 400"},
			{"invitation-limit-clean", "S4.2", M, "nothing remains of the fourth: the name is free"},
			{"invitation-race", "S4.2", M, "of six registrations at once with one code exactly three succeed"},
		},
		play: func(t *trial) {
			t.checkInvitations(t.newUser(""))
			t.invitationRace(t.newUser(""))
		},
	}
}

func (t *trial) checkInvitations(inviter *user) {
	form := t.userForm("no-such-code")
	t.refuses("invitation-unknown", t.Anonymous().Post(probe.UsersPath, form), http.StatusBadRequest)
	t.nameIsFree("invitation-unknown-clean", form)
	for range 3 {
		t.newUser(inviter.code)
	}
	form = t.userForm(inviter.code)
	t.refuses("invitation-limit", t.Anonymous().Post(probe.UsersPath, form), http.StatusBadRequest)
	t.nameIsFree("invitation-limit-clean", form)
}

// nameIsFree registers with a name whose registration was refused.
func (t *trial) nameIsFree(id string, form userForm) {
	form.Code = ""
	w := t.Anonymous().Post(probe.UsersPath, form)
	t.check(id, w.Fine(), w.Summary(), w)
}

func (t *trial) invitationRace(inviter *user) {
	forms := make([]userForm, 6)
	for i := range forms {
		forms[i] = t.userForm(inviter.code)
	}
	all := together(len(forms), func(i int) *probe.Answer { return t.Anonymous().Post(probe.UsersPath, forms[i]) })
	won := count(all, (*probe.Answer).Fine)
	t.check("invitation-race", won == 3, words("%d of %d succeeded", won, len(all)), shownAll(all)...)
}

func paymentMethods() Scenario {
	return Scenario{
		name: "payment methods",
		rules: []rule{
			{"payment-method-answer", "S4.3", B, "POST /api/app/payment-methods answers 204"},
		},
		play: func(t *trial) {
			t.answersWith("payment-method-answer", t.newUser("").addPayment(), http.StatusNoContent, nil)
		},
	}
}

func wrongTokens() Scenario {
	return Scenario{
		name: "wrong payment tokens",
		rules: []rule{
			{"payment-method-token", "S4.3", M, "a missing or empty token answers 400"},
			{"payment-method-again", "S4.3", A, "a repetition is accepted, since clients repeat after a lost answer"},
		},
		play: func(t *trial) {
			u := t.newUser("")
			for _, body := range []string{`{}`, `{"token":""}`} {
				t.refuses("payment-method-token", u.Post(probe.PaymentPath, body), http.StatusBadRequest)
			}
			w := u.addPayment()
			again := u.Post(probe.PaymentPath, map[string]string{"token": u.wallet.Token})
			t.check("payment-method-again", again.Fine(), again.Summary(), w, again)
		},
	}
}
