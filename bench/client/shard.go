package client

import (
	"sync"
	"time"

	"isuride/bench/client/burn"
	"isuride/bench/client/evloop"
	"isuride/bench/client/h1"
	"isuride/bench/world"
)

// A shard is one event loop with the entities it serves.
type shard struct {
	// Set once.
	engine     *Engine
	loop       *evloop.Loop
	done       chan struct{} // closed when the loop of another goroutine has ended; nil at home
	outboxTask evloop.Task   // sendOutbox, on this loop
	inboxTask  evloop.Task   // deliverInbox, on the World's loop

	// Owned by the loop's goroutine.
	open     int // connections, those being made included
	idle     idlePool
	decoder  h1.Decoder
	known    knownBodies
	shared   map[string]*stored // the last stored answer of each target
	buffers  [][]byte           // free ones, for bodies that came in pieces
	gathered int                // bytes of such bodies
	outbox   []delivery         // of the handler that is running
	counts   Counts

	mu      sync.Mutex
	inbox   []delivery // guarded by mu; on its way to the World's loop, from another one or from the pool
	drained []delivery // owned by the World's goroutine, kept for its capacity
}

// A delivery is an event on its way to the World.
type delivery struct {
	event world.Event
	took  time.Duration // since the call was made; 0 for a notification
}

func newShard(e *Engine, l *evloop.Loop) *shard {
	s := &shard{engine: e, loop: l, known: knownBodies{}, shared: map[string]*stored{}}
	s.outboxTask, s.inboxTask = evloop.Func(s.sendOutbox), evloop.Func(s.deliverInbox)
	return s
}

// run serves on a goroutine of its own until stop.
func (s *shard) run() {
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		if err := s.loop.Run(); err != nil {
			panic("BUG: " + err.Error()) // epoll_wait fails only if called wrongly
		}
	}()
}

func (s *shard) stop() {
	s.loop.Stop()
	<-s.done
	s.loop.Close()
}

// local reports whether the World runs on this loop, so that the shard may be called
// directly.
func (s *shard) local() bool { return s == s.engine.home }

// post runs t on the shard's goroutine; called on the World's goroutine. On one loop it
// runs at once.
func (s *shard) post(t evloop.Task) {
	if s.local() {
		t.Run()
		return
	}
	s.loop.Post(t)
}

// emit sends an event to the World, after the present handler has returned, and after
// what its lane owes was burned.
func (s *shard) emit(l *burn.Lane, d delivery) {
	if l != nil {
		s.burn(l, nil, d)
		return
	}
	if len(s.outbox) == 0 {
		s.loop.Defer(s.outboxTask)
	}
	s.outbox = append(s.outbox, d)
}

// burn sends an event through the pool, which does the work, too, if there is any.
func (s *shard) burn(l *burn.Lane, work func(), d delivery) {
	s.engine.config.Burner.Pass(l, work, func() {
		s.mu.Lock()
		first := len(s.inbox) == 0
		s.inbox = append(s.inbox, d)
		s.mu.Unlock()
		if first {
			s.engine.home.loop.Post(s.inboxTask)
		}
	})
}

// sendOutbox delivers at home, or hands the events over in one batch.
func (s *shard) sendOutbox() {
	if !s.local() {
		s.handOver()
		return
	}
	for i := 0; i < len(s.outbox); i++ { // the World may make calls that emit more
		s.engine.hand(s.outbox[i])
		s.outbox[i] = delivery{}
	}
	s.outbox = s.outbox[:0]
}

func (s *shard) handOver() {
	s.mu.Lock()
	first := len(s.inbox) == 0
	s.inbox = append(s.inbox, s.outbox...)
	s.mu.Unlock()
	clear(s.outbox)
	s.outbox = s.outbox[:0]
	if first {
		s.engine.home.loop.Post(s.inboxTask)
	}
}

// deliverInbox delivers what another loop or the pool handed over. It runs on the World's loop.
func (s *shard) deliverInbox() {
	s.mu.Lock()
	s.drained, s.inbox = s.inbox, s.drained[:0]
	s.mu.Unlock()
	for i, d := range s.drained {
		s.drained[i] = delivery{}
		s.engine.hand(d)
	}
}

// hand counts an event and gives it to the World.
func (e *Engine) hand(d delivery) {
	if d.event.Kind < operationCount {
		e.stats.Endpoints[d.event.Kind].add(d)
	}
	e.deliver(now(), d.event)
}

// intern returns an equal stored answer of another entity if the last one of this target
// is.
func (s *shard) intern(target string, a *stored) *stored {
	if last := s.shared[target]; last != nil && last.equal(a) {
		return last
	}
	if len(s.shared) < maxEntries {
		s.shared[target] = a
	}
	return a
}

const (
	bufferSize    = 4 << 10
	maxKeptBuffer = 256 << 10 // a larger one is left to the garbage collector
)

// takeBuffer returns an empty buffer, to be given back with putBuffer once.
func (s *shard) takeBuffer() []byte {
	if n := len(s.buffers); n > 0 {
		b := s.buffers[n-1]
		s.buffers = s.buffers[:n-1]
		return b
	}
	return make([]byte, 0, bufferSize)
}

func (s *shard) putBuffer(b []byte) {
	s.gathered -= len(b)
	if cap(b) <= maxKeptBuffer {
		s.buffers = append(s.buffers, b[:0])
	}
}
