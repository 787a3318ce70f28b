package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/paymentmock/gateway"
)

func TestParse(t *testing.T) {
	conf, err := parse(strings.Fields("-listen 127.0.0.1:0 -latency 30ms -list-latency 300ms -fail-by-load -seed 9 " +
		"-tokens a,b -closed -log -error-before 0.1 -error-after 0.2 -hang-before 0.3"))
	if err != nil {
		t.Fatal(err)
	}
	o := conf.options
	if conf.listen != "127.0.0.1:0" || !conf.closed || o.Latency != 30*time.Millisecond ||
		o.ListLatency != 300*time.Millisecond || !o.FailByLoad || o.Seed != 9 || len(o.Tokens) != 2 || o.Log == nil ||
		o.Rates[gateway.FaultErrorBefore] != 0.1 || o.Rates[gateway.FaultErrorAfter] != 0.2 || o.Rates[gateway.FaultHangBefore] != 0.3 {
		t.Errorf("parsed %+v", conf)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, args := range []string{"-error-before 1.5", "-drop-after 0.7 -drop-before 0.7", "stray"} {
		if _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

// A request that hangs must not keep the process from ending.
func TestServeEndsHangingRequests(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	g := gateway.New(gateway.Options{})
	g.Inject(gateway.FaultHangAfter)
	served := make(chan error, 1)
	arrived := make(chan struct{})
	go func() {
		served <- serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(arrived)
			g.ServeHTTP(w, r)
		}))
	}()
	answered := make(chan error, 1)
	go func() {
		r, _ := http.NewRequest(http.MethodPost, "http://"+l.Addr().String()+"/payments", strings.NewReader(`{"amount":1}`))
		r.Header.Set("Authorization", "Bearer tok")
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	<-arrived
	stop()
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("the hanging request was answered")
	}
}
