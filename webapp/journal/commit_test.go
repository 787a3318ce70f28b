package journal

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/internal/disk"
)

// gate is a disk whose syncs take until the test lets them through.
type gate struct {
	syncs atomic.Int32
	let   chan error // what the sync answers; closed: all are let through
}

func newGate() *gate { return &gate{let: make(chan error)} }

func (g *gate) system() system {
	sys := unsynced()
	sys.syncData = func(disk.File) error {
		g.syncs.Add(1)
		return <-g.let
	}
	return sys
}

func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		j := mustOpen(t, Options{Dir: t.TempDir(), Durability: Power, SegmentBytes: 1 << 20}, g.system())
		var done atomic.Int32
		wait := func(n int) {
			for range n {
				go func() {
					seq, err := j.Append([]byte("x"))
					if err == nil {
						err = j.Wait(seq)
					}
					if err != nil || j.Durable() < seq {
						t.Errorf("record %d, durable %d: %v", seq, j.Durable(), err)
					}
					done.Add(1)
				}()
			}
			synctest.Wait()
		}
		expect := func(what string, syncs, acknowledged int32) {
			t.Helper()
			synctest.Wait()
			if g.syncs.Load() != syncs || done.Load() != acknowledged {
				t.Fatalf("%s: %d syncs and %d acknowledged, want %d and %d", what, g.syncs.Load(), done.Load(), syncs, acknowledged)
			}
		}
		wait(1)
		expect("the first waits alone", 1, 0)
		wait(255)
		expect("the others wait for the next sync", 1, 0)
		g.let <- nil
		expect("one is safe, the next sync runs", 2, 1)
		g.let <- nil
		expect("one sync for all the others", 2, 256)
		time.Sleep(10 * time.Hour)
		expect("nothing to sync, no sync", 2, 256)
		close(g.let)
	})
}

// A record that the sync under way covers does not wait for the one after.
func TestLateWaiterJoinsTheSyncUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		j := mustOpen(t, Options{Dir: t.TempDir(), Durability: Power, SyncInterval: time.Second}, g.system())
		seq := mustAppend(t, j, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		var done atomic.Bool
		go func() {
			if err := j.Wait(seq); err != nil {
				t.Error(err)
			}
			done.Store(true)
		}()
		synctest.Wait()
		if done.Load() {
			t.Fatal("acknowledged before the sync")
		}
		g.let <- nil
		synctest.Wait()
		if !done.Load() || g.syncs.Load() != 1 {
			t.Fatalf("acknowledged %v after %d syncs", done.Load(), g.syncs.Load())
		}
		close(g.let)
	})
}

func TestBackgroundSync(t *testing.T) {
	for _, level := range []Durability{Crash, Power} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			close(g.let)
			j := mustOpen(t, Options{Dir: t.TempDir(), Durability: level, SyncInterval: 100 * time.Millisecond}, g.system())
			for round := range int32(3) {
				time.Sleep(time.Hour)
				seq := mustAppend(t, j, nil)
				time.Sleep(99 * time.Millisecond)
				synctest.Wait()
				if g.syncs.Load() != round {
					t.Fatalf("%s: %d syncs before the interval is over, want %d", level, g.syncs.Load(), round)
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				if g.syncs.Load() != round+1 || j.Durable() != seq {
					t.Fatalf("%s: %d syncs, durable %d, want %d and %d", level, g.syncs.Load(), j.Durable(), round+1, seq)
				}
			}
			if s := j.Stats(); s.Syncs != 3 {
				t.Fatalf("stats %+v", s)
			}
		})
	}
}

func TestCrashDoesNotWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		j := mustOpen(t, Options{Dir: t.TempDir(), SyncInterval: time.Second}, g.system())
		mustAppend(t, j, nil)
		time.Sleep(time.Second)
		synctest.Wait() // the sync is under way and stays so
		for range 200 {
			if err := j.Wait(mustAppend(t, j, numbered(1, 100))); err != nil {
				t.Fatal(err)
			}
		}
		if g.syncs.Load() != 1 || j.Durable() != 0 {
			t.Fatalf("%d syncs, durable %d", g.syncs.Load(), j.Durable())
		}
		close(g.let)
	})
}

// After a failed sync nothing is promised any more, whatever a later sync would say.
func TestFailedSyncStopsTheJournal(t *testing.T) {
	for _, level := range []Durability{Crash, Power} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			g := newGate()
			j, err := tryOpen(Options{Dir: dir, Durability: level, SyncInterval: time.Second}, g.system())
			if err != nil {
				t.Fatal(err)
			}
			safe := mustAppend(t, j, []byte("safe"))
			time.Sleep(time.Second)
			g.let <- nil
			synctest.Wait()

			lost := mustAppend(t, j, []byte("lost"))
			waiters := make(chan error, 2)
			wait := func(seq uint64) { go func() { waiters <- j.Wait(seq) }() }
			if level == Power {
				wait(lost) // starts a sync
			}
			time.Sleep(time.Second)
			synctest.Wait()
			late := mustAppend(t, j, []byte("late"))
			if level == Power {
				wait(late) // for the next sync, which never comes
			}
			synctest.Wait()
			g.let <- syscall.EIO
			close(g.let) // from here on the disk claims to be fine
			time.Sleep(time.Hour)

			if want := map[Durability]int{Power: 2}[level]; len(waiters) != want {
				t.Errorf("%s: %d waiters were released, want %d", level, len(waiters), want)
			}
			for len(waiters) > 0 {
				if err := <-waiters; !errors.Is(err, syscall.EIO) {
					t.Errorf("%s: waiter got %v", level, err)
				}
			}
			if err := j.Wait(late); !errors.Is(err, syscall.EIO) {
				t.Errorf("%s: Wait: %v", level, err)
			}
			if _, err := j.Append(nil); !errors.Is(err, syscall.EIO) {
				t.Errorf("%s: Append: %v", level, err)
			}
			if err := j.Wait(safe); err != nil {
				t.Errorf("%s: Wait for what was safe before: %v", level, err)
			}
			if s := j.Stats(); !errors.Is(s.Err, syscall.EIO) || s.Durable != safe || s.Syncs != 2 {
				t.Errorf("%s: stats %+v", level, s)
			}
			if err := j.Close(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "sync failed") {
				t.Errorf("%s: Close: %v", level, err)
			}
			if err := j.Wait(late); !errors.Is(err, syscall.EIO) {
				t.Errorf("%s: Wait after Close: %v", level, err)
			}
			again := mustOpen(t, Options{Dir: dir}, unsynced())
			if n := again.Appended(); n != late {
				t.Errorf("%s: %d records after a restart, want %d", level, n, late)
			}
		})
	}
}

func TestCloseReleasesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		j := mustOpen(t, Options{Dir: t.TempDir(), Durability: Power}, g.system())
		var wg sync.WaitGroup
		for range 10 {
			seq := mustAppend(t, j, nil)
			wg.Go(func() {
				if err := j.Wait(seq); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(g.let)
		mustClose(t, j)
		wg.Wait()
	})
}

// Waiters on many goroutines and through many segments: a waiter that learns that a
// record is safe finds it below the durable number.
func TestWaitMeansDurable(t *testing.T) {
	j := mustOpen(t, Options{Dir: t.TempDir(), Durability: Power, SyncInterval: time.Millisecond}, unsynced())
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for i := range 300 {
				seq, err := j.Append(numbered(i, 64))
				if err == nil {
					err = j.Wait(seq)
				}
				if err != nil || j.Durable() < seq {
					t.Errorf("record %d, durable %d: %v", seq, j.Durable(), err)
					return
				}
			}
		})
	}
	wg.Wait()
	if s := j.Stats(); s.Durable != 32*300 || s.Err != nil {
		t.Errorf("stats %+v", s)
	}
}
