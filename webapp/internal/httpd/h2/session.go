// Package h2 is one HTTP/2 connection as a server sees it (RFC 9113): frames in and out,
// streams, both directions of flow control, and limits on all that a peer can make it
// keep or do. Frames and header compression are those of golang.org/x/net/http2.
//
// One goroutine reads frames; each complete request runs on a goroutine of its own. There
// is no writing goroutine: frames are appended to one buffer, and who needs them out
// writes for all others, who wait until their bytes are with the socket. So an answer is
// known to be out when Send returns, as over HTTP/1.1.
//
// It leaves to its [Server]: the socket with its limit for a write, what a request and an
// answer are made of, and a clock that ticks once a second and calls [Session.Expire].
// There is no server push, no priority, no CONNECT, and no HTTP/2 without TLS.
package h2

import (
	"bufio"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"isuride/webapp/internal/lockwatch"
)

// Options of a session; all must be set. Times are in ticks of the server's clock.
type Options struct {
	MaxHeader  int // bytes of a request's header list, see RFC 9113 6.5.2
	MaxStreams int // that a peer may have open
	MaxEvents  int // of these, streams without an end: one more ends the oldest
	MaxUploads int // bytes of bodies that are not complete, of all streams

	Idle  uint64 // without a request or stream
	Read  uint64 // a request, and a frame, from the first byte to the last
	Write uint64 // an answer or event; an answer has a tick more for each Slowest bytes
	// Slowest is the rate in bytes a tick at which a reader has to take an answer.
	Slowest int
}

// Server is what a session needs of who serves the connection.
type Server interface {
	io.Reader
	// Now is the clock. It never waits.
	Now() uint64
	// Begin makes a request of a head, or returns nil if there are too many for now; first
	// says that nothing else is under way on the connection. It is
	// called with the session locked, as are the methods of Request that say so: it must not
	// wait, nor call the session.
	Begin(st *Stream, head *http2.MetaHeadersFrame, first bool) Request
	// Write hands bytes to the socket, and waits as long as it may. There is one call at a
	// time. If it has to wait, it should call Session.Blocked.
	Write(p []byte) (int, error)
	// Cut has all reads and writes fail from now on. It never waits.
	Cut()
}

// Request is a request that has begun.
type Request interface {
	// Refused says that an error is to be answered without waiting for the body. Locked.
	Refused() bool
	// Expects says that the client waits for a word before it sends the body. Locked.
	Expects() bool
	// Body takes a part of the body; false means that it is refused. Locked.
	Body(p []byte) bool
	// Complete says whether the body is what the head said. Locked.
	Complete() bool
	// Late has the request refused since it was not complete in time. Locked.
	Late()
	// Drop is called instead of Serve if the request will never be complete. Locked.
	Drop()
	// Serve answers on a goroutine of its own, by one call of Stream.Send.
	Serve()
	// Waits is called on that goroutine before the answer waits for its reader.
	Waits()
	// Took is called there after a wait, with the bytes that the socket has taken.
	Took(n int)
}

var (
	errReset    = errors.New("h2: the stream was reset")
	errEnded    = errors.New("h2: the stream has ended")
	errLate     = errors.New("h2: the peer took too long")
	errOver     = errors.New("h2: the connection is over")
	errTooLong  = errors.New("h2: a header block without an end")
	errNotHTTP2 = errors.New("h2: not HTTP/2")
)

const (
	// maxFrame is the largest payload in bytes, in both directions: the default.
	maxFrame = 16 << 10
	// maxBlock bounds the bytes of one header block with its CONTINUATION frames, padding
	// and empty frames included.
	maxBlock = 64 << 10
	// window is what a peer may send before it is told that it may go on: the default, for
	// a stream and for the connection. Nobody sends us long bodies.
	window = 65535
	// maxWindow is the largest that the protocol allows.
	maxWindow = 1<<31 - 1
	// maxOut is the number of bytes in the buffer from which on bodies wait for the socket.
	maxOut = 32 << 10
	// forgiven is the number of streams, ended by us before the peer had, of which late
	// frames are no error.
	forgiven = 32
)

// Session is one connection.
//
// Goal: an answer has left when Send returns nil; no peer makes a session keep more, or
// anybody wait longer, than Options say.
//
// 1. mu is never held while the socket is written, nor while the server's locks are taken:
// of Server and Request, only what is marked as locked is called under it. So it may be
// taken under any lock of the server.
// 2. out holds what was appended since the last write, in order; writing says that
// somebody writes what was before. flushed <= appended count bytes.
// 3. Who appends makes sure that it goes out: it waits in flush, or leaves it to the one
// who writes, or who waits to, the last of whom looks once more.
// 4. A stream is in streams from its head until both sides have ended it or one has reset
// it; running counts goroutines of requests, ghosts those of streams that are gone.
// 5. A stream that may send and does not is in starved, or waits for its own window, or
// for the buffer to get out.
type Session struct {
	// Set once.
	server Server
	opt    Options
	framer *http2.Framer // its reads are the reading goroutine's, its writes guarded by mu
	in     *bufio.Reader
	block  blockReader
	work   sync.WaitGroup // goroutines of requests and ends of streams

	// Atomic.
	due atomic.Uint64 // when what has begun to come must be a frame, 0 if nothing has

	// Guarded by mu.
	mu      lockwatch.Mutex
	streams map[uint32]*Stream
	events  []*Stream // those without an end, the oldest first
	last    uint32    // the highest id of the peer's
	late    [forgiven]uint32
	lateAt  int
	running int
	ghosts  int
	serving int // of running, those whose request is complete
	uploads int
	idleDue uint64 // renewed by complete requests alone
	calm    calm
	dead    error // why the connection is over
	drained uint64
	drains  bool // no more streams are begun; since drained
	ending  bool // it is being closed in order

	// Guarded by mu: what the peer may send, and what it was not given back yet.
	receive, unreturned int

	// Guarded by mu: what we may send.
	window  int64
	initial int64 // of a new stream
	starved []*Stream

	// Guarded by mu: what goes out.
	encoder *hpack.Encoder
	head    []byte // the header block that is being made
	out     []byte
	box     *[]byte   // in which out came from the pool
	taken   sync.Cond // with mu: a write has ended, or the connection
	writing bool
	writer  *Stream // whose goroutine writes, if it is one's
	blocked bool    // that write has to wait
	waiting int     // those in taken
	kicked  bool    // a goroutine was started to write
	// Bytes since the start.
	appended, flushed uint64
}

// New returns a session for a connection that has chosen h2.
func New(server Server, o Options) *Session {
	s := &Session{server: server, opt: o, streams: map[uint32]*Stream{}, receive: window,
		window: window, initial: window, calm: calm{credit: maxCredit, at: server.Now()}}
	s.block.from, s.block.left = server, maxBlock
	s.in = bufio.NewReaderSize(&s.block, 4<<10)
	s.framer = http2.NewFramer(appender{s}, s.in)
	s.framer.SetMaxReadFrameSize(maxFrame)
	s.framer.SetReuseFrames()
	s.framer.MaxHeaderListSize = uint32(o.MaxHeader)
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.encoder = hpack.NewEncoder(blockAppender{s})
	s.taken.L = &s.mu
	s.idleDue = server.Now() + o.Idle
	s.due.Store(server.Now() + o.Read)
	return s
}

// appender is where the framer writes, with the session locked.
type appender struct{ s *Session }

func (a appender) Write(p []byte) (int, error) {
	s := a.s
	if s.box == nil {
		s.box = buffers.Get().(*[]byte)
		s.out = *s.box
	}
	s.out = append(s.out, p...)
	s.appended += uint64(len(p))
	return len(p), nil
}

type blockAppender struct{ s *Session }

func (a blockAppender) Write(p []byte) (int, error) {
	a.s.head = append(a.s.head, p...)
	return len(p), nil
}

// Serve reads until the connection is over. It reports whether the peer was told so, and
// may still be sending. Requests may be running; see Wait.
func (s *Session) Serve() (told bool) {
	err := s.greet()
	for err == nil {
		err = s.next()
	}
	return s.end(err)
}

// Wait returns when nothing of the session runs any more.
func (s *Session) Wait() { s.work.Wait() }

// greet sends our settings and reads the peer's preface.
func (s *Session) greet() error {
	s.mu.Lock()
	s.framer.WriteSettings(
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(s.opt.MaxStreams)},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: uint32(s.opt.MaxHeader)},
		http2.Setting{ID: settingNoPriorities, Val: 1},
	)
	err := s.flushLocked(nil)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	var preface [len(http2.ClientPreface)]byte
	if _, err := io.ReadFull(s.in, preface[:]); err != nil {
		return err
	}
	if string(preface[:]) != http2.ClientPreface {
		return errNotHTTP2
	}
	f, err := s.framer.ReadFrame()
	if err != nil {
		return err
	}
	if settings, ok := f.(*http2.SettingsFrame); !ok || settings.IsAck() {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return s.take(f)
}

// settingNoPriorities is SETTINGS_NO_RFC7540_PRIORITIES (RFC 9218 2.1).
const settingNoPriorities http2.SettingID = 9

// next reads one frame and acts on it.
func (s *Session) next() error {
	if s.in.Buffered() == 0 {
		if err := s.rest(); err != nil {
			return err
		}
	}
	s.due.Store(s.server.Now() + s.opt.Read)
	s.block.left = maxBlock
	f, err := s.framer.ReadFrame()
	if reset, ok := err.(http2.StreamError); ok {
		return s.malformed(reset)
	}
	if err != nil {
		return err
	}
	return s.take(f)
}

// rest writes what the frames so far have asked for, and waits for more.
func (s *Session) rest() error {
	s.mu.Lock()
	s.writeRestLocked()
	err := s.dead
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.block.left = maxBlock
	s.due.Store(0)
	_, err = s.in.Peek(1)
	return err
}

// Begun notes that bytes have come that are no frame yet, such as a part of a record of
// TLS. It is called within Server.Read.
func (s *Session) Begun() { s.due.CompareAndSwap(0, s.server.Now()+s.opt.Read) }

// end tells the peer why, if that is known, and ends all streams.
func (s *Session) end(err error) (told bool) {
	code, tell := codeOf(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if tell && s.dead == nil && !s.ending {
		s.framer.WriteGoAway(s.last, code, nil)
		told = s.flushLocked(nil) == nil
	}
	s.dieLocked(errOver)
	return told
}

// codeOf returns what an error of the connection is called, if the peer is to know.
func codeOf(err error) (code http2.ErrCode, tell bool) {
	var connection http2.ConnectionError
	switch {
	case errors.As(err, &connection):
		return http2.ErrCode(connection), true
	case errors.Is(err, http2.ErrFrameTooLarge):
		return http2.ErrCodeFrameSize, true
	case errors.Is(err, io.ErrUnexpectedEOF): // a frame that is too short for what it says
		return http2.ErrCodeFrameSize, true
	case errors.Is(err, errTooLong):
		return http2.ErrCodeEnhanceYourCalm, true
	}
	return 0, false
}

// dieLocked ends everything at once.
func (s *Session) dieLocked(err error) {
	if s.dead == nil {
		s.dead = err
	}
	for _, st := range s.streams {
		s.closeLocked(st, err)
	}
	s.taken.Broadcast()
}

// blockReader reads for the framer and bounds what one frame, or one header block, may
// take: the framer itself bounds only what it keeps.
type blockReader struct {
	from io.Reader
	left int // bytes
}

func (b *blockReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.from.Read(p)
	b.left -= n
	return n, err
}

// Shutdown has the peer begin no more streams, ends those without an end, and closes the
// connection when the last request is answered. It never waits.
func (s *Session) Shutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shutdownLocked()
}

func (s *Session) shutdownLocked() {
	if s.drains || s.dead != nil {
		return
	}
	s.drains, s.drained = true, s.server.Now()
	s.framer.WriteGoAway(s.last, http2.ErrCodeNo, nil)
	for len(s.events) > 0 {
		s.endLocked(s.events[0])
	}
	s.kick()
	s.settleLocked()
}

// Dismiss is Shutdown unless a request is under way, which it reports.
func (s *Session) Dismiss() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running > 0 {
		return false
	}
	for _, st := range s.streams {
		if !st.complete {
			s.resetLocked(st, http2.ErrCodeRefusedStream, errOver)
		}
	}
	s.shutdownLocked()
	return true
}

// Busy reports whether requests are under way, and else since when there has been none.
func (s *Session) Busy() (busy bool, since uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running > 0, s.idleDue - min(s.idleDue, s.opt.Idle)
}

// settleLocked is called when something has ended.
func (s *Session) settleLocked() {
	if s.running > 0 || len(s.streams) > 0 {
		return
	}
	if s.drains && !s.ending && s.dead == nil {
		s.ending = true
		s.work.Go(s.close)
	}
}

// close ends a connection on which nothing is left to do.
func (s *Session) close() {
	s.mu.Lock()
	s.flushLocked(nil) // if it fails, the connection is over anyway
	s.mu.Unlock()
	s.server.Cut()
}

// Expire ends what has waited for too long. It is called once a tick, and never waits.
func (s *Session) Expire(now uint64) {
	if due := s.due.Load(); due != 0 && due <= now {
		s.server.Cut()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		if due := s.dueLocked(st); due != 0 && due <= now {
			s.expireLocked(st)
		}
	}
	if s.idleLocked(now) {
		s.shutdownLocked()
	}
	if s.ending && now >= s.drained+s.opt.Write {
		s.server.Cut()
	}
}

// drainSlow is the time in ticks that an incomplete request has left when no more are
// begun.
const drainSlow = 2

// dueLocked returns when a stream is to be ended, 0 for never.
func (s *Session) dueLocked(st *Stream) uint64 {
	switch {
	case st.due == 0 || !s.drains:
		return st.due
	case st.running || st.event:
		return min(st.due, s.drained+s.opt.Write-1)
	}
	return min(st.due, s.drained+drainSlow)
}

func (s *Session) expireLocked(st *Stream) {
	switch {
	case !st.running && !st.event:
		st.req.Late()
		s.runLocked(st)
	case s.blocked: // the socket is full: nobody would learn of the stream's end
		s.server.Cut()
	default:
		s.resetLocked(st, http2.ErrCodeCancel, errLate)
		s.kick()
	}
}

// idleLocked reports whether nothing has happened for too long. Only complete requests
// count: one that has begun has its own time, but not beyond one more of that.
func (s *Session) idleLocked(now uint64) bool {
	if s.serving > 0 || len(s.events) > 0 || now < s.idleDue {
		return false
	}
	return len(s.streams) == 0 || now >= s.idleDue+s.opt.Read
}
