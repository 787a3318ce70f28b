package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// fakeHost sends a frame a second while it is on.
type fakeHost struct {
	up      time.Time
	session func(n int) (frames int, err error) // how the n-th session goes; after its frames it hangs if there is no error
	n       int
	script  string
}

func (h *fakeHost) stream(ctx context.Context, script string, out io.Writer) error {
	h.script = script
	frames, err := h.session(h.n)
	h.n++
	for range frames {
		up := time.Since(h.up).Seconds()
		fmt.Fprintf(out, "@@uptime\n%.2f 0\n@@load\n0.5 0 0\n@@cpu\ncpu  %d 0 0 0 0 0 0 0\ncpu0\n@@metrics\n%s@@end\n",
			100+up, int(150*up), strings.TrimPrefix(metrics(1000, int(up)), "\n"))
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err == nil {
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	return &remote.Error{Host: "s1", Step: "watch it", Err: err}
}

// recorder keeps the newest report of each second.
type recorder struct {
	all []Report
	end func()
}

func (r *recorder) Show(reports []Report) error {
	r.all = append(r.all, reports[len(reports)-1])
	if len(r.all) >= 40 {
		r.end()
	}
	return nil
}

// watched runs for 40 seconds of fake time.
func watched(t *testing.T, session func(n int) (int, error)) (*fakeHost, []Report) {
	ctx, end := context.WithCancel(t.Context())
	h := &fakeHost{up: time.Now(), session: session}
	r := &recorder{end: end}
	target := Target{Name: "s1", Roles: []topology.Role{topology.App, topology.DB}, Metrics: "127.0.0.1:8081", Stream: h.stream}
	if err := Run(ctx, []Target{target}, r, nil); err != nil {
		t.Error(err)
	}
	return h, r.all
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := watched(t, func(int) (int, error) { return 1000, nil })
		last := reports[len(reports)-1]
		if got := last.Hosts[0]; !got.Here || got.Roles != "app,db" || !near(got.Busy, 1.5) || got.CPUs != 1 || got.Problem != "" {
			t.Errorf("got the host %+v", got)
		}
		if last.Server == nil || last.Server.Rides.Requested != 10 {
			t.Errorf("got the server %+v", last.Server)
		}
		if !strings.HasPrefix(h.script, "metrics='127.0.0.1:8081' unit=isuride-go.service current=") {
			t.Errorf("the script begins with %.80q", h.script)
		}
	})
}

// TestLostHost has a host that hangs after 8 frames, then refuses connections, and comes
// back.
func TestLostHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := watched(t, func(n int) (int, error) {
			switch n {
			case 0:
				return 8, nil
			case 1, 2, 3:
				return 0, errors.New("ssh does not get there: no route")
			}
			return 1000, nil
		})
		if h.n != 5 {
			t.Errorf("there were %d sessions, want 5", h.n)
		}
		// Frames came at seconds 0 to 7; at 17 the session was given up, and others
		// failed at 19, 21 and 23; the host was back at 25.
		for _, c := range []struct {
			second  int
			here    bool
			gone    float64
			problem string
		}{
			{7, true, 0, ""},
			{10, true, 0, ""},
			{11, false, 4, ""},
			{16, false, 9, ""},
			{18, false, 11, "no figures for 10s"},
			{22, false, 15, "ssh does not get there: no route"},
			{26, true, 0, ""},
		} {
			r := reports[c.second-1]
			got := r.Hosts[0]
			if got.Here != c.here || got.Gone != c.gone || got.Problem != c.problem {
				t.Errorf("second %d: got %+v", c.second, got)
			}
			if (r.Server != nil) != c.here {
				t.Errorf("second %d: the server is shown: %v", c.second, r.Server != nil)
			}
		}
	})
}

// TestHostNeverSeen must say why, from the first second on.
func TestHostNeverSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, reports := watched(t, func(int) (int, error) { return 0, errors.New("permission denied") })
		for _, r := range reports {
			if h := r.Hosts[0]; h.Here || h.Problem != "permission denied" {
				t.Fatalf("got %+v", h)
			}
		}
		if got := reports[30].Hosts[0].Gone; got != 31 {
			t.Errorf("gone for %v", got)
		}
	})
}

// TestServerAway has a host that continues without its server.
func TestServerAway(t *testing.T) {
	w := &watcher{target: Target{Metrics: "127.0.0.1:1"}}
	f := sections()
	f["metrics"] = metrics(1000, 5)
	w.add(f)
	if h, s := w.report(time.Now()); s == nil || h.Problem != "" {
		t.Fatalf("got %+v, %+v", h, s)
	}
	w.server.seen = w.server.seen.Add(-time.Minute)
	f["metrics"] = ""
	w.add(f)
	if h, s := w.report(time.Now()); s != nil || !h.Here || h.Problem != "no metrics on 127.0.0.1:1" {
		t.Errorf("got %+v, %+v", h, s)
	}
}

func TestUnreadableFrame(t *testing.T) {
	w := &watcher{}
	f := sections()
	f["load"] = "?"
	w.add(f)
	if h, _ := w.report(time.Now()); h.Here || !strings.HasPrefix(h.Problem, "does not understand its load") {
		t.Errorf("got %+v", h)
	}
}

// TestMemory keeps a minute of reports.
func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), 3*memory*time.Second)
		defer end()
		var last []Report
		view := viewFunc(func(reports []Report) error {
			last = slices.Clone(reports)
			return nil
		})
		began := time.Now()
		if err := Run(ctx, nil, view, nil); err != nil {
			t.Fatal(err)
		}
		if len(last) != memory || last[0].Time.Sub(began) < 2*memory*time.Second-period || !slices.IsSortedFunc(last, func(a, b Report) int { return a.Time.Compare(b.Time) }) {
			t.Errorf("%d reports, from %v on", len(last), last[0].Time.Sub(began))
		}
	})
}

// TestViewFails ends the run with all its sessions.
func TestViewFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("the file is full")
		hang := func(ctx context.Context, _ string, _ io.Writer) error { <-ctx.Done(); return ctx.Err() }
		err := Run(t.Context(), []Target{{Stream: hang}}, viewFunc(func([]Report) error { return broken }), nil)
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

type viewFunc func([]Report) error

func (f viewFunc) Show(reports []Report) error { return f(reports) }
