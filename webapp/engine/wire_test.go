package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"isuride/webapp/internal/pulse"
	"isuride/webapp/replica"
)

// wire connects the members of a test's group without sockets, and can be cut.
type wire struct {
	mu    sync.Mutex
	nodes map[uint64]*wireNode
	cut   map[uint64]bool // these neither send nor receive
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
	w.mu.Lock()
	n := w.nodes[replica.IDOf(name)]
	w.mu.Unlock()
	frozen, over := make(chan struct{}), make(chan struct{})
	go n.do(context.Background(), func() {
		close(frozen)
		<-over
	})
	<-frozen
	return func() { close(over) }
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

// wireNode drives a core in real time.
type wireNode struct {
	o      replica.Options
	wire   *wire
	id     uint64
	core   *replica.Core
	inbox  chan []byte
	calls  chan func()
	stop   chan struct{}
	done   chan struct{}
	began  time.Time
	status atomic.Pointer[replica.Status]
	pulse  pulse.Pulse
	lease  atomic.Int64

	tickets map[uint64]chan replica.Confirmed // owned by run
	ticket  uint64
}

const wireTick = 25 * time.Millisecond

func (w *wire) start(o replica.Options) (node, error) {
	n := &wireNode{o: o, wire: w, id: replica.IDOf(o.Self), inbox: make(chan []byte, 4096), calls: make(chan func()), stop: make(chan struct{}),
		done: make(chan struct{}), began: time.Now(), tickets: map[uint64]chan replica.Confirmed{}}
	var err error
	n.core, err = replica.NewCore(replica.CoreOptions{Self: o.Self, Members: o.Members, Log: o.Log, Images: o.Snapshots, Doubt: o.Doubt,
		Now: func() time.Duration { return time.Since(n.began) }, Tick: wireTick, Nonce: uint64(time.Now().UnixNano()), Logger: o.Logger})
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
	tick := time.NewTicker(wireTick)
	defer tick.Stop()
	for {
		grown, synced := n.o.Log.Grown(), n.o.Log.Synced()
		n.core.Grown()
		n.core.Synced()
		n.put()
		select {
		case <-tick.C:
			n.core.Tick()
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

// put hands on what the core has said.
func (n *wireNode) put() {
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
	n.lease.Store(int64(n.core.LeaseUntil()))
	s, old := n.core.Status(), n.status.Load()
	n.status.Store(&s)
	if s.Role != old.Role || s.Term != old.Term || s.Leader != old.Leader || s.Ready != old.Ready || s.Open != old.Open || s.Doubt != old.Doubt {
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

func (n *wireNode) Lease() bool { return time.Since(n.began) < time.Duration(n.lease.Load()) }

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
	return &wire{nodes: map[uint64]*wireNode{}, cut: map[uint64]bool{}}
}
