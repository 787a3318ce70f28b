// Package flight keeps the runtime's trace of the last seconds: which goroutine ran when,
// and what it waited for. It is read when asked for, and written to a file when something
// was slow, so that a rare delay can be looked at after it has happened
// (go tool trace FILE). What is slow is left to others.
package flight

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"runtime/trace"
	"sync"
	"time"
)

const (
	// minAge is the time that a trace covers, unless it becomes too long.
	minAge = 10 * time.Second
	// maxBytes bounds a trace, and the memory that it takes all the time.
	maxBytes = 32 << 20
)

// Recorder records on demand. Only one can record in a process. The zero value is ready.
type Recorder struct {
	mu    sync.Mutex
	trace *trace.FlightRecorder // nil while nothing is recorded; guarded by mu
}

// Start begins to record; if that is done already, it goes on.
func (r *Recorder) Start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trace != nil {
		return nil
	}
	t := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: minAge, MaxBytes: maxBytes})
	if err := t.Start(); err != nil {
		return err
	}
	r.trace = t
	return nil
}

// Stop ends recording, and forgets what there was.
func (r *Recorder) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trace != nil {
		r.trace.Stop()
		r.trace = nil
	}
}

// errIdle is for operators.
var errIdle = errors.New("nothing is recorded; begin with: curl -X POST this address, end with -X DELETE")

// WriteTo writes the trace of the last seconds.
func (r *Recorder) WriteTo(w io.Writer) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trace == nil {
		return 0, errIdle
	}
	return r.trace.WriteTo(w)
}

// ServeHTTP begins to record with POST, ends that with DELETE, and answers GET with the
// trace of the last seconds.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var trace bytes.Buffer // so that a slow client holds up nobody
	var err error
	switch req.Method {
	case http.MethodGet:
		_, err = r.WriteTo(&trace)
	case http.MethodPost:
		err = r.Start()
	case http.MethodDelete:
		r.Stop()
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		http.Error(w, "GET, POST or DELETE", http.StatusMethodNotAllowed)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(trace.Bytes())
}
