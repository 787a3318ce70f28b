package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"sync/atomic"
	"time"

	"isuride/webapp/internal/flight"
	"isuride/webapp/metrics"
)

// How much the profiles of locks see, where they can be asked for: one of a hundred
// contended locks, and one blocking event per millisecond blocked. Both cost nothing that
// can be measured.
const (
	mutexFraction = 100
	blockRate     = 1_000_000 // ns
)

// headLimit bounds the head of a request. Answers may take as long as a profile does.
const headLimit = 5 * time.Second

// internal is what operators are shown, on a listener of its own that must not be
// reachable by strangers.
type internal struct {
	http   http.Server
	mux    *http.ServeMux
	health atomic.Pointer[func() error] // nil until the server listens
}

// serveInternal begins with what there is before the server listens: profiles of its start,
// the flight recorder's trace, and the answer that it is not well yet. Without an address
// there is nothing to show.
func serveInternal(address string, recorder *flight.Recorder, log *slog.Logger) (*internal, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	runtime.SetMutexProfileFraction(mutexFraction)
	runtime.SetBlockProfileRate(blockRate)
	i := &internal{mux: http.NewServeMux()}
	i.mux.HandleFunc("/debug/pprof/", pprof.Index)
	i.mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	i.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	i.mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	i.mux.Handle("/debug/flight", recorder)
	i.mux.HandleFunc("/healthz", i.healthz)
	i.http = http.Server{Handler: i.mux, ReadHeaderTimeout: headLimit}
	log.Info("serving internals", "address", l.Addr().String())
	go i.http.Serve(l)
	return i, nil
}

// show adds what there is of a server that listens.
func (i *internal) show(s *server, logged func() uint64) {
	if i == nil {
		return
	}
	i.mux.Handle("/metrics", metrics.Handler(metrics.Sources{
		HTTP: s.http.Stats, API: s.api.Stats, Engine: s.engine.Stats, Errors: logged}))
	health := s.engine.Health
	i.health.Store(&health)
}

// healthz says in one sentence whether the server is well.
func (i *internal) healthz(w http.ResponseWriter, _ *http.Request) {
	err := errStarting
	if health := i.health.Load(); health != nil {
		err = (*health)()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "the server is well")
}

var errStarting = errors.New("the server is starting")

func (i *internal) close() error {
	if i == nil {
		return nil
	}
	return i.http.Close()
}
