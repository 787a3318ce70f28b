package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// Charge is one registered payment. Status is the text GET shows for it.
type Charge struct {
	Token  string
	Key    string // Idempotency-Key; empty without one
	Amount int
	Status string
	At     time.Time
}

// The status texts of the contest's gateway (B11.1).
const (
	StatusSuccess   = "成功"
	StatusBadAmount = "決済額が不正"
	StatusBadToken  = "決済トークンが無効"
)

const maxBody = 64 << 10 // bytes; a payment has some twenty

// list answers GET /payments: the payments of the bearer's token in processing order, as
// objects with amount and status. Unlike the contest machines' stand-in (S8.4), whose
// list is always empty, it shows what it registered.
func (g *Gateway) list(w http.ResponseWriter, r *http.Request) {
	time.Sleep(g.opts.ListLatency)
	token, err := bearer(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	type item struct {
		Amount int    `json:"amount"`
		Status string `json:"status"`
	}
	items := []item{}
	for _, c := range g.ByToken(token) {
		items = append(items, item{c.Amount, c.Status})
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	json.NewEncoder(w).Encode(items) // an error means that the client has left
}

// post answers POST /payments.
func (g *Gateway) post(w http.ResponseWriter, r *http.Request) {
	p := &payment{g: g, w: w, r: r, key: r.Header.Get("Idempotency-Key")}
	status := p.serve()
	if g.opts.Log != nil {
		g.opts.Log.Info("payment", "token", p.token, "key", p.key, "amount", p.amount,
			"status", status, "registered", p.registered)
	}
	if status == 0 {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
}

// payment is one POST on its way through the steps of B11.2. One difference: a record is
// held from the first step on, not only while it is registered, so that any overlap of
// two requests with one key is answered 409 (S8.1) and counted.
type payment struct {
	g *Gateway
	w http.ResponseWriter
	r *http.Request

	key        string
	token      string
	amount     int
	registered bool // by this request
}

// serve returns the status it answered with, or 0 if the client must get no answer.
func (p *payment) serve() int {
	rec, created, refusal := p.g.open(p.key)
	if refusal != 0 {
		return refuse(p.w, refusal, http.StatusText(refusal))
	}
	defer p.g.release(rec)
	if err := p.parse(); err != nil {
		return refuse(p.w, http.StatusBadRequest, err.Error())
	}
	if created {
		rec.token, rec.amount = p.token, p.amount
	}
	if rec.token != p.token || rec.amount != p.amount {
		return refuse(p.w, http.StatusUnprocessableEntity, "this Idempotency-Key was used for another payment")
	}
	time.Sleep(p.g.opts.Latency) // goes on when the client leaves, as in the contest
	fault, errorStatus, verdict := p.register(rec)
	if fault != FaultNone {
		return fault.spoil(p.w, p.r, errorStatus)
	}
	if verdict != StatusSuccess {
		return refuse(p.w, http.StatusBadRequest, verdict)
	}
	p.w.WriteHeader(http.StatusNoContent)
	return http.StatusNoContent
}

// parse reads token and amount.
func (p *payment) parse() (err error) {
	if p.token, err = bearer(p.r); err != nil {
		return err
	}
	var body struct {
		Amount *int `json:"amount"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(p.w, p.r.Body, maxBody)).Decode(&body); err != nil {
		return err
	}
	if body.Amount == nil {
		return errors.New("amount is missing")
	}
	p.amount = *body.Amount
	return nil
}

// register decides the outcome of the request and registers the payment, unless the
// outcome forbids it or an earlier request with the key has done so.
func (p *payment) register(rec *record) (fault Fault, errorStatus int, verdict string) {
	g, now := p.g, time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	fault, errorStatus = g.drawLocked(p.token, now), g.odds.errorStatus()
	if fault.registers() && rec.verdict == "" {
		rec.verdict = g.verifyLocked(p.token, p.amount)
		g.charges = append(g.charges, Charge{Token: p.token, Key: p.key, Amount: p.amount, Status: rec.verdict, At: now})
		g.odds.registered(now)
		p.registered = true
	}
	return fault, errorStatus, rec.verdict
}

// drawLocked takes the next injected fault, or else draws one.
func (g *Gateway) drawLocked(token string, now time.Time) Fault {
	if len(g.injected) > 0 {
		fault := g.injected[0]
		g.injected = g.injected[1:]
		return fault
	}
	if fault := g.odds.byRate(); fault != FaultNone {
		return fault
	}
	if g.opts.FailByLoad {
		return g.odds.byLoad(token, now)
	}
	return FaultNone
}

func (g *Gateway) verifyLocked(token string, amount int) string {
	switch {
	case g.tokens != nil && !g.tokens[token]:
		return StatusBadToken
	case amount <= 0:
		return StatusBadAmount
	}
	return StatusSuccess
}

func bearer(r *http.Request) (string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return "", errors.New("the Authorization header must be: Bearer <token>")
	}
	return token, nil
}

// refuse answers with an error object and returns the status.
func refuse(w http.ResponseWriter, status int, message string) int {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message}) // an error means that the client has left
	return status
}
