package gateway

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// The failure model of S8.2: the level f, in percent, is the number of payments
// of the last three seconds, at most fifty; each of two tosses passes with
// probability (99-f)/100, and both pass for sure once a token has failed often enough.
const (
	levelWindow = 3 * time.Second
	levelMax    = 50
	// patience is the value of a token's counter from which success is certain. The
	// counter starts at -1 and returns to 0 with a success, which makes the sixth
	// attempt of a token's first payment and the fifth of a later one certain.
	patience     = 4
	newTokenMark = -1
)

// odds decides the outcome of POSTs. Guarded by Gateway.mu.
type odds struct {
	rng      *rand.Rand
	rates    []rate
	recent   [levelMax]time.Time // ring of the newest payments: older ones cannot raise f
	oldest   int
	failures map[string]int // per token
}

type rate struct {
	fault Fault
	share float64
}

func newOdds(opts Options) odds {
	o := odds{rng: rand.New(rand.NewPCG(opts.Seed, 0)), failures: make(map[string]int)}
	for _, info := range Faults() {
		o.rates = append(o.rates, rate{info.Fault, opts.Rates[info.Fault]})
	}
	return o
}

// byRate draws a fault by the fixed rates.
func (o *odds) byRate() Fault {
	draw := o.rng.Float64()
	for _, r := range o.rates {
		if draw < r.share {
			return r.fault
		}
		draw -= r.share
	}
	return FaultNone
}

// byLoad tosses for both gates (B11.2, steps 5 to 7 and 10) and counts the attempt for
// the token.
func (o *odds) byLoad(token string, now time.Time) Fault {
	level := o.level(now)
	counter, known := o.failures[token]
	if !known {
		counter = newTokenMark
	}
	o.failures[token] = counter + 1
	passes := func() bool { return o.rng.IntN(100) > level || counter >= patience }
	switch {
	case !passes():
		return FaultErrorBefore
	case !passes():
		return FaultErrorAfter
	}
	o.failures[token] = 0
	return FaultNone
}

// level returns f.
func (o *odds) level(now time.Time) int {
	level := 0
	for _, at := range o.recent {
		if !at.IsZero() && now.Sub(at) < levelWindow {
			level++
		}
	}
	return level
}

// registered counts a payment towards f.
func (o *odds) registered(now time.Time) {
	o.recent[o.oldest] = now
	o.oldest = (o.oldest + 1) % levelMax
}

// errorStatus draws one of the three simulated failures.
func (o *odds) errorStatus() int {
	statuses := [...]int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout}
	return statuses[o.rng.IntN(len(statuses))]
}
