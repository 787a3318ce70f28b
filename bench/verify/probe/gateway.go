package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Delays of the official gateway (S8.2).
const (
	listDelay = 300 * time.Millisecond
	postDelay = 30 * time.Millisecond
)

// A Gateway is the external payment service (S8). It does what each token's plan says and
// keeps a record.
type Gateway struct {
	URL    string // for initialize
	server *http.Server
	done   chan struct{} // closed when the server has ended

	mu     sync.Mutex
	tokens map[string]*Wallet
	keys   map[string]*key
	bad    []string // requests that no token can be blamed for
}

// A Wallet is one token's side of the gateway.
type Wallet struct {
	g        *Gateway
	Token    string
	plan     []Reaction // of the next attempts
	standing Reaction   // of those after the plan
	attempts []Charge
	payments []Charge // registered
	running  int
	parallel bool // two attempts ran at the same time
}

// A Charge is one POST /payments.
type Charge struct {
	token     string
	Key, Kind string // Idempotency-Key and Content-Type
	Amount    int
	note      string
}

// A key is what is remembered of an Idempotency-Key, for the whole run.
type key struct {
	first      Charge
	registered bool
}

// A Reaction is what the gateway does with one attempt.
type Reaction struct {
	register bool
	status   int
	cut      bool          // the connection ends without an answer
	hold     chan struct{} // the attempt waits until it is closed
}

// Granting registers the payment and says so.
func Granting() Reaction { return Reaction{register: true, status: http.StatusNoContent} }

// Holding is Granting, but waits until hold is closed.
func Holding(hold chan struct{}) Reaction {
	return Reaction{register: true, status: http.StatusNoContent, hold: hold}
}

// Failing answers with an error and registers nothing.
func Failing(status int) Reaction { return Reaction{status: status} }

// Hidden registers the payment and answers with an error.
func Hidden(status int) Reaction { return Reaction{register: true, status: status} }

// Cutting registers the payment and ends the connection without an answer.
func Cutting() Reaction { return Reaction{register: true, cut: true} }

// NewGateway serves on a listener, which it owns. An empty url means the listener's
// address.
func NewGateway(l net.Listener, url string) *Gateway {
	g := &Gateway{URL: url, done: make(chan struct{}), tokens: map[string]*Wallet{}, keys: map[string]*key{}}
	if url == "" {
		g.URL = "http://" + l.Addr().String()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payments", g.post)
	mux.HandleFunc("GET /payments", g.list)
	g.server = &http.Server{Handler: mux}
	go func() {
		defer close(g.done)
		_ = g.server.Serve(l) // ends by close
	}()
	return g
}

// Close stops the gateway, cutting connections.
func (g *Gateway) Close() {
	_ = g.server.Close()
	<-g.done
}

// Open makes a wallet for a new token.
func (g *Gateway) Open(token string) *Wallet {
	w := &Wallet{g: g, Token: token, standing: Granting()}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tokens[token] = w
	return w
}

// Expect plans the next attempts.
func (w *Wallet) Expect(plan ...Reaction) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	w.plan = plan
}

// Always sets the reaction to everything from now on.
func (w *Wallet) Always(r Reaction) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	w.plan, w.standing = nil, r
}

// Seen copies what happened so far: all attempts, the payments registered by them, and
// whether two attempts ran at the same time.
func (w *Wallet) Seen() (attempts, payments []Charge, parallel bool) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	return append([]Charge(nil), w.attempts...), append([]Charge(nil), w.payments...), w.parallel
}

// Paid counts the registered payments.
func (w *Wallet) Paid() int {
	_, payments, _ := w.Seen()
	return len(payments)
}

// Lines show the gateway's view.
func (w *Wallet) Lines() []string {
	attempts, _, _ := w.Seen()
	all := []string{fmt.Sprintf("$ the gateway's view of token %s:", w.Token)}
	for _, c := range attempts {
		all = append(all, fmt.Sprintf("$ POST /payments   Idempotency-Key: %s   amount %d   %s", c.Key, c.Amount, c.note))
	}
	if len(attempts) == 0 {
		all = append(all, "$ no request")
	}
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	return append(all, w.g.bad...)
}

func (g *Gateway) post(rw http.ResponseWriter, req *http.Request) {
	c, w, ok := g.read(req)
	if !ok {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	r, n := w.begin(c)
	wait(req.Context(), r)
	status, note := w.settle(c, r)
	w.end(n, note)
	if r.cut {
		panic(http.ErrAbortHandler)
	}
	rw.WriteHeader(status)
}

// read parses a request. A malformed one or one with an unknown token is put down as bad.
func (g *Gateway) read(req *http.Request) (Charge, *Wallet, bool) {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody))
	var b struct {
		Amount *int `json:"amount"`
	}
	token, bearer := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.tokens[token]
	if err != nil || !bearer || w == nil || json.Unmarshal(body, &b) != nil || b.Amount == nil {
		const most = 20
		if len(g.bad) < most {
			g.bad = append(g.bad, fmt.Sprintf("$ refused as malformed or of an unknown token: POST /payments   Authorization: %s   %s",
				req.Header.Get("Authorization"), clip(body)))
		}
		return Charge{}, nil, false
	}
	return Charge{
		token: token, Key: req.Header.Get("Idempotency-Key"), Kind: req.Header.Get("Content-Type"), Amount: *b.Amount,
	}, w, true
}

// begin records an attempt and takes its reaction from the plan.
func (w *Wallet) begin(c Charge) (Reaction, int) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	w.running++
	w.parallel = w.parallel || w.running > 1
	c.note = "under way"
	w.attempts = append(w.attempts, c)
	r := w.standing
	if len(w.plan) > 0 {
		r, w.plan = w.plan[0], w.plan[1:]
	}
	return r, len(w.attempts) - 1
}

func wait(ctx context.Context, r Reaction) {
	time.Sleep(postDelay)
	if r.hold == nil {
		return
	}
	select {
	case <-r.hold:
	case <-ctx.Done():
	}
}

// settle registers the payment if the reaction says so and its key was not registered
// before.
func (w *Wallet) settle(c Charge, r Reaction) (status int, note string) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	k := w.g.key(c)
	switch {
	case k.first.token != c.token || k.first.Amount != c.Amount:
		return http.StatusUnprocessableEntity, "-> 422, the key was used for another token or amount"
	case !r.register:
		return r.status, fmt.Sprintf("-> %d, not registered", r.status)
	case k.registered:
		return r.status, fmt.Sprintf("-> %d, the key is registered already", r.status)
	}
	k.registered = true
	w.payments = append(w.payments, c)
	return r.status, fmt.Sprintf("-> %d, registered", r.status)
}

// key finds the record of a charge's Idempotency-Key. A charge without one is on its own.
// g.mu is held.
func (g *Gateway) key(c Charge) *key {
	if c.Key == "" {
		return &key{first: c}
	}
	if g.keys[c.Key] == nil {
		g.keys[c.Key] = &key{first: c}
	}
	return g.keys[c.Key]
}

func (w *Wallet) end(attempt int, note string) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	w.running--
	w.attempts[attempt].note = note
}

// list answers GET /payments.
func (g *Gateway) list(rw http.ResponseWriter, req *http.Request) {
	time.Sleep(listDelay)
	token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	g.mu.Lock()
	w := g.tokens[token]
	g.mu.Unlock()
	if w == nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	type payment struct {
		Amount int    `json:"amount"`
		Status string `json:"status"`
	}
	all := []payment{}
	_, payments, _ := w.Seen()
	for _, p := range payments {
		all = append(all, payment{p.Amount, "成功"})
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(all) // the reader may be gone
}
