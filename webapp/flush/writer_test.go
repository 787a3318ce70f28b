package flush

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/internal/batch"
	"isuride/webapp/isuride"
)

func moved(chair string) *isuride.Event {
	return &isuride.Event{Kind: isuride.ChairMoved, Location: &isuride.ChairLocation{ChairID: chair, CreatedAt: now()}}
}

func chargeStarted(ride string) *isuride.Event {
	return &isuride.Event{Kind: isuride.ChargeStarted, Charge: &isuride.Charge{RideID: ride, Evaluation: 5}}
}

func chargeFailed(ride string) *isuride.Event {
	return &isuride.Event{Kind: isuride.ChargeFailed, Charge: &isuride.Charge{RideID: ride, Evaluation: 5}}
}

func rideCompleted(ride string) *isuride.Event {
	return &isuride.Event{Kind: isuride.RideCompleted, Ride: &isuride.Ride{ID: ride, ChairID: "c", Evaluation: 5, UpdatedAt: now()},
		Status: &isuride.RideStatus{ID: "done " + ride, RideID: ride, Status: isuride.Completed, CreatedAt: now()}}
}

// settle lets some time pass and everything that is due in it happen.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func wantPosition(t *testing.T, r *rig, want uint64) {
	t.Helper()
	if got := r.target.at() - testPosition; got != want {
		t.Fatalf("the tables are at event %d, want %d", got, want)
	}
}

// TestInterval: a cut comes one interval after the first event, with all that came since.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRig(t)
		ended := r.start(ctx)
		settle(time.Hour) // nothing to do
		r.log.append(moved("a"))
		settle(300 * ms)
		r.log.append(moved("b"))
		settle(199 * ms)
		wantPosition(t, r, 0)
		if lag := r.Lag(); lag.Events != 2 || lag.Bytes != r.log.Backlog() || lag.Bytes == 0 || lag.Age != 499*ms {
			t.Errorf("lag is %+v", lag)
		}
		settle(1 * ms)
		wantPosition(t, r, 2)
		if m := r.Stats(); m.Cuts != 1 || m.Events != 2 || m.Rows != 2 || m.Took.Count() != 1 || m.Position != testPosition+2 || m.Lag != (Lag{}) {
			t.Errorf("stats are %+v", m)
		}
		r.log.append(moved("c"))
		settle(500 * ms)
		wantPosition(t, r, 3)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestBacklogIsWorkedOff: cuts grow and follow each other closely while there is more
// than one can take.
func TestBacklogIsWorkedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Pace = Pace{MinRows: 10, MaxRows: 40} })
		r.target.before = func(context.Context) error { time.Sleep(100 * ms); return nil }
		for range 160 {
			r.log.append(moved("a"))
		}
		r.start(t.Context())
		// Without rest until 40 are left, then at most two rests of twice the work.
		settle(7*100*ms + 2*200*ms)
		var sizes []int
		for _, c := range r.target.history() {
			sizes = append(sizes, c.rows)
		}
		if want := []int{10, 20, 40, 40, 40, 10}; !slices.Equal(sizes, want) {
			t.Errorf("cuts of %v rows, want %v", sizes, want)
		}
		drain(t, r)
	})
}

func drain(t *testing.T, r *rig) {
	t.Helper()
	if err := r.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDrain(t *testing.T) {
	for name, events := range map[string]int{"empty": 0, "one": 1, "several cuts": 25} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(o *Options) { o.Pace = Pace{MinRows: 10, MaxRows: 10} })
				ended := r.start(t.Context())
				synctest.Wait() // it waits for events
				for range events {
					r.log.append(moved("a"))
				}
				began := time.Now()
				drain(t, r)
				if err := <-ended; err != nil {
					t.Errorf("Run: %v", err)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("it took %v", took)
				}
				wantPosition(t, r, uint64(events))
				drain(t, r) // again is no harm
			})
		})
	}
}

func TestDrainDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRig(t)
		r.target.before = func(context.Context) error { return errAway }
		ended := r.start(ctx)
		r.log.append(moved("a"), moved("b"))
		limited, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		if err := r.Drain(limited); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 events") {
			t.Errorf("Drain: %v", err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		wantPosition(t, r, 0)
	})
}

// TestOutage: one line when it begins and one when it is over, attempts that get rarer,
// and nothing lost.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		began := time.Now()
		var attempts []time.Duration
		r.target.before = func(context.Context) error {
			attempts = append(attempts, time.Since(began))
			if time.Since(began) < 30*time.Second {
				return errAway
			}
			return nil
		}
		r.start(t.Context())
		r.log.append(moved("a"))
		for range 40 {
			settle(time.Second)
			r.log.append(moved("b"))
			if o := r.Stats().Outage; (o != nil) != (time.Since(began) < 31850*ms) || o != nil && o.Err != errAway {
				t.Errorf("after %v the outage is %v", time.Since(began), o)
			}
		}
		drain(t, r)
		wantPosition(t, r, 41)
		wantFirst := []time.Duration{500 * ms, 550 * ms, 650 * ms, 850 * ms, 1250 * ms, 2050 * ms, 3650 * ms, 6850 * ms, 11850 * ms, 16850 * ms}
		for i, want := range wantFirst {
			if attempts[i] != want {
				t.Errorf("attempt %d after %v, want %v", i, attempts[i], want)
			}
		}
		lines := strings.Split(strings.TrimSpace(r.lines.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "takes no changes") || !strings.Contains(lines[1], "takes changes again") ||
			!strings.Contains(lines[1], "retries=12 after=31.35s") {
			t.Errorf("log:\n%s", r.lines)
		}
		if m := r.Stats(); m.Retries != 12 || m.Outage != nil {
			t.Errorf("%d retries, outage %v", m.Retries, m.Outage)
		}
	})
}

// TestAmbiguousCommit: the commit succeeded and its answer was lost, while more events
// arrive. memTarget insists on the same cut again.
func TestAmbiguousCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		lost := false
		r.target.after = func(context.Context) error {
			if lost {
				return nil
			}
			lost = true
			r.log.append(moved("late"))
			return errAway
		}
		r.start(t.Context())
		r.log.append(rideCompleted("r"))
		settle(500 * ms)
		if got := r.log.releasedUpTo(); !lost || got != testFirst {
			t.Errorf("released up to %d while the outcome is unknown", got)
		}
		drain(t, r)
		wantPosition(t, r, 2)
		if got := r.target.ride("r"); got.Evaluation != 5 {
			t.Errorf("ride is %+v", got)
		}
	})
}

// TestHangingTarget: an attempt that never returns is given up and repeated.
func TestHangingTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		hung := false
		r.target.before = func(ctx context.Context) error {
			if hung {
				return nil
			}
			hung = true
			<-ctx.Done()
			return ctx.Err()
		}
		r.start(t.Context())
		r.log.append(moved("a"))
		settle(attemptLimit + time.Second)
		wantPosition(t, r, 1)
		drain(t, r)
	})
}

func TestRejectedCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Ceiling = 1; o.Pace = Pace{MinRows: 1, MaxRows: 1} })
		r.target.before = func(context.Context) error { return errReject }
		ended := r.start(t.Context())
		r.log.append(moved("a"), moved("b"), moved("c"))
		if err := <-ended; !errors.Is(err, errReject) || !strings.Contains(err.Error(), "write events up to 1001") {
			t.Errorf("Run: %v", err)
		}
		if err := r.Drain(t.Context()); !errors.Is(err, errReject) {
			t.Errorf("Drain: %v", err)
		}
		if err := r.Admit(t.Context()); err != ErrEnded {
			t.Errorf("Admit: %v", err)
		}
		if got := r.log.releasedUpTo(); got != testFirst {
			t.Errorf("released up to %d", got)
		}
	})
}

func TestBrokenLog(t *testing.T) {
	for _, c := range []struct {
		name     string
		sabotage func(*rig)
		want     string
	}{
		{"garbage", func(r *rig) { r.log.appendBytes([]byte{99}) }, "event 1001: "},
		{"gap", func(r *rig) { r.log.append(moved("a"), moved("b")); r.log.Next() }, "the log goes from event 1000 to 1002"},
		{"closed", func(r *rig) { close(r.log.closed) }, errLogClosed.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				c.sabotage(r)
				if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				wantPosition(t, r, 0)
			})
		})
	}
}

func TestOpenChargesHoldTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.OpenCharges = isuride.OpenCharges{"old": {Seq: 990}, "older": {Seq: 980}} })
		ended := r.start(t.Context())
		for _, step := range []struct {
			event *isuride.Event
			want  uint64
		}{
			{moved("a"), 979},
			{chargeStarted("new"), 979},        // 1002
			{rideCompleted("older"), 989},      // 1003
			{chargeFailed("old"), 1001},        // 1004
			{chargeStarted("newer"), 1001},     // 1005
			{rideCompleted("new"), 1004},       // 1006
			{chargeStarted("newer"), 1006},     // 1007, as after a failure that could not be recorded
			{rideCompleted("no charge"), 1006}, // 1008
			{rideCompleted("newer"), 1009},     // 1009
		} {
			r.log.append(step.event)
			settle(time.Second)
			if got := r.log.releasedUpTo(); got != step.want {
				t.Errorf("after event %d: released up to %d, want %d", r.log.Appended(), got, step.want)
			}
		}
		drain(t, r)
		<-ended
	})
}

func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Ceiling = 100; o.Pace = Pace{MinRows: 1, MaxRows: 2} })
		var back atomic.Bool
		r.target.before = func(context.Context) error {
			if back.Load() {
				return nil
			}
			return errAway
		}
		r.start(t.Context())
		for r.log.Backlog() < 100 {
			if err := r.Admit(t.Context()); err != nil || !r.Admitting() {
				t.Fatalf("below the ceiling: %v", err)
			}
			if behind := r.Behind(); behind != (r.log.Backlog() >= 50) {
				t.Errorf("with %d bytes behind: %t", r.log.Backlog(), behind)
			}
			want := batch.Flowing
			switch {
			case r.log.Backlog() == 0:
				want = batch.Idle
			case r.Behind():
				want = batch.Filling
			}
			if level := r.Stats().Level; level != want {
				t.Errorf("with %d bytes the level is %v; want %v", r.log.Backlog(), level, want)
			}
			r.log.append(moved("a"))
		}
		if r.Admitting() {
			t.Error("admitting above the ceiling")
		}
		if s := r.Stats(); s.Level != batch.Paused || s.CutRows != 1 {
			t.Errorf("above the ceiling the level is %v, with cuts of %d rows", s.Level, s.CutRows)
		}
		limited, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		if err := r.Admit(limited); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Admit during the outage: %v", err)
		}
		admitted := make(chan error, 3)
		for range cap(admitted) {
			go func() { admitted <- r.Admit(t.Context()) }()
		}
		settle(time.Second)
		if len(admitted) != 0 {
			t.Error("admitted during the outage")
		}
		back.Store(true)
		for range cap(admitted) {
			if err := <-admitted; err != nil {
				t.Errorf("Admit: %v", err)
			}
		}
		drain(t, r)
		if level := r.Stats().Level; level != batch.Idle {
			t.Errorf("at the end the level is %v", level)
		}
	})
}

// TestChargeHoldsNobodyBack: what an open charge keeps in the log is no reason to stop
// writers.
func TestChargeHoldsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Ceiling = 100; o.Pace = Pace{MinRows: 1, MaxRows: 2} })
		r.start(t.Context())
		r.log.append(chargeStarted("r"))
		for range 20 {
			r.log.append(moved("a"))
		}
		settle(time.Minute)
		if r.log.Backlog() < 100 || !r.Admitting() || r.Behind() {
			t.Errorf("backlog of %d bytes, admitting %t", r.log.Backlog(), r.Admitting())
		}
		drain(t, r)
	})
}

// TestSkip: records that are no events are passed and released; the tables learn of their
// numbers with the next event, or at the end.
func TestSkip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mark := chargeStarted("a mark").Append(nil) // has no rows, as the target's twin sees it
		r := newRig(t, func(o *Options) {
			o.Skip = func(payload []byte) bool { return bytes.Equal(payload, mark) }
		})
		ended := r.start(t.Context())
		r.log.appendBytes(mark)
		settle(time.Hour)
		wantPosition(t, r, 0)
		if lag := r.Lag(); lag.Events != 0 || r.log.releasedUpTo() != testPosition+1 {
			t.Errorf("lag is %+v, released up to %d", lag, r.log.releasedUpTo())
		}
		r.log.append(moved("b"))
		r.log.appendBytes(mark)
		settle(time.Hour)
		if err := r.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantPosition(t, r, 3)
		if n := r.Stats().Events; n != 1 {
			t.Errorf("%d events were written", n)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
