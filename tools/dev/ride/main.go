// Command ride drives one ride through all its states against a running server, and
// prints every step and both notification streams as they come. It is the quickest way to
// see the server at work, and to see that killing it between two steps loses nothing: the
// tool waits until the server is back and continues.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"isuride/tools/cli"
	"isuride/tools/dev/paymentmock/gateway"
)

func main() {
	targets := flag.String("target", "https://localhost:8443,https://localhost:18443,http://localhost:8080",
		"base URLs of servers, comma separated; the first that answers is used")
	pause := flag.Duration("pause", 0, "wait so long between two steps, for instance to kill the server")
	cli.Main(0)
	if err := run(strings.Split(*targets, ","), *pause); err != nil {
		fmt.Fprintln(os.Stderr, "ride:", err)
		os.Exit(1)
	}
}

func run(targets []string, pause time.Duration) error {
	base, err := firstAlive(targets)
	if err != nil {
		return err
	}
	stop, err := ensureGateway()
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithTimeout(cli.UntilInterrupted(), 5*time.Minute)
	defer cancel()
	return newJourney(base, pause).run(ctx)
}

// firstAlive finds the server to use.
func firstAlive(targets []string) (string, error) {
	client := &http.Client{Transport: transport(), Timeout: 2 * time.Second}
	for _, base := range targets {
		res, err := client.Get(base + "/")
		if err == nil {
			res.Body.Close()
			return base, nil
		}
	}
	return "", fmt.Errorf("no server answers at %s; start one with `make run` or `make up`", strings.Join(targets, ", "))
}

// gatewayAddress is the payment gateway of the initial data (S8.4).
const gatewayAddress = "localhost:12345"

// ensureGateway starts a payment gateway if none is running, because a rating needs one.
func ensureGateway() (stop func(), err error) {
	if conn, err := net.Dial("tcp", gatewayAddress); err == nil {
		conn.Close()
		return func() {}, nil
	}
	l, err := net.Listen("tcp", gatewayAddress)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: gateway.New(gateway.Options{})}
	go server.Serve(l)
	fmt.Printf("payment   a gateway is started at %s for this ride\n", gatewayAddress)
	return func() { server.Close() }, nil
}
