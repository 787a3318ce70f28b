// Package logging makes the server's log: lines of text or JSON by log/slog, errors
// counted, and floods of one complaint held back. What is worth a line is left to others.
package logging

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Format is the format of a line.
type Format string

const (
	Text Format = "text"
	JSON Format = "json"
)

// perSecond bounds the lines with the same message that are written in a second, from
// warnings on. One shows what is wrong and ten how it varies, whereas 40,000, one for
// each request of a second, would keep the disk from the journal.
const perSecond = 10

// Log is a logger that counts. Messages are expected to be constants, as slog means them
// to be; what varies belongs into the attributes.
type Log struct {
	*slog.Logger
	shared *shared
}

// New makes a log of lines written to w. If that is a Queue, the line after some that
// were lost says how many.
func New(w io.Writer, f Format) *Log {
	var next slog.Handler = slog.NewTextHandler(w, nil)
	if f == JSON {
		next = slog.NewJSONHandler(w, nil)
	}
	s := &shared{recent: map[string]*second{}}
	s.queue, _ = w.(*Queue)
	return &Log{slog.New(&handler{next, s}), s}
}

// Errors returns the number of errors, written or not.
func (l *Log) Errors() uint64 { return l.shared.errors.Load() }

// handler is a slog.Handler in front of another one.
type handler struct {
	next slog.Handler
	*shared
}

// shared is common to a handler and all that were derived from it.
type shared struct {
	queue    *Queue // nil if there is none
	errors   atomic.Uint64
	reported atomic.Uint64 // lost lines that a later line has reported

	mu     sync.Mutex
	recent map[string]*second // by message; guarded by mu
}

// second is the latest second in which a message came.
type second struct {
	began time.Time
	lines int // that came in it
	held  int // lines that were not written, since the last one that was
}

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h *handler) WithAttrs(a []slog.Attr) slog.Handler {
	return &handler{h.next.WithAttrs(a), h.shared}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.next.WithGroup(name), h.shared}
}

// Handle writes the line, unless there were too many like it. The next one that is
// written says how many were not.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		h.errors.Add(1)
	}
	if r.Level < slog.LevelWarn {
		return h.write(ctx, r, 0)
	}
	ok, held := h.admit(r.Message, r.Time)
	if !ok {
		return nil
	}
	return h.write(ctx, r, held)
}

// write adds how many lines are missing before this one.
func (h *handler) write(ctx context.Context, r slog.Record, held int) error {
	lost, all := h.newlyLost()
	if held > 0 || lost > 0 {
		r = r.Clone()
	}
	if held > 0 {
		r.AddAttrs(slog.Int("held_back", held))
	}
	if lost > 0 {
		r.AddAttrs(slog.Uint64("lost", lost))
	}
	err := h.next.Handle(ctx, r)
	if lost > 0 && h.queue.Lost() == all { // or this one may be lost as well
		h.reported.Store(all)
	}
	return err
}

// newlyLost returns how many lost lines no line has reported, and how many are lost in
// all.
func (s *shared) newlyLost() (lost, all uint64) {
	if s.queue == nil {
		return 0, 0
	}
	all = s.queue.Lost()
	return all - min(all, s.reported.Load()), all
}

func (s *shared) admit(message string, now time.Time) (ok bool, held int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.recent[message]
	if f == nil {
		f = new(second)
		s.recent[message] = f
	}
	if d := now.Sub(f.began); d >= time.Second || d < 0 {
		f.began, f.lines = now, 0
	}
	if f.lines++; f.lines > perSecond {
		f.held++
		return false, 0
	}
	held, f.held = f.held, 0
	return true, held
}
