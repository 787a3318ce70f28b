package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"isuride/webapp/snapshot"
	"isuride/webapp/state"
)

// toilLimit bounds what only a fault, or a machine with very much else to do, keeps from ending.
const toilLimit = 5 * time.Minute

// toil is what engines do at once, as often as they can: write snapshots, recount their books for two operators,
// and register users.
type toil struct {
	t     *testing.T
	until chan struct{}
	ended sync.WaitGroup

	snapshots, recounts, users, number atomic.Int64 // that succeeded; all users that were tried
}

func newToil(t *testing.T, engines map[string]*Engine) *toil {
	w := &toil{t: t, until: make(chan struct{})}
	for name, e := range engines {
		w.repeat(func() {
			if info, err := e.Snapshot(); err == nil {
				w.snapshots.Add(1)
				w.usable(info)
			}
		})
		for range 2 {
			w.repeat(func() {
				was := e.Describe()
				found, err := e.Reopen(t.Context(), false)
				if err == nil {
					w.recounts.Add(1)
				}
				if len(found) > 0 {
					t.Errorf("a recount of %s, %s and now %s, finds %v", name, was, e.Describe(), found)
				}
			})
		}
		w.repeat(func() {
			if enlist(e, fmt.Sprint("user", w.number.Add(1))) == nil {
				w.users.Add(1)
			}
		})
	}
	return w
}

// usable makes sure that a restart could begin with a snapshot, unless a newer one has taken its place.
func (w *toil) usable(info snapshot.Info) {
	r, err := snapshot.Open(info.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		w.t.Error(err)
		return
	}
	defer r.Close()
	h := r.Header()
	if h.Span.From > h.Span.To {
		w.t.Errorf("the snapshot of generation %d reaches from %d to %d", h.Generation, h.Span.From, h.Span.To)
	}
	if err := r.Each(func(i *state.Image) error {
		if i.Position > h.Span.To {
			return fmt.Errorf("the snapshot of generation %d up to event %d has an image of event %d", h.Generation, h.Span.To, i.Position)
		}
		return nil
	}); err != nil {
		w.t.Error(err)
	}
}

func (w *toil) repeat(do func()) {
	w.ended.Go(func() {
		for {
			select {
			case <-w.until:
				return
			default:
				do()
				time.Sleep(time.Millisecond) // or the recounts would not come to an end of the users
			}
		}
	})
}

// goesOn waits until more of everything has been done.
func (w *toil) goesOn() {
	w.t.Helper()
	users, recounts, snapshots := w.users.Load()+60, w.recounts.Load()+6, w.snapshots.Load()+3
	for deadline := time.Now().Add(toilLimit); w.users.Load() < users || w.recounts.Load() < recounts || w.snapshots.Load() < snapshots; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%d users, %d recounts and %d snapshots are missing after %v", users-w.users.Load(), recounts-w.recounts.Load(), snapshots-w.snapshots.Load(), toilLimit)
		}
	}
}

func (w *toil) end() {
	w.t.Helper()
	close(w.until)
	idle := make(chan struct{})
	go func() { w.ended.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-time.After(toilLimit):
		w.t.Fatal("something waits for ever")
	}
}

// TestGroupInAllItsWork: snapshots and recounts of all members, initializes and hand-overs at once do not wait
// for each other for ever, and no recount finds a difference.
func TestGroupInAllItsWork(t *testing.T) {
	g := newTrio(t)
	g.leader()
	w := newToil(t, g.engines)
	for range 3 {
		_, e := g.leader()
		if err := e.Initialize("http://localhost:1", waits); err != nil {
			t.Logf("initialize: %v", err) // by one that leads no more
		}
		w.goesOn()
		_, e = g.leader()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := e.HandOver(ctx, ""); err != nil {
			t.Logf("hand-over: %v", err)
		}
		cancel()
	}
	w.end()
	_, e := g.leader()
	g.must(e.Initialize("http://localhost:1", waits))
	g.enlist("last")
	g.everybodyHas(1)
}

// TestServerInAllItsWork is the same of a server alone.
func TestServerInAllItsWork(t *testing.T) {
	p := newPlace(t)
	e := p.mustStart("a.db")
	w := newToil(t, map[string]*Engine{"alone": e})
	for range 2 {
		if err := e.Initialize("http://localhost:1", waits); err != nil {
			t.Errorf("initialize: %v", err)
		}
		w.goesOn()
	}
	w.end()
	p.stop(e)
}
