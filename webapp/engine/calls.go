package engine

import "isuride/webapp/internal/lockwatch"

// calls are the initializes that wait or are under way, by payment server. Callers that
// come while one of them can still be the answer to theirs share it.
type calls struct {
	mu   lockwatch.Mutex
	open map[string]*initializeCall // guarded by mu
}

type initializeCall struct {
	// Set once.
	paymentServer string
	done          chan struct{} // closed by the first caller
	err           error         // set before done is closed

	left []func() bool // tell whether a caller has left; guarded by calls.mu
}

// join finds the call for the payment server that is open, or opens one, which the caller
// has to carry out then.
func (c *calls) join(paymentServer string, left func() bool) (call *initializeCall, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call, ok := c.open[paymentServer]
	if !ok {
		call = &initializeCall{paymentServer: paymentServer, done: make(chan struct{})}
		if c.open == nil {
			c.open = map[string]*initializeCall{}
		}
		c.open[paymentServer] = call
	}
	call.left = append(call.left, left)
	return call, !ok
}

// begin reports whether anybody still waits for the call. If not, nobody can join it any
// more.
func (c *calls) begin(call *initializeCall) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, left := range call.left {
		if !left() {
			return true
		}
	}
	delete(c.open, call.paymentServer)
	return false
}

// leave closes the call to others: what they have seen of the next generation may not be
// thrown away, or may have to be.
func (c *calls) leave(call *initializeCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[call.paymentServer] == call {
		delete(c.open, call.paymentServer)
	}
}
