package h2

import "golang.org/x/net/http2"

// What a peer may ask for besides requests: each such frame costs it something, time and
// answers give it back, and at nothing the connection ends with ENHANCE_YOUR_CALM. A page
// that is left may reset all it has loaded, and a reader may return each KiB of window.
const (
	maxCredit    = 2000
	creditATick  = 100
	resetCost    = 10 // a stream that ends in vain, by whom ever
	settingsCost = 5
	// smallData is the size in bytes below which a piece of a body costs as much as a frame
	// without one, unless it is the last.
	smallData = 256
	// creditEach is the number of bytes sent that earn as much as one frame costs. Clients
	// return windows, of stream and connection, for each 4 KiB (net/http) or more.
	creditEach = 1 << 10
)

// calm counts what a peer may still ask for.
type calm struct {
	credit int
	at     uint64 // the tick up to which time has given back
}

func (s *Session) spendLocked(n int) error {
	c := &s.calm
	if c.credit -= n; c.credit > 0 {
		return nil
	}
	now := s.server.Now()
	c.earn(creditATick * int(min(now-c.at, maxCredit)))
	c.at = now
	if c.credit > 0 {
		return nil
	}
	return connectionError(http2.ErrCodeEnhanceYourCalm)
}

func (c *calm) earn(n int) { c.credit = min(c.credit+n, maxCredit) }
