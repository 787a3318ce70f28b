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

// listDelay is what GET /payments takes at the official gateway, and postDelay what a payment takes (S8.2).
const (
	listDelay = 300 * time.Millisecond
	postDelay = 30 * time.Millisecond
)

// A Gateway is the external payment service (S8). It does what each token's plan says and keeps a record.
type Gateway struct {
	URL    string
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
	token, Key, Kind string
	Amount           int
	note             string
}

// A Key is what is remembered of an Idempotency-Key, for the whole run.
type key struct {
	first      Charge
	registered bool
}

// A Reaction is what the gateway does with one attempt.
type Reaction struct {
	Register bool
	Status   int
	cut      bool          // the connection ends without an answer
	Hold     chan struct{} // the attempt waits until it is closed
}

// Reactions that are used often.
func Granting() Reaction          { return Reaction{Register: true, Status: http.StatusNoContent} }
func Failing(status int) Reaction { return Reaction{Status: status} }
func Hidden(status int) Reaction  { return Reaction{Register: true, Status: status} }
func Cutting() Reaction           { return Reaction{Register: true, cut: true} }

// NewGateway serves on a listener, which it owns. The url is derived from the listener's address if it is empty.
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

// Seen is a copy of what happened so far.
func (w *Wallet) Seen() (attempts, payments []Charge, parallel bool) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	return append([]Charge(nil), w.attempts...), append([]Charge(nil), w.payments...), w.parallel
}

// Paid is how many payments were registered.
func (w *Wallet) Paid() int {
	_, payments, _ := w.Seen()
	return len(payments)
}

// Lines show what the gateway saw.
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

// read takes a request apart; one that is malformed or of an unknown token is put down as bad.
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
	if r.Hold == nil {
		return
	}
	select {
	case <-r.Hold:
	case <-ctx.Done():
	}
}

// settle registers the payment if the reaction says so and its key was not registered before.
func (w *Wallet) settle(c Charge, r Reaction) (status int, note string) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	k := w.g.key(c)
	switch {
	case k.first.token != c.token || k.first.Amount != c.Amount:
		return http.StatusUnprocessableEntity, "-> 422, the key was used for another token or amount"
	case !r.Register:
		return r.Status, fmt.Sprintf("-> %d, not registered", r.Status)
	case k.registered:
		return r.Status, fmt.Sprintf("-> %d, the key is registered already", r.Status)
	}
	k.registered = true
	w.payments = append(w.payments, c)
	return r.Status, fmt.Sprintf("-> %d, registered", r.Status)
}

// Key finds what is known of a charge's Idempotency-Key; without one, each charge stands for itself. g.mu is held.
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
