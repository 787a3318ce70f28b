package live

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"isuride/tools/dev/freeport"
)

// A stub is a server that accepts everything and never has a free chair, so that nobody
// rides. Tests break it.
type stub struct {
	ids    atomic.Int64
	mu     sync.Mutex
	broken map[string]http.HandlerFunc // by method and path
}

func (s *stub) breakWith(pattern string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = map[string]http.HandlerFunc{}
	}
	s.broken[pattern] = h
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func reply(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Method + " " + r.URL.Path
	s.mu.Lock()
	broken := s.broken[key]
	s.mu.Unlock()
	if broken != nil {
		broken(w, r)
		return
	}
	id := s.ids.Add(1)
	switch key {
	case "POST /api/initialize":
		io.WriteString(w, `{"language":"stub"}`)
	case "POST /api/owner/owners":
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"id":"O%d","chair_register_token":"t"}`, id)
	case "POST /api/chair/chairs":
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"id":"C%d","owner_id":"O"}`, id)
	case "POST /api/app/users":
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"id":"U%d","invitation_code":"i"}`, id)
	case "POST /api/chair/activity", "POST /api/app/payment-methods":
		w.WriteHeader(http.StatusNoContent)
	case "POST /api/chair/coordinate":
		fmt.Fprintf(w, `{"recorded_at":%d}`, time.Now().UnixMilli())
	case "GET /api/app/rides":
		io.WriteString(w, `{"rides":[]}`)
	case "GET /api/app/nearby-chairs":
		io.WriteString(w, `{"chairs":[],"retrieved_at":1}`)
	case "GET /api/chair/notification", "GET /api/app/notification":
		io.WriteString(w, `{"data":null,"retry_after_ms":1000}`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// start serves the stub and returns the settings of a run of so many ticks against it.
func (s *stub) start(t *testing.T, ticks int) Config {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	payments := freeport.Address(t)
	return Config{
		Target: target, Dests: []netip.AddrPort{netip.MustParseAddrPort(target.Host)},
		PaymentURL: "http://" + payments, PaymentBind: payments,
		Load: time.Duration(ticks)*tickPeriod - tickPeriod/2, Seed: 1, settling: time.Millisecond,
	}
}

// A watcher is an Observer that notes phases and calls back at samples.
type watcher struct {
	mu     sync.Mutex
	phases []Phase
	sample func(Sample)
}

func (w *watcher) Phase(p Phase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phases = append(w.phases, p)
}

func (w *watcher) Sample(s Sample) {
	if w.sample != nil {
		w.sample(s)
	}
}
