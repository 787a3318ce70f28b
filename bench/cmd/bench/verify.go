package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"isuride/bench/live"
	"isuride/bench/verify"
)

// verifyCommand runs "bench verify".
func verifyCommand(ctx context.Context, args []string) error {
	var s server
	var o verify.Options
	f := flag.NewFlagSet("bench verify", flag.ContinueOnError)
	f.StringVar(&s.target, "target", "http://localhost:8080", "base `URL` of the application; decides scheme, Host header and TLS server name")
	f.StringVar(&s.addr, "addr", "", "connect to this `ip:port`, whatever host the URL names")
	port := f.Int("payment-bind-port", 0, "local TCP `port` of the payment service, on all addresses; by default a free one of 127.0.0.1")
	f.StringVar(&o.PaymentURL, "payment-url", "", "`URL` of the payment service as the application reaches it; by default that of localhost")
	out := f.String("json", "", "write the report as JSON to this `file`, too; - is stdout, instead of the text")
	const purpose = "Checks every rule of an ISURIDE server that can be seen from outside, one line each.\nThe server is initialized, so it loses what it holds."
	if err := parse(f, args, os.Stdout, purpose); err != nil {
		return usage(err)
	}
	if err := gatewayAt(&o, *port); err != nil {
		return usage(err)
	}
	if *out != "" && *out != none {
		if err := writable(*out); err != nil {
			return usage(fmt.Errorf("--json %s: %w", *out, err))
		}
	}
	_, _, dests, err := s.resolve()
	if err != nil {
		return usage(err)
	}
	o.Target, o.Addr = s.target, dests[0].String()
	report, err := verify.Run(ctx, o)
	if err != nil {
		return live.SetupError{Err: err}
	}
	return concludeVerify(report, *out)
}

// gatewayAt decides where the payment service listens and how the server reaches it.
func gatewayAt(o *verify.Options, port int) error {
	if port < 0 || port > 65535 {
		return fmt.Errorf("--payment-bind-port %d is not a port", port)
	}
	if u, err := url.Parse(o.PaymentURL); o.PaymentURL != "" && (err != nil || u.Host == "") {
		return fmt.Errorf("--payment-url %q is not a URL", o.PaymentURL)
	}
	if port == 0 {
		if o.PaymentURL != "" {
			return errors.New("--payment-url needs --payment-bind-port")
		}
		return nil
	}
	o.PaymentListen = net.JoinHostPort("", strconv.Itoa(port))
	if o.PaymentURL == "" {
		o.PaymentURL = "http://localhost:" + strconv.Itoa(port)
	}
	return nil
}

// concludeVerify writes the report of bench verify. A broken rule is a failure.
func concludeVerify(r verify.Report, out string) error {
	if out != none {
		if err := r.WriteText(os.Stdout); err != nil && !(gone(err) && out != "") {
			return err
		}
	}
	if out != "" {
		if err := writeJSON(out, r); err != nil {
			return err
		}
	}
	if !r.Passed {
		return errFailed
	}
	return nil
}
