package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"isuride/webapp/internal/pulse"
	"isuride/webapp/replica"
)

// wire connects the members of a test's group without sockets, and can be cut. Its clock ticks for
// all members in turn, and each hears what the others have said before it ticks: a machine that is
// too busy for one of them is slow for all, so that nobody loses an election for want of a CPU.
type wire struct {
	ticks   atomic.Int64
	ticking sync.Mutex // held during a tick

	mu    sync.Mutex
	nodes map[uint64]*wireNode
	cut   map[uint64]bool // these neither send nor receive
	ice   map[uint64]bool // these are frozen
}

// tick is a tick of all members that are not frozen.
func (w *wire) tick() {
	w.ticking.Lock()
	defer w.ticking.Unlock()
	w.mu.Lock()
	nodes := slices.Collect(maps.Values(w.nodes))
	w.mu.Unlock()
	w.ticks.Add(1)
	for _, n := range nodes {
		if w.isFrozen(n.id) {
			continue
		}
		_ = n.do(context.Background(), func() {
			n.receive()
			n.core.Tick()
		}) // one that is closed does not tick
	}
}

func (w *wire) isFrozen(id uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ice[id]
}

func (w *wire) send(from uint64, out replica.Outgoing) {
	w.mu.Lock()
	to := w.nodes[out.To]
	if w.cut[from] || w.cut[out.To] {
		to = nil
	}
	w.mu.Unlock()
	if to == nil {
		return
	}
	select {
	case to.inbox <- slices.Clone(out.Frame):
	default: // it is slow: frames may be lost
	}
}

func (w *wire) setCut(name string, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[replica.IDOf(name)] = cut
}

// freeze has a member hear and say nothing, and do nothing, until thaw.
func (w *wire) freeze(name string) (thaw func()) {
	w.ticking.Lock()
	defer w.ticking.Unlock()
	id := replica.IDOf(name)
	w.mu.Lock()
	n := w.nodes[id]
	w.ice[id] = true
	w.mu.Unlock()
	frozen, over := make(chan struct{}), make(chan struct{})
	go n.do(context.Background(), func() {
		close(frozen)
		<-over
	})
	<-frozen
	return func() {
		close(over)
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.ice, id)
	}
}

func (w *wire) image(from, to uint64, name string) bool {
	w.mu.Lock()
	a, b := w.nodes[from], w.nodes[to]
	w.mu.Unlock()
	if b == nil {
		return false
	}
	r, _, err := a.o.Images.Open(name)
	if err != nil {
		return false
	}
	defer r.Close()
	return b.o.Images.Receive(name, r) == nil
}

// wireNode drives a core in the time of its wire.
type wireNode struct {
	o      replica.Options
	wire   *wire
	id     uint64
	core   *replica.Core
	inbox  chan []byte
	calls  chan func()
	stop   chan struct{}
	done   chan struct{}
	born   int64 // in ticks of the wire
	status atomic.Pointer[replica.Status]
	pulse  pulse.Pulse
	lease  atomic.Int64
	failed atomic.Pointer[error]

	tickets map[uint64]chan replica.Confirmed // owned by run
	ticket  uint64
}

const (
	wireTick = 25 * time.Millisecond // as the members see it
	wirePace = 10 * time.Millisecond // what it takes, if the machine has the time
)

func (w *wire) start(o replica.Options) (node, error) {
	n := &wireNode{o: o, wire: w, id: replica.IDOf(o.Self), inbox: make(chan []byte, 4096), calls: make(chan func()), stop: make(chan struct{}),
		done: make(chan struct{}), born: w.ticks.Load(), tickets: map[uint64]chan replica.Confirmed{}}
	var err error
	n.core, err = replica.NewCore(replica.CoreOptions{Self: o.Self, Members: o.Members, Log: o.Log, Images: o.Snapshots, Doubt: o.Doubt,
		Now: n.now, Tick: wireTick, Nonce: uint64(time.Now().UnixNano()), Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	s := n.core.Status()
	n.status.Store(&s)
	w.mu.Lock()
	w.nodes[n.id] = n
	w.mu.Unlock()
	go n.run()
	return n, nil
}

func (n *wireNode) run() {
	defer close(n.done)
	for {
		grown, synced := n.o.Log.Grown(), n.o.Log.Synced()
		n.core.Grown()
		n.core.Synced()
		n.put()
		select {
		case frame := <-n.inbox:
			_ = n.core.Receive(frame)
		case call := <-n.calls:
			call()
		case <-grown:
		case <-synced:
		case <-n.stop:
			return
		}
		n.put()
	}
}

// receive takes in all that has come.
func (n *wireNode) receive() {
	for {
		select {
		case frame := <-n.inbox:
			_ = n.core.Receive(frame)
		default:
			return
		}
	}
}

func (n *wireNode) now() time.Duration { return time.Duration(n.wire.ticks.Load()-n.born) * wireTick }

// put hands on what the core has said.
func (n *wireNode) put() {
	n.lease.Store(int64(n.core.LeaseUntil()))
	for _, out := range slices.Clone(n.core.TakeFrames()) {
		if out.Image != "" {
			ok := n.wire.image(n.id, out.To, out.Image)
			if ok {
				n.wire.send(n.id, out)
			}
			n.core.ImageSent(out.To, ok)
			continue
		}
		n.wire.send(n.id, out)
	}
	for _, c := range n.core.TakeConfirmed() {
		n.tickets[c.Ticket] <- c
		delete(n.tickets, c.Ticket)
	}
	if err := n.core.Err(); err != nil && n.Err() == nil {
		n.failed.Store(&err)
		n.pulse.Beat()
	}
	s, old := n.core.Status(), n.status.Load()
	n.status.Store(&s)
	if s.Role != old.Role || s.Term != old.Term || s.Leader != old.Leader || s.Ready != old.Ready || s.Open != old.Open || s.Handing != old.Handing || s.Doubt != old.Doubt {
		n.pulse.Beat()
	}
}

func (n *wireNode) do(ctx context.Context, call func()) error {
	ran := make(chan struct{})
	select {
	case n.calls <- func() { defer close(ran); call() }:
		<-ran
		return nil
	case <-n.done:
		return replica.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *wireNode) Status() *replica.Status  { return n.status.Load() }
func (n *wireNode) Changed() <-chan struct{} { return n.pulse.Next() }

func (n *wireNode) Accept(term uint64) (err error) {
	return errors.Join(n.do(context.Background(), func() { err = n.core.Accept(term) }), err)
}

func (n *wireNode) ReadIndex(ctx context.Context) (uint64, error) {
	got := make(chan replica.Confirmed, 1)
	err := n.do(ctx, func() {
		n.ticket++
		n.tickets[n.ticket] = got
		n.core.ReadIndex(n.ticket)
	})
	if err != nil {
		return 0, err
	}
	select {
	case c := <-got:
		return c.Committed, c.Err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (n *wireNode) Lease() bool { return n.now() < time.Duration(n.lease.Load()) }

func (n *wireNode) Transfer(ctx context.Context, to string) (err error) {
	id := uint64(0)
	if to != "" {
		id = replica.IDOf(to)
	}
	if e := n.do(ctx, func() { err = n.core.Transfer(id) }); e != nil || err != nil {
		return errors.Join(e, err)
	}
	for {
		changed := n.Changed()
		if s := n.Status(); s.Role != replica.Leader && s.Leader != 0 {
			return nil
		}
		handing := false
		if err := n.do(ctx, func() { handing = n.core.Handing() }); err != nil || !handing && n.Status().Role == replica.Leader {
			return errors.Join(err, errors.New("nobody has taken over"))
		}
		select {
		case <-changed:
		case <-time.After(wireTick):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Err says why the member has ended.
func (n *wireNode) Err() error {
	if err := n.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close ends the member without a word, as a kill does.
func (n *wireNode) Close() error {
	n.wire.mu.Lock()
	delete(n.wire.nodes, n.id)
	n.wire.mu.Unlock()
	close(n.stop)
	<-n.done
	return nil
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{nodes: map[uint64]*wireNode{}, cut: map[uint64]bool{}, ice: map[uint64]bool{}}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		pace := time.NewTicker(wirePace)
		defer pace.Stop()
		for {
			select {
			case <-pace.C:
				w.tick()
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	return w
}
