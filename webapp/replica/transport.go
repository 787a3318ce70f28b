package replica

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"isuride/webapp/internal/lockwatch"
)

// Limits of the transport.
const (
	dialTime = time.Second
	// silence is after what time a connection whose bytes nobody has taken is given up. TCP
	// alone would wait ever longer between two attempts, and be late when a partition ends.
	silence     = time.Second
	redialFirst = 10 * time.Millisecond
	redialLast  = 500 * time.Millisecond
	// urgentQueue and bulkQueue are how many frames may wait for a connection. A frame more
	// is dropped: the library repeats what matters.
	urgentQueue, bulkQueue = 512, 128
	bulkBytes              = 64 << 20 // that may wait, of frames with records
	writeBytes             = 1 << 20  // that are written at once
	imageTime              = 10 * time.Minute
	imageIdle              = 30 * time.Second
)

// transport carries frames between members over TCP. To each other member it keeps two
// connections, so that a heartbeat never stands behind a megabyte of records; and one more for
// each snapshot. A connection carries frames in one direction: who sends dials.
type transport struct {
	credentials
	logger   *slog.Logger
	deliver  func(frame []byte, bulk bool, done func([]byte))
	images   Images
	listener net.Listener
	ctx      context.Context // ended by close
	cancel   context.CancelFunc
	tasks    sync.WaitGroup
	frames   sync.Pool // of *[]byte

	mu     lockwatch.Mutex
	links  map[uint64]*link
	conns  map[net.Conn]struct{} // accepted ones
	closed bool
	said   map[string]time.Time // refusals, and when they were logged
}

// link is the way to another member.
type link struct {
	name    string
	address string
	urgent  chan outgoing
	bulk    chan outgoing
	waiting atomic.Int64 // bytes in bulk
}

type outgoing struct {
	frame []byte
	done  func([]byte)
}

// listen opens the listener and the ways to all other members of the list.
func listen(o Options, deliver func([]byte, bool, func([]byte))) (*transport, error) {
	t := &transport{
		credentials: credentials{group: o.Group, history: o.History, self: o.Self, secret: o.Secret, now: time.Now},
		logger:      o.Logger, deliver: deliver, images: o.Images,
		links: map[uint64]*link{}, conns: map[net.Conn]struct{}{}, said: map[string]time.Time{},
	}
	t.frames.New = func() any { return new([]byte) }
	t.ctx, t.cancel = context.WithCancel(context.Background())
	for _, m := range o.Members {
		if m.Name == o.Self {
			l, err := net.Listen("tcp", m.Address)
			if err != nil {
				return nil, fmt.Errorf("replica: %q cannot listen for the other members: %w", m.Name, err)
			}
			t.listener = l
			continue
		}
		t.meet(m)
	}
	t.tasks.Go(t.accept)
	return t, nil
}

// meet opens the way to a member, unless there is one. The list of the operator comes first:
// its address counts.
func (t *transport) meet(m Member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.links[IDOf(m.Name)] != nil {
		return
	}
	l := &link{name: m.Name, address: m.Address, urgent: make(chan outgoing, urgentQueue), bulk: make(chan outgoing, bulkQueue)}
	t.links[IDOf(m.Name)] = l
	t.tasks.Go(func() { t.carry(l, laneUrgent, l.urgent) })
	t.tasks.Go(func() { t.carry(l, laneBulk, l.bulk) })
}

func (t *transport) linkTo(id uint64) *link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.links[id]
}

// send queues a frame; false if there is no room for it, or no such member. Done gets the
// frame once it is written, or dropped.
func (t *transport) send(to uint64, frame []byte, bulk bool, done func([]byte)) bool {
	l := t.linkTo(to)
	if l == nil {
		return false
	}
	queue := l.urgent
	if bulk {
		queue = l.bulk
		if l.waiting.Load() > bulkBytes {
			return false
		}
		l.waiting.Add(int64(len(frame)))
	}
	select {
	case queue <- outgoing{frame, done}:
		return true
	default:
		if bulk {
			l.waiting.Add(-int64(len(frame)))
		}
		return false
	}
}

// carry keeps a connection to a member and writes what is queued for it.
func (t *transport) carry(l *link, which lane, queue chan outgoing) {
	pause := redialFirst
	for t.ctx.Err() == nil {
		s, err := t.dial(l, which)
		if err == nil {
			pause = redialFirst
			err = t.write(s, l, queue)
			s.conn.Close()
		}
		t.say(l.name, err)
		t.drop(l, queue)
		select {
		case <-time.After(pause):
		case <-t.ctx.Done():
		}
		pause = min(2*pause, redialLast)
	}
}

// drop drops what has waited for a connection that is lost: it is old by the time there is
// another.
func (t *transport) drop(l *link, queue chan outgoing) {
	for {
		select {
		case o := <-queue:
			l.done(o, queue)
		default:
			return
		}
	}
}

func (l *link) done(o outgoing, queue chan outgoing) {
	if queue == l.bulk {
		l.waiting.Add(-int64(len(o.frame)))
	}
	o.done(o.frame)
}

// dial opens a connection.
func (t *transport) dial(l *link, which lane) (*sealed, error) {
	d := net.Dialer{Timeout: dialTime, Control: impatient}
	conn, err := d.DialContext(t.ctx, "tcp", l.address)
	if err != nil {
		return nil, err
	}
	s, err := t.dialed(conn, which, l.name)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// impatient has the kernel give a connection up whose bytes are not acknowledged.
func impatient(_, _ string, c syscall.RawConn) error {
	const userTimeout = 18 // TCP_USER_TIMEOUT
	var err error
	control := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(silence/time.Millisecond))
	})
	return errors.Join(control, err)
}

// write writes what is queued, as much at once as there is, until the connection breaks. It
// also notices that the other side has closed it.
func (t *transport) write(s *sealed, l *link, queue chan outgoing) error {
	broken := make(chan struct{})
	t.tasks.Go(func() {
		defer close(broken)
		var one [1]byte
		s.conn.Read(one[:]) // nobody writes here: it returns when the connection ends
	})
	defer s.conn.Close()
	var buf []byte
	for {
		select {
		case o := <-queue:
			buf = s.append(buf[:0], o.frame)
			l.done(o, queue)
			buf = t.more(s, l, queue, buf)
		case <-broken:
			return io.ErrUnexpectedEOF
		case <-t.ctx.Done():
			return t.ctx.Err()
		}
		s.conn.SetWriteDeadline(time.Now().Add(silence))
		if _, err := s.conn.Write(buf); err != nil {
			return err
		}
		if cap(buf) > 4*writeBytes {
			buf = nil
		}
	}
}

// more adds what else is queued.
func (t *transport) more(s *sealed, l *link, queue chan outgoing, buf []byte) []byte {
	for len(buf) < writeBytes {
		select {
		case o := <-queue:
			buf = s.append(buf, o.frame)
			l.done(o, queue)
		default:
			return buf
		}
	}
	return buf
}

// accept takes connections of other members.
func (t *transport) accept() {
	for {
		conn, err := t.listener.Accept()
		if err != nil {
			if t.ctx.Err() != nil {
				return
			}
			t.say("the listener", err)
			time.Sleep(redialFirst)
			continue
		}
		if t.keep(conn) {
			t.tasks.Go(func() {
				defer t.forget(conn)
				t.serve(conn)
			})
		}
	}
}

// keep notes a connection, to be closed at the end.
func (t *transport) keep(conn net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.conns) >= maxConns {
		conn.Close()
		return false
	}
	t.conns[conn] = struct{}{}
	return true
}

// maxConns bounds the connections that others may open: they need a few each.
const maxConns = 256

func (t *transport) forget(conn net.Conn) {
	conn.Close()
	t.mu.Lock()
	delete(t.conns, conn)
	t.mu.Unlock()
}

// serve reads a connection to its end.
func (t *transport) serve(conn net.Conn) {
	s, h, err := t.accepted(conn)
	if err != nil {
		t.say(conn.RemoteAddr().(*net.TCPAddr).IP.String(), err)
		return
	}
	in := bufio.NewReaderSize(conn, 64<<10)
	if h.lane == laneImage {
		if err := t.receiveImage(s, in); err != nil {
			t.say(h.from, err)
		}
		return
	}
	for {
		buf := *t.frames.Get().(*[]byte)
		frame, err := s.read(in, buf)
		if err != nil {
			return // the other side says more
		}
		t.deliver(frame, h.lane == laneBulk, t.recycle)
	}
}

func (t *transport) recycle(frame []byte) {
	if cap(frame) <= 4*writeBytes {
		t.frames.Put(&frame)
	}
}

// A snapshot is a connection of its own: its name and the raft frame that belongs to it, then
// blocks, then an empty block; the receiver answers with an empty block once the snapshot is
// on its disk and the frame in its core.
const imageBlock = 256 << 10

// sendImage sends a snapshot, and the frame that installs it.
func (t *transport) sendImage(to uint64, name string, frame []byte, images Images) error {
	l := t.linkTo(to)
	if l == nil || images == nil {
		return errors.New("no way to that member is known")
	}
	image, size, err := images.Open(name)
	if err != nil {
		return err
	}
	defer image.Close()
	s, err := t.dial(l, laneImage)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	stop := context.AfterFunc(t.ctx, func() { s.conn.Close() })
	defer stop()
	head := append(appendText(nil, name), frame...)
	if err := t.writeImage(s, head, io.LimitReader(image, size)); err != nil {
		return err
	}
	s.conn.SetReadDeadline(time.Now().Add(imageTime))
	if _, err := s.read(s.conn, nil); err != nil {
		return fmt.Errorf("%q has not stored snapshot %s: %w", l.name, name, err)
	}
	return nil
}

func (t *transport) writeImage(s *sealed, head []byte, image io.Reader) error {
	out := s.append(nil, head)
	block := make([]byte, imageBlock)
	for {
		n, err := io.ReadFull(image, block)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		out = s.append(out, block[:n])
		s.conn.SetWriteDeadline(time.Now().Add(imageIdle))
		if _, err := s.conn.Write(out); err != nil {
			return err
		}
		out = out[:0]
		if n == 0 {
			return nil
		}
	}
}

// receiveImage stores a snapshot, and then delivers its frame.
func (t *transport) receiveImage(s *sealed, in io.Reader) error {
	if t.images == nil {
		return errors.New("a witness was offered a snapshot")
	}
	r := &imageReader{s: s, in: in}
	head, err := r.block()
	if err != nil {
		return err
	}
	name, frame, ok := cutBytes(head)
	if !ok {
		return errFrame
	}
	named, frame := string(name), append([]byte(nil), frame...)
	if err := t.images.Receive(named, r); err != nil {
		return fmt.Errorf("a snapshot could not be stored: %w", err)
	}
	taken := make(chan struct{})
	t.deliver(frame, true, func([]byte) { close(taken) })
	select {
	case <-taken:
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
	s.conn.SetWriteDeadline(time.Now().Add(silence))
	_, err = s.conn.Write(s.append(nil, nil))
	return err
}

// imageReader reads the blocks of a snapshot.
type imageReader struct {
	s    *sealed
	in   io.Reader
	buf  []byte
	rest []byte
	end  bool
}

func (r *imageReader) block() (b []byte, err error) {
	r.s.conn.SetReadDeadline(time.Now().Add(imageIdle))
	b, err = r.s.read(r.in, r.buf)
	r.buf = b[:0]
	return b, err
}

func (r *imageReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.end {
			return 0, io.EOF
		}
		b, err := r.block()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		r.rest, r.end = b, len(b) == 0
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// say logs why there is no connection with somebody: a refusal aloud, once a minute; what the
// network does, for who looks for a fault.
func (t *transport) say(who string, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		t.logger.Debug("replica: no connection", "with", who, "err", err)
		return
	}
	t.mu.Lock()
	last, said := t.said[r.reason]
	again := !said || time.Since(last) > time.Minute
	if again {
		if len(t.said) > 100 {
			clear(t.said)
		}
		t.said[r.reason] = time.Now()
	}
	t.mu.Unlock()
	if again {
		t.logger.Error("replica: a connection was refused: "+r.reason, "with", who)
	}
}

// close ends all connections.
func (t *transport) close() {
	t.cancel()
	t.listener.Close()
	t.mu.Lock()
	t.closed = true
	for conn := range t.conns {
		conn.Close()
	}
	t.mu.Unlock()
	t.tasks.Wait()
}
