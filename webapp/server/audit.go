package server

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"isuride/webapp/engine"
	"isuride/webapp/inspect"
	"isuride/webapp/internal/flight"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

const (
	// evidenceEvents is the number of events before a violation that are kept with it.
	evidenceEvents = 1000
	// evidenceFiles bounds the files of one process: what violates once often does again, and
	// the first time says most.
	evidenceFiles = 5
)

// evidence keeps what happened before a violation in a file, with the runtime's trace beside it
// if one is recorded.
type evidence struct {
	folder string
	trace  io.WriterTo
	log    *slog.Logger

	mu   sync.Mutex
	kept int // guarded by mu, which is held while a file is written
}

func newEvidence(folder string, recorder *flight.Recorder, log *slog.Logger) *evidence {
	return &evidence{folder: folder, trace: recorder, log: log}
}

// keep writes the file. What cannot be collected is noted in it.
func (e *evidence) keep(v *state.Violation, journal string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.kept++; e.kept > evidenceFiles {
		return
	}
	name := filepath.Join(e.folder, fmt.Sprintf("audit-%s-%d", v.At.Std().Format("20060102T150405"), e.kept))
	if err := e.write(name, v, journal); err != nil {
		e.log.Error("what happened before a violation could not be kept", "err", err)
		return
	}
	e.log.Info("what happened before the violation is kept", "file", name+".txt")
}

func (e *evidence) write(name string, v *state.Violation, journal string) (err error) {
	f, err := os.OpenFile(name+".txt", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	fmt.Fprintf(f, "%s\nviolation: %s\nride: %s\nat: %s\nlast event before: %d\nreported from: %s\n\n",
		v.Message, v.Invariant, cmp.Or(v.Ride, "none"), v.At, v.Position, journal)
	from := isuride.Moment{Position: v.Position - min(v.Position, evidenceEvents)}
	if err := inspect.Run(f, inspect.Options{Path: journal, From: &from}); err != nil {
		fmt.Fprintf(f, "# the events could not be read: %v\n", err)
	}
	return e.writeTrace(name + ".trace")
}

// writeTrace writes nothing if nothing is recorded.
func (e *evidence) writeTrace(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = e.trace.WriteTo(f)
	err = errors.Join(err, f.Close())
	if err != nil {
		os.Remove(path)
	}
	return nil // a trace is an extra
}

// audit shows operators the books, and why they are closed if they are.
func (i *internal) audit(e *engine.Engine) {
	i.mux.HandleFunc("GET /audit", func(w http.ResponseWriter, _ *http.Request) { showAudit(w, e.Stats().Audit) })
	i.mux.HandleFunc("POST /audit/reopen", func(w http.ResponseWriter, r *http.Request) {
		found, err := e.Reopen(r.Context(), r.URL.Query().Get("accept") == "differences")
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case len(found) > 0 && e.Stats().Audit.Closed != nil:
			w.WriteHeader(http.StatusConflict)
			for _, d := range found {
				fmt.Fprintln(w, d)
			}
			fmt.Fprintln(w, "the books stay closed; a restart counts them again from the journal and the database; POST /audit/reopen?accept=differences opens them as they are")
		default:
			fmt.Fprintf(w, "the books are open; %d differences are accepted\n", len(found))
		}
	})
}

func showAudit(w io.Writer, s engine.AuditStats) {
	if s.Closed == nil {
		fmt.Fprintln(w, "the books are open")
	} else {
		fmt.Fprintf(w, "the books are closed since %s: %v\n", s.Closed.At, s.Closed)
	}
	if s.Recounts == 0 {
		fmt.Fprintln(w, "they have not been recounted yet")
	} else {
		fmt.Fprintf(w, "they were recounted %d times, the last time %v ago, which took %v of CPU\n", s.Recounts, s.Age.Round(time.Second), s.Took.Round(time.Millisecond))
	}
	fmt.Fprintf(w, "the gateway was asked for %d users: %d agree, %d differ, of %d it does not tell\n", s.Gateway.Agreed+s.Gateway.Differed+s.Gateway.Silent, s.Gateway.Agreed, s.Gateway.Differed, s.Gateway.Silent)
	if d := s.Gateway.Last; d != nil {
		fmt.Fprintf(w, "the last difference: %v\n", d)
	}
	for name, amount := range s.Totals.Each {
		fmt.Fprintf(w, "%-16s %d\n", name, amount)
	}
}
