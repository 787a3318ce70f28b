package verify

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

// A gateway is the external payment service (S8). It does what each token's plan says and keeps a record.
type gateway struct {
	url    string
	server *http.Server
	done   chan struct{} // closed when the server has ended

	mu     sync.Mutex
	tokens map[string]*wallet
	keys   map[string]*key
	bad    []string // requests that no token can be blamed for
}

// A wallet is one token's side of the gateway.
type wallet struct {
	g        *gateway
	token    string
	plan     []reaction // of the next attempts
	standing reaction   // of those after the plan
	attempts []charge
	payments []charge // registered
	running  int
	parallel bool // two attempts ran at the same time
}

// A charge is one POST /payments.
type charge struct {
	token, key, kind string
	amount           int
	note             string
}

// A key is what is remembered of an Idempotency-Key, for the whole run.
type key struct {
	first      charge
	registered bool
}

// A reaction is what the gateway does with one attempt.
type reaction struct {
	register bool
	status   int
	cut      bool          // the connection ends without an answer
	hold     chan struct{} // the attempt waits until it is closed
}

// Reactions that are used often.
func granting() reaction          { return reaction{register: true, status: http.StatusNoContent} }
func failing(status int) reaction { return reaction{status: status} }
func hidden(status int) reaction  { return reaction{register: true, status: status} }
func cutting() reaction           { return reaction{register: true, cut: true} }

// newGateway serves on a listener, which it owns. The url is derived from the listener's address if it is empty.
func newGateway(l net.Listener, url string) *gateway {
	g := &gateway{url: url, done: make(chan struct{}), tokens: map[string]*wallet{}, keys: map[string]*key{}}
	if url == "" {
		g.url = "http://" + l.Addr().String()
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

func (g *gateway) close() {
	_ = g.server.Close()
	<-g.done
}

// open makes a wallet for a new token.
func (g *gateway) open(token string) *wallet {
	w := &wallet{g: g, token: token, standing: granting()}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tokens[token] = w
	return w
}

// expect plans the next attempts.
func (w *wallet) expect(plan ...reaction) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	w.plan = plan
}

// always sets the reaction to everything from now on.
func (w *wallet) always(r reaction) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	w.plan, w.standing = nil, r
}

// seen is a copy of what happened so far.
func (w *wallet) seen() (attempts, payments []charge, parallel bool) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	return append([]charge(nil), w.attempts...), append([]charge(nil), w.payments...), w.parallel
}

// paid is how many payments were registered.
func (w *wallet) paid() int {
	_, payments, _ := w.seen()
	return len(payments)
}

// lines show what the gateway saw.
func (w *wallet) lines() []string {
	attempts, _, _ := w.seen()
	all := []string{fmt.Sprintf("$ the gateway's view of token %s:", w.token)}
	for _, c := range attempts {
		all = append(all, fmt.Sprintf("$ POST /payments   Idempotency-Key: %s   amount %d   %s", c.key, c.amount, c.note))
	}
	if len(attempts) == 0 {
		all = append(all, "$ no request")
	}
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	return append(all, w.g.bad...)
}

func (g *gateway) post(rw http.ResponseWriter, req *http.Request) {
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
func (g *gateway) read(req *http.Request) (charge, *wallet, bool) {
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
		return charge{}, nil, false
	}
	return charge{
		token: token, key: req.Header.Get("Idempotency-Key"), kind: req.Header.Get("Content-Type"), amount: *b.Amount,
	}, w, true
}

// begin records an attempt and takes its reaction from the plan.
func (w *wallet) begin(c charge) (reaction, int) {
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

func wait(ctx context.Context, r reaction) {
	time.Sleep(postDelay)
	if r.hold == nil {
		return
	}
	select {
	case <-r.hold:
	case <-ctx.Done():
	}
}

// settle registers the payment if the reaction says so and its key was not registered before.
func (w *wallet) settle(c charge, r reaction) (status int, note string) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	k := w.g.key(c)
	switch {
	case k.first.token != c.token || k.first.amount != c.amount:
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

// key finds what is known of a charge's Idempotency-Key; without one, each charge stands for itself. g.mu is held.
func (g *gateway) key(c charge) *key {
	if c.key == "" {
		return &key{first: c}
	}
	if g.keys[c.key] == nil {
		g.keys[c.key] = &key{first: c}
	}
	return g.keys[c.key]
}

func (w *wallet) end(attempt int, note string) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	w.running--
	w.attempts[attempt].note = note
}

// list answers GET /payments.
func (g *gateway) list(rw http.ResponseWriter, req *http.Request) {
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
	_, payments, _ := w.seen()
	for _, p := range payments {
		all = append(all, payment{p.amount, "成功"})
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(all) // the reader may be gone
}
