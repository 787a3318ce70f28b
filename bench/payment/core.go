// Package payment is the external payment service that the server under test has to call
// (B11): unreliable on purpose, with idempotency keys, and the place where wrong payments
// are noticed.
//
// Core holds all its rules. It is pure: callers pass the time and wait the 30 ms of a
// payment between Begin and Finish. Only the goroutine that owns the World, whose
// VerifyPayment it asks, may use it. Left to others are HTTP (the service in this
// package) and waiting (the drivers).
package payment

import (
	"math/rand/v2"
	"net/http"

	"isuride/bench/world"
)

// Durations of the service (B11.1, B11.2).
const (
	PostDelay = 30 * world.Millisecond  // between Begin and Finish of a payment
	ListDelay = 300 * world.Millisecond // before a list of payments is answered
)

// The more payments in the last recentPeriod, the more failures, up to maxFailure
// percent.
const (
	recentPeriod = 3 * world.Second
	maxFailure   = 50
)

// forcedSuccess is the count of a token's requests from which both gates are open (B11.2,
// step 7). A new token starts at -1, one that succeeded at 0, so the sixth request at the
// latest succeeds, and later the fifth.
const forcedSuccess = 4

// A Verifier knows the users and their rides.
type Verifier interface {
	// VerifyPayment judges a payment that has just been processed. It returns false if
	// the token is unknown.
	VerifyPayment(now world.Instant, token string, amount int) (known bool)
}

// A Result is the state of a payment.
type Result uint8

// The states of a payment.
const (
	Processing Result = iota // not verified yet
	Success
	BadToken
)

// String is the text in the list of payments. (There is one for wrong amounts too, but
// the official condition for it can never be true; B11.4.)
func (r Result) String() string {
	return [...]string{"決済処理中", "成功", "決済トークンが無効"}[r]
}

// A Request is a POST /payments, as far as it could be read.
type Request struct {
	Key       string // Idempotency-Key; empty if there is none
	Token     string // of the Authorization header
	HasToken  bool
	Amount    int
	HasAmount bool
}

// A Payment is one that was processed.
type Payment struct {
	Amount int
	Result Result
}

// A record is kept under an idempotency key.
type record struct {
	token     string
	amount    int
	result    Result
	processed bool
}

// An Attempt is a payment that waits for PostDelay to pass.
type Attempt struct {
	record  *record
	created bool // this request created the record
}

// tokenState is kept for each token.
type tokenState struct {
	count    int // of requests since the last success, see forcedSuccess
	payments []*record
}

// Core is the state of the service.
type Core struct {
	verifier Verifier
	random   *rand.Rand
	keys     map[string]*record
	tokens   map[string]*tokenState
	recent   []world.Instant // of processed payments, oldest first
	closed   bool
}

// New returns a service without payments. Its decisions depend on the seed and the order
// of requests.
func New(seed uint64, verifier Verifier) *Core {
	return &Core{
		verifier: verifier,
		random:   rand.New(rand.NewPCG(seed, 0x7061796d656e74)),
		keys:     map[string]*record{},
		tokens:   map[string]*tokenState{},
	}
}

// Close makes every later request fail with 503 (B1.8). Attempts that have
// begun may finish.
func (c *Core) Close() { c.closed = true }

// Begin accepts a payment. It returns the status to answer with at once, or 0 and an
// attempt, with which Finish must be called after PostDelay.
//
// Quirk: a key is remembered even if the rest of its first request is unreadable, so it
// can never be used again.
func (c *Core) Begin(r Request) (*Attempt, int) {
	if c.closed {
		return nil, http.StatusServiceUnavailable
	}
	rec, created := c.recordFor(r.Key)
	if !r.HasToken || !r.HasAmount {
		return nil, http.StatusBadRequest
	}
	if created {
		rec.token, rec.amount = r.Token, r.Amount
	} else if rec.token != r.Token || rec.amount != r.Amount {
		return nil, http.StatusUnprocessableEntity
	}
	return &Attempt{rec, created}, 0
}

func (c *Core) recordFor(key string) (rec *record, created bool) {
	if key == "" {
		return &record{}, true
	}
	if rec = c.keys[key]; rec != nil {
		return rec, false
	}
	rec = &record{}
	c.keys[key] = rec
	return rec, true
}

// Finish decides what becomes of the attempt and returns the status to answer with
// (B11.2, steps 5 to 11).
//
// The official service locks the record meanwhile, for microseconds, and answers 409 to
// requests that meet the lock. Here the steps are atomic, so none does.
func (c *Core) Finish(now world.Instant, a *Attempt) int {
	f := c.failure(now)
	t := c.token(a.record.token)
	forced := t.count >= forcedSuccess
	t.count++
	if !forced && !c.gate(f) {
		return c.randomError()
	}
	// Quirk: the request that created the record does not check whether the key has been
	// paid meanwhile.
	if a.created || !a.record.processed {
		c.process(now, t, a.record)
	}
	if !forced && !c.gate(f) {
		return c.randomError()
	}
	t.count = 0
	if a.record.result == BadToken {
		return http.StatusBadRequest
	}
	return http.StatusNoContent
}

// failure is the current probability in percent that a gate stays closed, less one.
func (c *Core) failure(now world.Instant) int {
	for len(c.recent) > 0 && now-c.recent[0] > recentPeriod {
		c.recent = c.recent[1:]
	}
	return min(len(c.recent), maxFailure)
}

func (c *Core) token(token string) *tokenState {
	t := c.tokens[token]
	if t == nil {
		t = &tokenState{count: -1}
		c.tokens[token] = t
	}
	return t
}

// gate is open with a probability of (99-f)/100.
func (c *Core) gate(f int) bool { return c.random.IntN(100) > f }

func (c *Core) randomError() int {
	return [...]int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout}[c.random.IntN(3)]
}

func (c *Core) process(now world.Instant, t *tokenState, rec *record) {
	rec.processed = true
	c.recent = append(c.recent, now)
	t.payments = append(t.payments, rec)
	rec.result = BadToken
	if c.verifier.VerifyPayment(now, rec.token, rec.amount) {
		rec.result = Success
	}
}

// List returns the processed payments of a token in order, to be answered after ListDelay
// (B11.1). The status is that of the answer; there are payments only with 200.
func (c *Core) List(token string, hasToken bool) ([]Payment, int) {
	switch {
	case c.closed:
		return nil, http.StatusServiceUnavailable
	case !hasToken:
		return nil, http.StatusBadRequest
	}
	payments := []Payment{}
	if t := c.tokens[token]; t != nil {
		for _, rec := range t.payments {
			payments = append(payments, Payment{rec.amount, rec.result})
		}
	}
	return payments, http.StatusOK
}
