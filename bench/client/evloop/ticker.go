package evloop

import (
	"slices"
	"time"
)

// A Ticker calls a function at a fixed period, so that a late call does not shift later
// ones. If the loop is late by more than a period, the function is called once for all
// that has passed (B2.1).
type Ticker struct {
	loop   *Loop
	period time.Duration
	next   time.Duration // on the loop's clock
	fn     func(periods int)
}

// Every starts a ticker: fn is called with the number of periods that have ended since
// the last call, normally 1.
func (l *Loop) Every(period time.Duration, fn func(periods int)) *Ticker {
	t := &Ticker{loop: l, period: period, next: l.clock() + period, fn: fn}
	l.tickers = append(slices.Clone(l.tickers), t) // the old list may be in use
	return t
}

// Reset makes the next call come after d, instead of at the end of the period. It may be
// called from the function; a ticker that is always reset is a timer more precise than a
// Timer.
func (t *Ticker) Reset(d time.Duration) { t.next = t.loop.clock() + d }

// Stop ends the ticker. It may be called from its function.
func (t *Ticker) Stop() {
	t.loop.tickers = slices.DeleteFunc(slices.Clone(t.loop.tickers), func(other *Ticker) bool { return other == t })
}

// tick calls the function if a period has ended.
func (t *Ticker) tick(now time.Duration) bool {
	if now < t.next {
		return false
	}
	periods := 1 + (now-t.next)/t.period
	t.next += periods * t.period
	t.fn(int(periods))
	return true
}
