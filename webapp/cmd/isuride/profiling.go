package main

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
)

// How much the profiles of locks see, where they can be asked for: one of a hundred
// contended locks, and one blocking event per millisecond blocked. Both cost nothing that
// can be measured.
const (
	mutexFraction = 100
	blockRate     = 1_000_000 // ns
)

// serveProfiles offers the profiles of this process at /debug/pprof/ on a listener of its
// own, which must not be reachable by strangers.
func serveProfiles(address string, log *slog.Logger) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	runtime.SetMutexProfileFraction(mutexFraction)
	runtime.SetBlockProfileRate(blockRate)
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	log.Info("serving profiles", "address", l.Addr().String())
	go http.Serve(l, mux)
	return nil
}
