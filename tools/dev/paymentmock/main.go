// Paymentmock is a stand-alone payment gateway for development: the stand-in that contest
// machines run on port 12345 (S8.4), and with flags every failure mode of the gateway in
// the load generator (S8.2).
//
// It accepts every token and answers POST /payments with 204 at once. GET /payments
// lists what it registered for the bearer's token. To behave as in a run of the
// contest:
//
//	paymentmock -latency 30ms -list-latency 300ms -fail-by-load
//
// The behaviour is implemented in package gateway, which tests use in process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"isuride/tools/cli"
	"isuride/tools/dev/paymentmock/gateway"
)

func main() {
	signal.Ignore(syscall.SIGHUP) // its clients may outlive the terminal
	if err := run(cli.UntilInterrupted(), os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "paymentmock:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	conf, err := parse(args)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", conf.listen)
	if err != nil {
		return err
	}
	fmt.Printf("paymentmock: http://%s/payments\n", l.Addr())
	g := gateway.New(conf.options)
	g.SetClosed(conf.closed)
	return serve(ctx, l, g)
}

// serve answers until ctx ends, which also ends requests that hang.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	graceful, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(graceful)
}

type config struct {
	listen  string
	closed  bool
	options gateway.Options
}

// parse reads the flags.
func parse(args []string) (config, error) {
	conf := config{options: gateway.Options{Rates: make(map[gateway.Fault]float64)}}
	flags := flag.NewFlagSet("paymentmock", flag.ContinueOnError)
	flags.StringVar(&conf.listen, "listen", "127.0.0.1:12345", "address to listen on")
	flags.BoolVar(&conf.closed, "closed", false, "answer every POST with 503")
	flags.DurationVar(&conf.options.Latency, "latency", 0, "time a POST takes before it is processed (contest: 30ms)")
	flags.DurationVar(&conf.options.ListLatency, "list-latency", 0, "time a GET takes (contest: 300ms)")
	flags.BoolVar(&conf.options.FailByLoad, "fail-by-load", false, "fail more often the more payments the last 3 s saw, as in the contest")
	flags.Uint64Var(&conf.options.Seed, "seed", 1, "of all random choices")
	tokens := flags.String("tokens", "", "comma-separated tokens to accept (default all)")
	logged := flags.Bool("log", false, "print one JSON line per POST")
	for _, info := range gateway.Faults() {
		usage := "`share` of the POSTs, 0 to 1: " + info.Effect
		flags.Func(info.Name, usage, func(value string) (err error) {
			conf.options.Rates[info.Fault], err = strconv.ParseFloat(value, 64)
			return err
		})
	}
	if err := cli.Parse(flags, args, 0, os.Stdout); err != nil {
		return config{}, err
	}
	if *tokens != "" {
		conf.options.Tokens = strings.Split(*tokens, ",")
	}
	if *logged {
		conf.options.Log = slog.New(slog.NewJSONHandler(os.Stdout, nil))
	}
	return conf, conf.options.Validate()
}
