// Package httpd is the HTTP/1.1 server of the hot path: one goroutine a connection,
// pooled buffers, no allocation for a small request on a kept connection, and one
// write(2) for a response.
//
// A [Handler] gets a [Ctx]: the parsed request as slices into the read buffer, and an
// append buffer for the answer. The answer leaves when the handler has returned;
// [Ctx.AfterWrite] tells when the socket has taken it. [Ctx.Stream] turns the connection
// into an endless event stream, which costs a small goroutine and no buffer while nothing
// happens.
//
// The package speaks HTTP/1.0 and HTTP/1.1 over whatever net.Listener it is given: TCP,
// unix sockets, and TLS on top of them by [NewTLSListener]. It leaves to others: routing,
// 404 and 405, JSON, cookies as sessions, compression, percent-decoding. It sends no Date
// header: nothing in the API uses one (S4.0), and every client would have to parse it.
// Peers that are gone are found by TCP keep-alive, which [ListenTCP] switches on.
//
// Timeouts need no timer: a sweep once a second looks at one word of every connection, so
// they are kept to about two seconds, always late, never early.
package httpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/internal/lockwatch"
)

// Handler answers one request. It runs on the connection's goroutine and may block,
// though the connection then serves nothing else. c is valid until it returns.
type Handler func(c *Ctx)

// ErrServerClosed is the error of Serve after Shutdown.
var ErrServerClosed = errors.New("httpd: server closed")

// Options of a server. Zero values mean the defaults.
type Options struct {
	// MaxHeader bounds request line and header fields together, in bytes (16 KiB). A
	// longer head is answered with 431.
	MaxHeader int
	// MaxBody bounds the decoded request body, in bytes (512 KiB). A longer one is
	// answered with 413. Bodies are held in memory, which anybody can fill by as much as
	// the network brings within ReadTimeout.
	MaxBody int
	// IdleTimeout closes a kept connection without a request (75 s). It must lie well
	// above the 10 s after which clients drop idle connections, or a POST meets a
	// connection that is just being closed (S4.0).
	IdleTimeout time.Duration
	// ReadTimeout bounds a request from its first byte to its last, and the TLS handshake
	// (10 s). A slower request is answered with 408.
	ReadTimeout time.Duration
	// WriteTimeout bounds the write of one response, or of each 256 KiB of a larger one,
	// and of one stream message (10 s). A whole response has that and a second for each
	// 32 KiB.
	WriteTimeout time.Duration
	// MaxConns bounds the open connections; for each further one another has to leave,
	// see rank, and one for each listener waits for that. 0 means any number. A process
	// needs descriptors for other things.
	MaxConns int
	// MaxWaiting bounds the bytes of answers, and of the requests they answer, that wait
	// for their readers, all together (256 MiB), and MaxWaitingOfOwner those of one owner
	// (32 MiB; see Ctx.SetOwner). Beyond that, the slowest readers of large answers are
	// cut off.
	MaxWaiting, MaxWaitingOfOwner int
	// Error fills in the answers the server gives by itself, status and message being set
	// by it: 400, 408, 413, 417, 431, 500, 501 and 505. The request may be unreadable,
	// its accessors then return nothing. The default answers the message as plain text.
	Error func(c *Ctx, status int, message string)
	// Observe, if set, is called for each answer once the socket has taken it, or has
	// failed to: how long that was after the request was complete, 0 for a request that
	// never was. Of a stream, the answer is the head. It runs on the connection's
	// goroutine.
	Observe func(c *Ctx, took time.Duration)
	// Admit, if set, is asked once the head of a request is there, before its body has come or
	// was read: false means that the request is refused. Then the answer is what Admit has
	// filled in, unless it has called Ctx.Drop; the handler is not called, the body is skipped, and the connection
	// goes on. Method, path, query and fields can be read, the body cannot. It must not wait, nor
	// take a lock: over HTTP/2 all requests of a connection wait for it.
	Admit func(c *Ctx) bool
	// Waits, if set, is told how long requests have waited to be read.
	Waits Waits
	// Log takes panics and accept failures (slog.Default).
	Log *slog.Logger
}

// Waits takes the times that requests have waited between the arrival of their last byte
// and the moment at which it was read: the time for which this program got no processor, or had
// others to serve. See conn.measure for the requests of which that is known.
type Waits interface {
	// Wanted reports whether a request is to be measured, which takes a system call. n differs
	// from request to request.
	Wanted(n uint64) bool
	// Waited tells what was measured, to a tick of the kernel's clock, 1 to 10 ms.
	Waited(d time.Duration)
}

// Stats is a snapshot of a server's counters.
type Stats struct {
	Conns    int    // open connections, streams included
	MaxConns int    // that may be open, 0 for any number
	Refused  uint64 // connections that had to leave, since no more could be opened
	Cut      uint64 // answers cut off, since too much waited to be written
	Waiting  int    // bytes of answers that wait to be written
	Streams  int    // open streams
	Requests uint64 // requests handed to the handler since the start
}

// Server serves connections of any number of listeners with one handler.
type Server struct {
	// Set once.
	handler Handler
	opts    Options
	idle    ticks
	read    ticks
	write   ticks
	began   time.Time // reading a duration since then is cheaper than a time
	pool    sync.Pool // of *Ctx

	// Atomic.
	clock    atomic.Uint64 // ticks since the start, moved by sweep
	streams  atomic.Int64
	many     atomic.Int64 // requests over HTTP/2 that have begun and are not answered
	draining atomic.Bool

	drainedAt ticks // when draining began; set before draining, read after

	waiting ledger

	// Guarded by mu.
	mu    lockwatch.Mutex
	conns connList
	// Streams over HTTP/2.
	multiplexed streamList
	accepted    uint64 // connections so far
	refused     uint64 // connections that had to leave, since no more could be opened
	accounts    map[any]*account
	leavers     []leaver // the next to leave, found at leaversAt
	leaversAt   ticks
	arrivals    int       // connections too new to have to leave, then
	scarce      ticks     // since when only busy clients are left to leave
	room        sync.Cond // with mu: a connection has ended, or no more will be accepted
	warned      ticks     // when a full server was last logged
	past        uint64    // requests of connections that are gone
	listeners   map[net.Listener]struct{}
	stop        chan struct{} // closed by finish: ends the sweep; nil before the first Serve
	drained     chan struct{} // closed by finish: the last connection is gone
	finished    bool
}

// New returns a server that is not listening yet.
func New(h Handler, o Options) *Server {
	o = o.withDefaults()
	s := &Server{
		handler:   h,
		opts:      o,
		idle:      ticksOf(o.IdleTimeout),
		read:      ticksOf(o.ReadTimeout),
		write:     ticksOf(o.WriteTimeout),
		began:     time.Now(),
		listeners: make(map[net.Listener]struct{}),
		accounts:  make(map[any]*account),
		waiting:   newLedger(o.MaxWaiting, o.MaxWaitingOfOwner),
		drained:   make(chan struct{}),
		scarce:    never,
	}
	s.pool.New = func() any { return newCtx() }
	s.room.L = &s.mu
	return s
}

func (o Options) withDefaults() Options {
	o.MaxHeader = defaultTo(o.MaxHeader, 16<<10)
	o.MaxBody = defaultTo(o.MaxBody, 512<<10)
	o.MaxWaiting = defaultTo(o.MaxWaiting, 256<<20)
	o.MaxWaitingOfOwner = defaultTo(o.MaxWaitingOfOwner, 32<<20)
	o.IdleTimeout = defaultTo(o.IdleTimeout, 75*time.Second)
	o.ReadTimeout = defaultTo(o.ReadTimeout, 10*time.Second)
	o.WriteTimeout = defaultTo(o.WriteTimeout, 10*time.Second)
	if o.Error == nil {
		o.Error = plainError
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func defaultTo[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

func plainError(c *Ctx, _ int, message string) {
	c.SetHead("Content-Type: text/plain; charset=utf-8\r\n")
	c.SetBody(append(c.Out(0), message...))
}

// Serve accepts connections from l until Shutdown, then returns ErrServerClosed; any
// other error is the listener's. It closes l.
func (s *Server) Serve(l net.Listener) error {
	if !s.register(l) {
		l.Close()
		return ErrServerClosed
	}
	defer s.unregister(l)
	var pause backoff
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause.reset(s.opts.Log)
			s.awaitRoom()
			s.start(nc)
		case s.draining.Load():
			return ErrServerClosed
		case !passing(err):
			return err
		default:
			pause.wait(s.opts.Log, err)
		}
	}
}

// awaitRoom waits until there may be one more connection, for which another has to leave
// if there are too many.
func (s *Server) awaitRoom() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.crowdedLocked() {
		s.scarce = never
	}
	for s.crowdedLocked() && !s.draining.Load() {
		if now := s.clock.Load() + 1; now > s.warned {
			s.warned = now
			s.opts.Log.Warn("the connection limit is reached: an old connection is closed for each new one", "connections", s.conns.len)
		}
		s.makeRoomLocked()
		s.room.Wait()
	}
}

// crowdedLocked reports whether there may be no more connections.
func (s *Server) crowdedLocked() bool { return s.opts.MaxConns > 0 && s.conns.len >= s.opts.MaxConns }

func (s *Server) register(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	if s.stop == nil {
		s.stop = make(chan struct{})
		go s.sweep(s.stop)
	}
	return true
}

func (s *Server) unregister(l net.Listener) {
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
	l.Close()
}

func (s *Server) start(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	if s.draining.Load() {
		s.mu.Unlock()
		nc.Close()
		return
	}
	s.accepted++
	c.serial, c.since = s.accepted, s.clock.Load()
	s.conns.push(c)
	s.mu.Unlock()
	go c.serve()
}

// forget is called once by each connection, at its end.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns.remove(c)
	s.room.Signal()
	s.past += c.requests.Load()
	if s.draining.Load() {
		s.finishLocked()
	}
}

// finishLocked completes a shutdown once no connection is left.
func (s *Server) finishLocked() {
	if s.conns.len > 0 || s.finished {
		return
	}
	s.finished = true
	close(s.drained)
	if s.stop != nil {
		close(s.stop)
	}
}

// Shutdown stops accepting, ends idle connections and streams, and waits for running
// requests. When ctx ends first it cuts what is left, without waiting for handlers that
// still run, and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain()
	select {
	case <-s.drained:
		return nil
	case <-ctx.Done():
		s.cut()
		return ctx.Err()
	}
}

func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining.Load() {
		s.drainedAt = s.clock.Load()
	}
	s.draining.Store(true)
	s.room.Broadcast()
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns.all() {
		c.retire()
	}
	s.finishLocked()
}

func (s *Server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns.all() {
		c.cut()
	}
}

func (s *Server) limits() limits { return limits{s.opts.MaxHeader, s.opts.MaxBody} }

// dueIn returns the tick that lies d ahead.
func (s *Server) dueIn(d ticks) ticks { return s.clock.Load() + d }

// Stats counts what is open now and what has been served.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Conns: s.conns.len, MaxConns: s.opts.MaxConns, Refused: s.refused, Streams: int(s.streams.Load()), Requests: s.past}
	st.Waiting, st.Cut = s.waiting.stats()
	for c := range s.conns.all() {
		st.Requests += c.requests.Load()
	}
	return st
}
