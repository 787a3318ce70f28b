// Package verify is a functional check of any ISURIDE server, whatever its author and
// initial data: every rule of the server that can be seen from outside is one line, ok or
// not, and a broken rule comes with the exchange that shows it. It takes seconds and
// plays every part itself: users, owners, chairs and the payment gateway with its
// failures. It understands both transports of notifications.
//
// This package runs the check and reports; rules holds what is checked, and probe talks
// to the server. It leaves to others: load, scores and latencies (bench/live), answers
// that depend on the initial data (the data check of bench/live), the files of the front
// end, and everything that needs a restart of the server.
package verify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"isuride/bench/verify/probe"
	"isuride/bench/verify/rules"
)

// runLimit bounds a whole run against a server that lets every single call run into its
// limit.
const runLimit = 5 * time.Minute

// Options say which server to check and where the payment gateway is.
type Options struct {
	Target        string // base URL of the server, with scheme, Host and TLS server name
	Addr          string // host:port to connect to instead of the target's; empty: the target's
	PaymentListen string // address the payment gateway listens on; empty: a free port of 127.0.0.1
	PaymentURL    string // base URL of the gateway for the server; empty: the address listened on
}

// Run checks the server and reports. It calls POST /api/initialize, so the server loses
// what it holds. The error says that there was nothing to check: options that make no
// sense, a port already taken, a server that cannot be reached. Broken rules are no
// error. When ctx ends early, the report says which rules were not reached.
func Run(ctx context.Context, o Options) (Report, error) {
	return run(ctx, o, network{
		dial:   (&net.Dialer{Timeout: probe.CallLimit}).DialContext,
		listen: func(address string) (net.Listener, error) { return net.Listen("tcp", address) },
	})
}

// network is how the outside is reached; tests have one in memory.
type network struct {
	dial   probe.Dialer
	listen func(address string) (net.Listener, error)
}

// reach returns an error, in one sentence, if nobody listens at an address.
func (n network) reach(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, probe.CallLimit)
	defer cancel()
	c, err := n.dial(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("the server cannot be reached: %w", err)
	}
	return c.Close()
}

func run(ctx context.Context, o Options, n network) (Report, error) {
	target, err := url.Parse(o.Target)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return Report{}, fmt.Errorf("target %q is not an http or https URL", o.Target)
	}
	if err := n.reach(ctx, o.address(target)); err != nil {
		return Report{}, err
	}
	listen := o.PaymentListen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	l, err := n.listen(listen)
	if err != nil {
		return Report{}, fmt.Errorf("payment gateway: %w", err)
	}
	g := probe.NewGateway(l, o.PaymentURL)
	defer g.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit, errors.New("the whole run took too long"))
	defer cancel()
	s := probe.NewServer(target, n.dial, o.Addr)
	defer s.Close()
	started := time.Now()
	return newReport(s.URL, started, play(ctx, rules.New(s, g))), nil
}

// address is where connections go.
func (o *Options) address(target *url.URL) string {
	switch {
	case o.Addr != "":
		return o.Addr
	case target.Port() != "":
		return target.Host
	case target.Scheme == "https":
		return net.JoinHostPort(target.Hostname(), "443")
	}
	return net.JoinHostPort(target.Hostname(), "80")
}
