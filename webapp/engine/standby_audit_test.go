package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
)

// TestStandbyKeepsBooks: a standby recounts its own books beside what it applies, and a fault in its
// memory, which no event has made, closes them there and nowhere else.
func TestStandbyKeepsBooks(t *testing.T) {
	g := newTrio(t)
	_, leader := g.leader()
	rider, err := leader.Current().Store.RegisterUser(state.NewUser{Username: "rider", Firstname: "f", Lastname: "l", DateOfBirth: "d"})
	g.must(err)
	for i := range 4 {
		g.enlist(fmt.Sprint("user", i))
	}
	g.everybodyHas(5)
	var standby *Engine
	for _, e := range g.engines {
		if s := e.following(); s != nil {
			standby = e
			break
		}
	}
	s := standby.following()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 5; ; i++ {
			select {
			case <-stop:
				return
			default:
				_, leader := g.leader()
				_ = enlist(leader, fmt.Sprint("user", i)) // another one may lead by now
			}
		}
	}()
	for range 20 {
		if _, found, err := s.recount(newWork(t.Context(), false)); err != nil || len(found) > 0 {
			t.Fatalf("beside the leader's events a standby finds %v, %v", found, err)
		}
		leads := leader.Current()
		if leads == nil {
			continue // on a busy machine another one may by now
		}
		if found, err := leads.audit.recount(leads.ctx, newWork(leads.ctx, false)); leads.ctx.Err() == nil && (err != nil || len(found) > 0) {
			t.Fatalf("with events that no majority has yet the leader finds %v, %v", found, err)
		}
	}
	close(stop)
	<-stopped

	s.reading.Lock()
	own, ok := s.gen.Load().Store.UserByToken([]byte(rider.AccessToken))
	if !ok {
		t.Fatal("the standby does not know the rider")
	}
	coupons := reflect.ValueOf(own).Elem().FieldByName("coupons")
	(*(*[]isuride.Coupon)(coupons.Addr().UnsafePointer()))[0].Discount++ // as a fault of the memory would
	s.reading.Unlock()
	gen, found, err := s.recount(newWork(t.Context(), false))
	gen.audit.report(found, err)
	if len(found) == 0 || err != nil {
		t.Fatalf("a yen too much is not found (%v)", err)
	}
	if err := errors.Join(standby.Health()...); err == nil || !strings.Contains(err.Error(), "the books are closed") {
		t.Errorf("the standby says %v", err)
	}
	g.await("nobody seems to lead, and the standby says so, too", func() bool {
		standby.member.silent.Store(time.Now().Add(-time.Minute).UnixNano())
		all := standby.Health()
		return len(all) > 1 && strings.HasPrefix(all[0].Error(), "no server leads") && strings.HasPrefix(all[1].Error(), "the books are closed")
	})
	if differences, err := standby.Reopen(t.Context(), false); err != nil || len(differences) == 0 {
		t.Errorf("opening the books again is answered with %v, %v", differences, err)
	}
	for _, e := range g.engines {
		if e != standby && e.latest().Store.Closed() != nil {
			t.Error("the books of another server are closed")
		}
	}
}

// TestStandbyWithinItsSnapshot: a standby whose log does not yet reach the end of the snapshot that it
// began with counts nothing: of some entities it has more than of others.
func TestStandbyWithinItsSnapshot(t *testing.T) {
	g := newTrio(t)
	name, leader := g.leader()
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					_ = enlist(leader, fmt.Sprintf("user%d-%d", i, n))
				}
			}
		})
	}
	g.await("a snapshot during which something happens", func() bool {
		info, err := leader.Snapshot()
		return err == nil && info.Span.From < info.Span.To
	})
	close(stop)
	wait.Wait()
	g.stop(name)
	g.wire.setCut(name, true) // so that it does not learn what is committed
	g.start(name)
	s := g.engines[name].following()
	if _, found, err := s.recount(newWork(t.Context(), false)); !errors.Is(err, errNotYet) || len(found) > 0 {
		t.Errorf("within the snapshot a recount finds %v, %v", found, err)
	}
	if _, err := s.count(s.gen.Load(), func(*state.Image) error { return nil }); !errors.Is(err, errNotYet) {
		t.Errorf("within the snapshot it is counted: %v", err)
	}
	g.wire.setCut(name, false)
	g.await("it has caught up", func() bool { _, _, err := s.recount(newWork(t.Context(), false)); return err == nil })
	if _, found, err := s.recount(newWork(t.Context(), false)); err != nil || len(found) > 0 {
		t.Errorf("behind the snapshot a recount finds %v, %v", found, err)
	}
}

// TestRecountWaitsForTheMajority: what nobody but the leader has yet is no reason to give a recount up.
func TestRecountWaitsForTheMajority(t *testing.T) {
	g := newTrio(t)
	name, leader := g.leader()
	gen := leader.Current()
	g.wire.setCut(name, true)
	if _, err := gen.Store.RegisterUser(state.NewUser{Username: "alone", Firstname: "f", Lastname: "l", DateOfBirth: "d"}); err != nil {
		t.Fatal(err)
	}
	if gen.recorded() == gen.journal.Watermark() {
		t.Fatal("a majority has what was recorded behind the cut")
	}
	found, err := gen.audit.recount(gen.ctx, newWork(gen.ctx, false)) // until this server is deposed
	if len(found) > 0 || !errors.Is(err, context.Canceled) && !errors.Is(err, journal.ErrGone) {
		t.Errorf("it has found %v, %v", found, err)
	}
	g.wire.setCut(name, false)
}
