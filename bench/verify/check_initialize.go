package verify

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// initialization resets the server twice, the second time while a chair of the first run is at work.
func initialization() Scenario {
	return Scenario{
		name:  "initialize",
		limit: 3 * initializeLimit,
		rules: []rule{
			{"initialize-answer", "S4.1", B, "POST /api/initialize answers 200 within 30 s, with the string language"},
			{"initialize-usable", "S4.1", B, "the state is usable as soon as initialize has answered"},
			{"initialize-again", "S9.1", B, "a second initialize, while a chair reports positions, answers 200 within 30 s"},
			{"initialize-forgets-sessions", "S9.1", M, "sessions of before answer 401 afterwards"},
			{"initialize-forgets-chairs", "S9.1", B, "chairs of before are not listed afterwards"},
		},
		play: func(t *trial) {
			w := t.initialize()
			t.answersWith("initialize-answer", w, http.StatusOK, initialized)
			u := t.register(t.userForm(""))
			t.check("initialize-usable", u.there(), u.registered.summary(), w, u.registered)
			usable := u.there() || t.eventually(func() bool { u = t.register(t.userForm("")); return u.there() })
			t.need(usable, "a user could not be registered", u.registered)
			c := t.owner().working(slowModel, pointAt(0, 0))
			t.answersWith("initialize-again", t.initializeUnder(c), http.StatusOK, anything)
			t.initializeForgets(u, c)
		},
	}
}

func (t *trial) initialize() *answer {
	return t.anonymous().post(initializePath, map[string]string{"payment_server": t.gateway.url})
}

// initializeUnder initializes while the chair reports as often as the benchmarker's chairs do.
func (t *trial) initializeUnder(c *chair) *answer {
	ctx, cancel := context.WithCancel(t.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			c.call(ctx, http.MethodPost, positionPath, pointAt(1, 1))
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
	for _, w := range []*answer{u.get(ridesPath), c.post(positionPath, pointAt(2, 2)), c.owner.get(fleetPath)} {
		t.refuses("initialize-forgets-sessions", w, http.StatusUnauthorized)
	}
	n := t.newUser("").nearby(pointAt(0, 0), everywhere)
	t.need(n.fine(), "nearby chairs could not be listed", n)
	t.check("initialize-forgets-chairs", n.find(c.id) == nil, "chair "+c.id+" is still listed", n)
}

// wrongInitialization comes last: a server that takes it has lost the gateway's address.
func wrongInitialization() Scenario {
	return Scenario{
		name: "wrong initialize",
		rules: []rule{
			{"initialize-malformed", "S4.1", R, "POST /api/initialize with malformed JSON answers 400"},
		},
		play: func(t *trial) {
			t.refuses("initialize-malformed", t.anonymous().post(initializePath, `{"payment_server":`), http.StatusBadRequest)
		},
	}
}
