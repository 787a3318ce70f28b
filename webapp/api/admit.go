package api

import (
	"strconv"

	"isuride/webapp/admission"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/state"
)

// caller is who makes a call, as far as that can be told without a lock.
type caller struct {
	call
	session uint64 // see admission.Gate
	user    *state.User
	chair   *state.Chair
}

func (c caller) busy() bool    { return c.chair.Busy() }
func (c caller) hasRide() bool { return c.gen.Store.HasRide(c.user, c.rideID) }

// Admit is the Admit option of the HTTP server: it refuses what the gate wants refused.
//
// Fast path: nothing is wrong. It is one atomic load then.
func (a *API) Admit(ctx *httpd.Ctx) bool {
	return !a.opt.Gate.Pressed() || a.admit(ctx)
}

func (a *API) admit(ctx *httpd.Ctx) bool {
	e, c := a.asked(ctx)
	if c.gen == nil {
		return true // the server that leads decides
	}
	ctx.SetTag(e)
	class := e.duty.class
	switch known := a.identify(&c, e.duty.by); {
	case !known:
		class = admission.C
	case e.duty.concerns != nil && !e.duty.concerns(c):
		class = admission.B
	}
	return a.decide(c, admission.Request{Class: class, Session: c.session, Writes: e.duty.writes, Waited: ctx.Waited()})
}

// asked finds the endpoint of a request. What is none counts among the files.
func (a *API) asked(ctx *httpd.Ctx) (*endpoint, caller) {
	r, rideID, _ := a.find(ctx.Path())
	c := caller{call: call{Ctx: ctx, gen: a.engine.Current(), rideID: rideID}}
	if e, ok := r.endpoints[string(ctx.Method())]; ok {
		return e, c
	}
	return a.static, c
}

// identify finds out whose request it is. It reports false if it needs a session and has none
// that is known.
func (a *API) identify(c *caller, cookie string) (known bool) {
	if cookie == anySession {
		who, err := a.caller(c.call)
		c.session = a.opt.Gate.Connection(c.Serial())
		return err == nil && (who.pointer() != nil || who.operator)
	}
	token := c.token(cookie)
	switch cookie {
	case userSession:
		c.user, known = c.gen.Store.UserByToken(token)
	case ownerSession:
		_, known = c.gen.Store.OwnerByToken(token)
	case chairSession:
		c.chair, known = c.gen.Store.ChairByToken(token)
	default:
		c.session = a.opt.Gate.Connection(c.Serial())
		return true
	}
	if known {
		c.session = a.opt.Gate.Session(token)
	} else {
		c.session = a.opt.Gate.Connection(c.Serial())
	}
	return known
}

// decide asks the gate and fills in the refusal.
func (a *API) decide(c caller, r admission.Request) bool {
	why := a.opt.Gate.Decide(r)
	switch why {
	case admission.Admitted:
		return true
	case admission.Stale:
		c.Drop()
	default:
		a.refused[why][a.opt.Gate.RetryAfter(r.Session)].answer(c.Ctx)
	}
	return false
}

// admitSwitchingOn is for a chair that would begin to work: only the body tells it from one that ends.
func (a *API) admitSwitchingOn(c call) bool {
	return !a.opt.Gate.Pressed() || a.decide(caller{call: c}, admission.Request{
		Class: admission.B, Session: a.opt.Gate.Session(c.token(chairSession)), Writes: true})
}

// admitTable is for a subscription to tables over a connection that is there.
func (a *API) admitTable(connection uint64) bool {
	g := a.opt.Gate
	return !g.Pressed() || g.Decide(admission.Request{Class: admission.C, Session: g.Connection(connection)}) == admission.Admitted
}

// refusal is an answer that was made beforehand.
type refusal struct {
	status int
	head   string
	body   []byte
}

func (r *refusal) answer(ctx *httpd.Ctx) {
	ctx.SetStatus(r.status)
	ctx.SetHead(r.head)
	ctx.SetSharedBody(r.body)
}

// longestRetry is the largest number that admission.Gate.RetryAfter returns.
const longestRetry = 3

func refusals() map[admission.Reason][]refusal {
	m := map[admission.Reason][]refusal{}
	for why, of := range map[admission.Reason]struct {
		status int
		says   string
	}{
		admission.Wait:    {503, "the server is busy"},
		admission.Backlog: {503, "the database is too far behind"},
		admission.Rate:    {429, "this session sends too many requests while the server is busy"},
	} {
		for seconds := range longestRetry + 1 {
			after := strconv.Itoa(seconds)
			m[why] = append(m[why], refusal{of.status, jsonHead + "Retry-After: " + after + "\r\n",
				[]byte(`{"message":"` + of.says + "; try again in " + after + ` s"}`)})
		}
	}
	return m
}
