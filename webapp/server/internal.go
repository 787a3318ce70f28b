package server

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"isuride/webapp/admission"
	"isuride/webapp/engine"
	"isuride/webapp/internal/flight"
	"isuride/webapp/metrics"
	"isuride/webapp/sqlstore"
)

// The sampling of the lock profiles, which are off without this listener: one of a hundred
// contended locks, and one blocking event per millisecond blocked. Neither has a
// measurable cost.
const (
	mutexFraction = 100
	blockRate     = 1_000_000 // ns
)

// Limits of an operator's connection. An answer may take as long as its profile, and
// answerLimit on top.
const (
	headLimit    = 5 * time.Second // for a request's head, and for its body, which no page needs
	answerLimit  = time.Minute
	profileLimit = time.Hour
	idleLimit    = 2 * time.Minute // Prometheus asks every minute or more often
	maxHead      = 16 << 10        // bytes
)

// internal serves operators, on a listener of its own that outsiders must not reach.
type internal struct {
	http   http.Server
	mux    *http.ServeMux
	health atomic.Pointer[func() []error] // nil until the server listens
	engine atomic.Pointer[engine.Engine]
	gate   atomic.Pointer[*admission.Gate]
}

// serveInternal begins before the server listens, with profiles of the start, the flight
// recorder's trace, and the answer that the server is not well yet. Without an address it
// serves nothing.
func serveInternal(cfg config, recorder *flight.Recorder, log *slog.Logger) (*internal, error) {
	address := cfg.internal
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
	i.collectors(cfg.httpLog, cfg.slowLog)
	i.http = http.Server{Handler: guard(address, withRevision(i.mux)), ReadHeaderTimeout: headLimit, IdleTimeout: idleLimit,
		MaxHeaderBytes: maxHead}
	log.Info("serving internals", "address", l.Addr().String())
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		log.Warn("ISURIDE_INTERNAL listens beyond this machine: anyone who reaches the address sees metrics, memory profiles "+
			"and traces, and can slow the server by asking for them; use 127.0.0.1:"+strconv.Itoa(a.Port)+
			" if no other machine needs them, or restrict the address with a packet filter", "address", a.String())
	}
	go i.http.Serve(l)
	return i, nil
}

// show adds the metrics and the health of a server that listens.
func (i *internal) show(s *server, logged func() uint64) {
	if i == nil {
		return
	}
	i.mux.Handle("/metrics", metrics.Handler(metrics.Sources{
		HTTP: s.http.Stats, API: s.api.Stats, Engine: s.engine.Stats, Feed: s.feed.Stats, Stream: s.stream.stats, Admission: s.shedding.gate.Stats, Errors: logged}))
	i.mux.HandleFunc("POST /snapshot", func(w http.ResponseWriter, _ *http.Request) {
		info, err := s.engine.Snapshot()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "%s: %d bytes\n", info.Path, info.Bytes)
	})
	i.audit(s.engine)
	i.mux.HandleFunc("POST /tables", s.copyTables)
	i.mux.HandleFunc("POST /promote", func(w http.ResponseWriter, r *http.Request) { promote(s.engine, w, r) })
	health := s.engine.Health
	i.engine.Store(s.engine)
	i.health.Store(&health)
	gate := s.shedding.gate
	i.gate.Store(&gate)
}

// healthz answers in one line whether the server is well, and if not why, all reasons with
// semicolons between; with ?leader, whether it is the one to send requests to.
func (i *internal) healthz(w http.ResponseWriter, r *http.Request) {
	unwell := []error{errStarting}
	if health := i.health.Load(); health != nil {
		unwell = (*health)()
	}
	text := "the server is well"
	if e := i.engine.Load(); e != nil {
		member := e.Describe()
		text = cmp.Or(member, text)
		if member != "" && r.URL.Query().Has("leader") { // a leader without its database is one
			unwell = nil
			if err := e.Leading(); err != nil {
				unwell = []error{err}
			}
		}
	}
	if len(unwell) == 0 {
		fmt.Fprintln(w, text+i.shedding(", and "))
		return
	}
	http.Error(w, oneLine(unwell)+i.shedding("; the server is "), http.StatusServiceUnavailable)
}

// oneLine joins sentences, of which one may be of several errors that were joined by line breaks.
// Scripts read one line.
func oneLine(errs []error) string {
	return strings.ReplaceAll(errors.Join(errs...).Error(), "\n", "; ")
}

// handOverLimit bounds a hand-over.
const handOverLimit = 10 * time.Second

// promote makes another server the leader: the one in the parameter to, or the best.
func promote(e *engine.Engine, w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), handOverLimit)
	defer cancel()
	if err := e.HandOver(ctx, r.URL.Query().Get("to")); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, e.Describe())
}

// copyTables sends a copy of the SQLite file as it is now, for another member of the group whose own
// is lost, to who has the operator's token: sessions are in it. It takes the room of the file once
// more, beside it.
func (s *server) copyTables(w http.ResponseWriter, r *http.Request) {
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(given), []byte(s.operator)) != 1 {
		http.Error(w, "the operator's token in the data folder is needed: Authorization: Bearer ...", http.StatusUnauthorized)
		return
	}
	path := s.tables.Path + ".copy"
	if s.tables.Dialect != sqlstore.SQLite {
		http.Error(w, "the tables are in MySQL, which all servers share: there is nothing to copy", http.StatusConflict)
		return
	}
	if !s.copying.CompareAndSwap(false, true) {
		http.Error(w, "a copy is being made already; try again when it is there", http.StatusConflict)
		return
	}
	defer s.copying.Store(false)
	defer os.Remove(path)
	if err := sqlstore.CopyLive(r.Context(), s.tables, path, s.log); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	http.ServeFile(w, r, path)
}

// shedding says what the server refuses, if it does, which is no reason to be unwell: a front that
// sent its requests elsewhere would only move them.
func (i *internal) shedding(link string) string {
	if gate := i.gate.Load(); gate != nil {
		stats := (*gate).Stats()
		if refuses := stats.String(); refuses != "" {
			return link + refuses
		}
	}
	return ""
}

var errStarting = errors.New("the server is starting")

func (i *internal) close() error {
	if i == nil {
		return nil
	}
	return i.http.Close()
}
