package watch

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/remote"
)

// Stream runs a script somewhere, see Target.
type Stream func(ctx context.Context, script string, out io.Writer) error

const (
	fresh    = 3 * time.Second  // a host that was silent for longer is shown as gone
	patience = 10 * time.Second // a session that was silent for longer is ended
	pause    = 2 * time.Second  // before the next session
)

//go:embed probe.sh
var probe string

// watcher follows one host.
type watcher struct {
	target Target

	mu      sync.Mutex
	since   time.Time // of the latest frame, of the start before the first one
	problem string    // why there are no frames, as far as known
	machine machine
	server  server
}

var errSilent = fmt.Errorf("no figures for %s", patience)

// run keeps sessions with the host open until the context ends.
func (w *watcher) run(ctx context.Context) {
	w.note("connecting")
	for ctx.Err() == nil {
		w.note(w.session(ctx))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// session returns the reason for its end.
func (w *watcher) session(ctx context.Context) string {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	silent := time.AfterFunc(patience, func() { end(errSilent) })
	defer silent.Stop()
	out := &frames{each: func(f frame) {
		silent.Reset(patience)
		w.add(f)
	}}
	err := w.target.Stream(ctx, settings(w.target.Metrics)+probe, out)
	var failed *remote.Error
	switch {
	case errors.As(err, &failed):
		return failed.Err.Error() // the host's name is beside it
	case err != nil:
		return err.Error()
	}
	return "the session ended"
}

// settings are the variables that probe.sh uses.
func settings(metrics string) string {
	return "metrics='" + strings.ReplaceAll(metrics, "'", `'\''`) + "' unit=" + layout.Server + " current=" + layout.Current + "\n"
}

func (w *watcher) note(problem string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problem = problem
}

func (w *watcher) add(f frame) {
	now, err := parseSample(f)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.problem = "does not understand its " + err.Error()
		return
	}
	w.since, w.problem = time.Now(), ""
	w.machine.add(now)
	if w.target.Metrics != "" {
		w.server.add(now.uptime, f, w.since)
	}
}

// report has no server if there is none or it does not answer.
func (w *watcher) report(now time.Time) (Host, *Server) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := Host{Name: w.target.Name, Roles: roleNames(w.target.Roles)}
	if silence := now.Sub(w.since); silence > fresh || w.machine.last.uptime == 0 {
		h.Gone, h.Problem = silence.Truncate(time.Second).Seconds(), w.problem
		return h, nil
	}
	h.Here = true
	w.machine.fill(&h)
	if w.target.Metrics == "" {
		return h, nil
	}
	if now.Sub(w.server.seen) > fresh {
		h.Problem = strings.TrimSpace("no metrics on " + w.target.Metrics + " " + w.server.problem)
		return h, nil
	}
	s := w.server.report()
	h.Replica = s.Replica
	return h, s
}
