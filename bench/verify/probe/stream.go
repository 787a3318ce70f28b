package probe

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	reconnectPause = 30 * time.Millisecond // after a stream and, by default, a poll (B9.2)
	shortestPause  = time.Millisecond      // however often a poll's answer allows to ask
	longestPause   = time.Second           // however long it asks to wait
	connectionTime = time.Minute           // a notification call ends after this time
	longestLine    = 64 << 10
	noticeTime     = 50 * time.Millisecond // for a server to notice a closed stream
)

// Grace is how long a status may be on its way, and how far lists may lag (S6.4, S10.2).
const Grace = 3 * time.Second

// A Stream receives the notifications of one account, by either transport, until it is
// closed. It reconnects as the benchmarker does.
type Stream struct {
	probe   *Probe
	account Account
	Path    string
	opened  time.Time
	cancel  context.CancelFunc
	done    chan struct{} // closed by the receiving goroutine

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at each change
	first    *Answer       // the head of the first connection
	sse      bool
	messages []Message
	faults   []string // of framing or envelope
	log      []string
}

// OpenStream starts to receive notifications.
func (a Account) OpenStream(path string) *Stream {
	ctx, cancel := context.WithCancel(a.probe.Context)
	s := &Stream{
		probe: a.probe, account: a, Path: path, opened: time.Now(), cancel: cancel,
		done: make(chan struct{}), changed: make(chan struct{}),
	}
	a.probe.running.Go(func() {
		defer close(s.done)
		s.receive(ctx)
	})
	return s
}

// Close hangs up as a client that goes away and waits for the receiving goroutine.
func (s *Stream) Close() {
	s.cancel()
	<-s.done
}

// receive connects again and again.
func (s *Stream) receive(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		wait, err := s.connect(ctx, n)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.record("-- " + err.Error())
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// connect makes one call and returns how long to wait before the next.
func (s *Stream) connect(ctx context.Context, n int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, connectionTime)
	defer cancel()
	req := s.account.Request(ctx, http.MethodGet, s.Path, nil)
	// As the benchmarker, which does not decompress notifications.
	req.Header.Set("Accept-Encoding", "gzip, deflate, br")
	w := &Answer{method: req.Method, Path: s.Path, cookie: req.Header.Get("Cookie"), Sent: time.Now()}
	res, err := s.probe.streams.Do(req)
	if err != nil {
		return reconnectPause, err
	}
	defer res.Body.Close()
	w.Received, w.Status, w.Header = time.Now(), res.StatusCode, res.Header
	s.head(w)
	if w.isStream() {
		return reconnectPause, s.readEvents(res.Body, n)
	}
	return s.readPoll(res, n)
}

func (s *Stream) head(w *Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		s.first, s.sse = w, w.isStream()
	}
	s.notify()
}

// readEvents reads server-sent events to their end.
func (s *Stream) readEvents(body io.Reader, n int) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 4096), longestLine)
	afterData, first := false, true
	for lines.Scan() {
		line := lines.Text()
		data, isData := strings.CutPrefix(line, "data:")
		if afterData && line != "" {
			s.fault("no empty line after a data line")
		}
		if first && !isData {
			s.fault(fmt.Sprintf("the stream starts with %q instead of a data: line", line))
		}
		if isData {
			s.receiveData(strings.TrimSpace(data), n)
		}
		afterData, first = isData, false
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		s.fault("a line of more than 64 KiB")
	}
	if lines.Err() != nil {
		return lines.Err()
	}
	return errors.New("the stream ended")
}

// readPoll reads one polling answer. Repetitions are not recorded.
func (s *Stream) readPoll(res *http.Response, n int) (time.Duration, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return reconnectPause, err
	}
	if res.StatusCode != http.StatusOK {
		return reconnectPause, fmt.Errorf("status %d %s", res.StatusCode, clip(body))
	}
	if bad := Misfit(envelope(Anything), body); bad != "" {
		s.fault(bad)
	}
	var e struct {
		Data  json.RawMessage `json:"data"`
		Retry *int64          `json:"retry_after_ms"`
	}
	_ = json.Unmarshal(body, &e)
	if e.Data == nil {
		e.Data = json.RawMessage("null")
	}
	if raw := string(e.Data); raw != s.latest() {
		s.receiveData(raw, n)
	}
	if e.Retry == nil || n == 1 {
		return reconnectPause, nil
	}
	return min(max(time.Duration(*e.Retry)*time.Millisecond, shortestPause), longestPause), nil
}

func (s *Stream) latest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.messages) == 0 {
		return ""
	}
	return s.messages[len(s.messages)-1].Raw
}

func (s *Stream) receiveData(raw string, n int) {
	m := newMessage(raw, n)
	s.record(fmt.Sprintf("#%d data: %s", n, clip([]byte(raw))))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	s.notify()
}

// record adds a line to those that can be shown.
func (s *Stream) record(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf("%5d ms %s", time.Since(s.opened).Milliseconds(), line))
}

func (s *Stream) fault(what string) {
	s.record("-- " + what)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, what)
}

// notify wakes those who wait; s.mu is held.
func (s *Stream) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Await waits until something holds. It looks whenever something was received.
func (s *Stream) Await(limit time.Duration, holds func() bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if holds() {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		case <-s.probe.Context.Done():
			return false
		}
	}
}

// HangUp closes the stream and gives the server time to notice, because a change in that
// very moment may or may not count as delivered.
func (s *Stream) HangUp() {
	s.Close()
	s.probe.Sleep(noticeTime)
}

// Connected waits for the head of the first answer.
func (s *Stream) Connected() (*Answer, bool) {
	ok := s.Await(Grace, func() bool { return s.Answer() != nil })
	return s.Answer(), ok
}

// Answer is the head of the first answer; nil before there is one.
func (s *Stream) Answer() *Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}

// Pushes reports whether the server pushes. It is known once the stream is connected.
func (s *Stream) Pushes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sse
}

// Received returns all messages so far, oldest first.
func (s *Stream) Received() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages[:len(s.messages):len(s.messages)]
}

// Sees waits up to Grace for a status of a ride.
func (s *Stream) Sees(ride, status string) bool {
	return s.SeesBy(time.Now().Add(Grace), ride, status)
}

// SeesBy is Sees until a given moment.
func (s *Stream) SeesBy(end time.Time, ride, status string) bool {
	return s.Await(time.Until(end), func() bool { return s.Find(ride, status) != nil })
}

// Find returns the first notice of a status, or nil.
func (s *Stream) Find(ride, status string) *Message {
	for _, m := range s.Received() {
		if m.RideID == ride && m.Status == status {
			return &m
		}
	}
	return nil
}

// Statuses are those received, in order, without immediate repetitions and without "no
// ride".
func (s *Stream) Statuses() []Step {
	var all []Step
	for _, m := range s.Received() {
		x := Step{m.RideID, m.Status}
		if !m.Null && (len(all) == 0 || all[len(all)-1] != x) {
			all = append(all, x)
		}
	}
	return all
}

// Count counts the notices of a status.
func (s *Stream) Count(ride, status string) int {
	n := 0
	for _, m := range s.Received() {
		if m.RideID == ride && m.Status == status {
			n++
		}
	}
	return n
}

// Problems are the faults of framing or envelope.
func (s *Stream) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// Lines show what was received, or the end of it.
func (s *Stream) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	transport := "polling"
	if s.sse {
		transport = "server-sent events"
	}
	all := []string{fmt.Sprintf("~ GET %s   Cookie: %s=%s   (%s)", s.Path, s.account.cookie, s.account.Token, transport)}
	const most = 40
	if skipped := len(s.log) - most; skipped > 0 {
		all = append(all, fmt.Sprintf("~ ... %d lines", skipped))
		return append(all, s.log[skipped:]...)
	}
	return append(all, s.log...)
}
