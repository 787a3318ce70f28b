package rules

import (
	"context"
	"net/http"
	"sync"
	"time"

	"isuride/bench/verify/probe"
)

// initialization resets the server twice, the second time while a chair of the first run
// is at work.
func initialization() Scenario {
	return Scenario{
		name:  "initialize",
		limit: 3 * probe.InitializeLimit,
		rules: []rule{
			{"initialize-answer", "S4.1", B, "POST /api/initialize answers 200 within 30 s, with the string language"},
			{"initialize-usable", "S4.1", B, "the state is usable as soon as initialize has answered"},
			{"initialize-again", "S9.1", B, "a second initialize, while a chair reports positions, answers 200 within 30 s"},
			{"initialize-forgets-sessions", "S9.1", M, "sessions of before answer 401 afterwards"},
			{"initialize-forgets-chairs", "S9.1", B, "chairs of before are not listed afterwards"},
		},
		play: func(t *trial) {
			w := t.initialize()
			t.answersWith("initialize-answer", w, http.StatusOK, probe.InitializeAnswer())
			u := t.register(t.userForm(""))
			t.check("initialize-usable", u.there(), u.registered.Summary(), w, u.registered)
			usable := u.there() || t.eventually(func() bool { u = t.register(t.userForm("")); return u.there() })
			t.need(usable, "a user could not be registered", u.registered)
			c := t.owner().working(slowModel, probe.At(0, 0))
			t.answersWith("initialize-again", t.initializeUnder(c), http.StatusOK, probe.Anything)
			t.initializeForgets(u, c)
		},
	}
}

func (t *trial) initialize() *probe.Answer {
	return t.Anonymous().Post(probe.InitializePath, map[string]string{"payment_server": t.gateway.URL})
}

// initializeUnder initializes while the chair reports as often as the benchmarker's do.
func (t *trial) initializeUnder(c *chair) *probe.Answer {
	ctx, cancel := context.WithCancel(t.Context)
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			c.Call(ctx, http.MethodPost, probe.PositionPath, probe.At(1, 1))
			select {
			case <-time.After(tick):
			case <-ctx.Done():
			}
		}
	})
	w := t.initialize()
	cancel()
	wg.Wait()
	return w
}

func (t *trial) initializeForgets(u *user, c *chair) {
	for _, w := range []*probe.Answer{u.Get(probe.RidesPath), c.Post(probe.PositionPath, probe.At(2, 2)), c.owner.Get(probe.FleetPath)} {
		t.refuses("initialize-forgets-sessions", w, http.StatusUnauthorized)
	}
	n := t.newUser("").nearby(probe.At(0, 0), everywhere)
	t.need(n.Fine(), "nearby chairs could not be listed", n)
	t.check("initialize-forgets-chairs", n.find(c.id) == nil, "chair "+c.id+" is still listed", n)
}

// wrongInitialization comes last: a server that accepts it has lost the gateway's
// address.
func wrongInitialization() Scenario {
	return Scenario{
		name: "wrong initialize",
		rules: []rule{
			{"initialize-malformed", "S4.1", R, "POST /api/initialize with malformed JSON answers 400"},
		},
		play: func(t *trial) {
			t.refuses("initialize-malformed", t.Anonymous().Post(probe.InitializePath, `{"payment_server":`), http.StatusBadRequest)
		},
	}
}
