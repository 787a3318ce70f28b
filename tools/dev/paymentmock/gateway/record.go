package gateway

import "net/http"

// record is the gateway's memory of an Idempotency-Key; a request without a key gets a
// record of its own. While busy, token, amount and verdict belong to the request that
// holds the record.
type record struct {
	busy bool // guarded by Gateway.mu

	token   string
	amount  int
	verdict string // status text once the payment is registered
}

// open finds or creates the record of a key and marks it busy, to be undone with
// release. created says whether the key is new. It refuses with 503 while the
// gateway is closed and with 409 while the record is busy.
//
// The record exists before the request is known to be well-formed: a malformed first
// request spoils its key for good (S8.2, last rule).
func (g *Gateway) open(key string) (rec *record, created bool, refusal int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts.Posts++
	if g.closed {
		return nil, false, http.StatusServiceUnavailable
	}
	rec = g.records[key]
	if rec != nil && rec.busy {
		g.counts.Conflicts++
		return nil, false, http.StatusConflict
	}
	if rec == nil {
		rec, created = &record{}, true
	}
	if key != "" {
		g.records[key] = rec
	}
	rec.busy = true
	return rec, created, 0
}

func (g *Gateway) release(rec *record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	rec.busy = false
}
