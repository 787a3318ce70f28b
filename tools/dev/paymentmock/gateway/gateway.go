// Package gateway plays the external payment gateway of S8 for development and tests: it
// registers payments in memory, and on request fails in every way the contest's gateway
// can fail, in the load generator's order of steps (B11.2).
//
// It judges nothing: tests decide from Charges, ByToken and ByKey whether a payment was
// due and of the right amount. Payments and keys are kept until the process ends. The
// caller provides the HTTP server around it.
package gateway

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Options configure the gateway. The zero value accepts every token, answers at once and
// never fails.
type Options struct {
	Latency     time.Duration // of a POST before it is processed; the contest has 30 ms
	ListLatency time.Duration // of a GET; the contest has 300 ms

	FailByLoad bool              // the contest's failure model: more payments, more errors
	Rates      map[Fault]float64 // share of POSTs, in [0, 1], with a fault at any load; sum at most 1
	Seed       uint64            // of every random choice

	Tokens []string     // the tokens that are accepted; nil accepts all
	Log    *slog.Logger // one record per POST; nil logs nothing
}

// Gateway is an http.Handler for GET and POST /payments.
type Gateway struct {
	opts   Options
	mux    *http.ServeMux
	tokens map[string]bool // nil accepts all

	mu       sync.Mutex
	odds     odds
	injected []Fault // for the next POSTs, before any chance
	records  map[string]*record
	charges  []Charge // in processing order
	closed   bool
	counts   Counts
}

// Counts says how many POSTs arrived and how many of them were refused as conflicts.
type Counts struct {
	Posts     int // all
	Conflicts int // 409, because a request with the same key was being processed
}

// Validate reports rates that are not shares.
func (o Options) Validate() error {
	sum := 0.0
	for _, info := range Faults() {
		share := o.Rates[info.Fault]
		sum += share
		if !(share >= 0 && sum <= 1) { // written so that it also catches NaN
			return fmt.Errorf("fault rates must be between 0 and 1, and so must their sum: %s has %v", info.Name, share)
		}
	}
	return nil
}

// New makes a gateway without payments. It panics on invalid options.
func New(opts Options) *Gateway {
	if err := opts.Validate(); err != nil {
		panic("BUG: gateway: " + err.Error())
	}
	g := &Gateway{
		opts:    opts,
		mux:     http.NewServeMux(),
		odds:    newOdds(opts),
		records: make(map[string]*record),
	}
	if opts.Tokens != nil {
		g.tokens = make(map[string]bool, len(opts.Tokens))
		for _, token := range opts.Tokens {
			g.tokens[token] = true
		}
	}
	g.mux.HandleFunc("POST /payments", g.post)
	g.mux.HandleFunc("GET /payments", g.list)
	return g
}

// ServeHTTP answers one call.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// Inject makes the next POSTs that reach processing meet these faults, one each,
// in order; FaultNone lets a POST through.
func (g *Gateway) Inject(faults ...Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.injected = append(g.injected, faults...)
}

// SetClosed closes the gateway, so that every POST is answered 503, or opens it again.
func (g *Gateway) SetClosed(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

// Counts returns the counters so far.
func (g *Gateway) Counts() Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts
}

// Charges returns all payments in processing order.
func (g *Gateway) Charges() []Charge {
	return g.filter(func(Charge) bool { return true })
}

// ByToken returns the payments of one token in processing order.
func (g *Gateway) ByToken(token string) []Charge {
	return g.filter(func(c Charge) bool { return c.Token == token })
}

// ByKey returns the payments made under one Idempotency-Key.
func (g *Gateway) ByKey(key string) []Charge {
	return g.filter(func(c Charge) bool { return c.Key == key })
}

func (g *Gateway) filter(keep func(Charge) bool) []Charge {
	g.mu.Lock()
	defer g.mu.Unlock()
	kept := []Charge{}
	for _, c := range g.charges {
		if keep(c) {
			kept = append(kept, c)
		}
	}
	return kept
}
