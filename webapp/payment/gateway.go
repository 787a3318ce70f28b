// Package payment charges rides at the external payment gateway (S8): one POST
// after the other under one Idempotency-Key until the gateway has given a final
// answer, within a time that leaves a rating call far below its limit of ten seconds.
//
// It knows neither rides nor the journal: the caller makes "charging" durable before
// and "completed" after, chooses a key that is unique per ride (S8.3, rule 5), and
// answers 502 on any error. After an error the caller may charge again under the same
// key, also after a restart; the gateway charges a key once.
package payment

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	// defaultAttemptTimeout ends an attempt that has no answer. The gateway normally
	// answers in 30 ms. An attempt given up may still be alive at the gateway while its
	// repetition arrives, which the contest's gateway can take for two payments
	// (bench.md 11.3), so this is far above any answer worth waiting for.
	defaultAttemptTimeout = 2 * time.Second

	// defaultBudget ends a charge. The client gives up, critically, at 10 s (S4.8);
	// the rest is for the way there and back on a busy machine.
	defaultBudget = 7 * time.Second

	// maxFailures ends a charge that keeps failing fast. The contest's gateway succeeds
	// for sure at the sixth attempt it answers (S8.2); the rest is for lost
	// connections. Conflicts do not count: what they wait for is the outcome itself.
	maxFailures = 10

	// pause comes before the attempt that follows a 409 or a missing answer. It covers
	// the 30 ms for which the contest's gateway holds a request before it locks its key.
	pause = 50 * time.Millisecond

	// idleConns is the size of the keep-alive pool. A charge lasts some 100 ms, so this
	// serves thousands of rides per second; it bounds only idle connections, and is small
	// against the process's limit of open files.
	idleConns = 256

	// maxAnswer bounds an answer, in bytes. Answers have no body worth reading; one that
	// is longer costs the connection.
	maxAnswer = 64 << 10

	// idleTimeout is below what servers usually allow, so that this side closes first.
	idleTimeout = 30 * time.Second
)

// Options change the limits of a Gateway; zero values mean the defaults.
type Options struct {
	AttemptTimeout time.Duration // of one attempt; 2 s
	Budget         time.Duration // of one Charge with all its attempts; 7 s
}

// Gateway charges at one base URL. It is safe for concurrent use.
type Gateway struct {
	url            *url.URL
	unusable       error // why there can be no charge with this URL
	attemptTimeout time.Duration
	budget         time.Duration
	links          *links
	turns          turns
	counters       counters
}

// New returns a client for the gateway at baseURL, to which /payments is appended. With a
// URL that cannot be used every charge is refused.
func New(baseURL string, opts Options) *Gateway {
	g := &Gateway{
		attemptTimeout: defaultAttemptTimeout,
		budget:         defaultBudget,
		turns:          turns{busy: make(map[string]chan struct{})},
	}
	g.url, g.unusable = url.Parse(strings.TrimRight(baseURL, "/") + "/payments")
	if g.unusable == nil && (g.url.Host == "" || g.url.Scheme != "http" && g.url.Scheme != "https") {
		g.unusable = fmt.Errorf("%q is not an http address", baseURL)
	}
	if g.unusable != nil {
		g.url = &url.URL{}
	}
	g.links = newLinks(g.url)
	if opts.AttemptTimeout > 0 {
		g.attemptTimeout = opts.AttemptTimeout
	}
	if opts.Budget > 0 {
		g.budget = opts.Budget
	}
	return g
}

// Close releases idle connections. Running charges are not affected.
func (g *Gateway) Close() { g.links.close() }

// Charge registers a payment of amount for token exactly once, however often it is
// called with this key. Charges with one key wait for each other.
//
// The context should be that of the server, not of the inbound request: a charge
// that has begun is to be seen through (S4.8). The error is a *RefusedError or an
// *UnavailableError.
func (g *Gateway) Charge(ctx context.Context, token string, amount int, key string) error {
	request, err := g.request(token, amount, key)
	if err != nil {
		return &RefusedError{Err: err}
	}
	g.counters.charging.Add(1)
	defer g.counters.charging.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, g.budget)
	defer cancel()
	if err := g.turns.take(ctx, key); err != nil {
		return &UnavailableError{Err: err}
	}
	defer g.turns.release(key)
	return g.repeat(ctx, request)
}

// repeat makes attempts until one is final, one at a time.
func (g *Gateway) repeat(ctx context.Context, request []byte) error {
	failures := 0
	for n := 1; ; n++ {
		verdict, err := g.attempt(ctx, request)
		g.counters.attempts[verdict].Add(1)
		switch verdict {
		case registered:
			return nil
		case refused:
			return err
		case failed, unanswered:
			failures++
		}
		mustWait := verdict == unanswered || verdict == conflict
		if failures == maxFailures || ctx.Err() != nil || mustWait && !sleep(ctx, pause) {
			return &UnavailableError{Attempts: n, Err: err}
		}
	}
}

// sleep reports whether the context outlived the pause.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
