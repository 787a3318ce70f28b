package notify

import (
	"slices"
	"testing"
)

// take reads all that a stream has, without delivering it.
func take(s *Stream[string]) (got []string) {
	for {
		m, _, ok := s.Next()
		if !ok {
			return got
		}
		got = append(got, m)
	}
}

// deliver moves the mark past some entries.
func deliver(t *testing.T, l *Log[string], entries ...uint64) {
	t.Helper()
	for _, n := range entries {
		if err := l.Deliver(n, func(*string) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

func wants(t *testing.T, s *Stream[string], want ...string) {
	t.Helper()
	if got := take(s); !slices.Equal(got, want) {
		t.Fatalf("the stream has %q, want %q", got, want)
	}
}

// A client reads a message and comes back before its delivery is recorded: the new
// stream waits for the record, and does not begin with the message before.
func TestOpenDuringWrite(t *testing.T) {
	var l Log[string]
	first := l.Open(func() {})
	l.Append("completed A")
	take(first)
	deliver(t, &l, 0)
	l.Append("matching B")
	l.Append("enroute B")
	take(first)

	woken := 0
	second := l.Open(func() { woken++ })
	wants(t, second)
	deliver(t, &l, 1)
	wants(t, second)
	if woken != 0 {
		t.Error("the new stream was woken during the write")
	}
	deliver(t, &l, 2)
	wants(t, second, "enroute B")
	if woken != 1 {
		t.Errorf("the new stream was woken %d times", woken)
	}
}

// A write that fails delivers nothing: the new stream begins with what was delivered
// before it and loses nothing.
func TestOpenDuringFailingWrite(t *testing.T) {
	var l Log[string]
	dead := l.Open(func() {})
	l.Append("enroute")
	take(dead)
	deliver(t, &l, 0)
	l.Append("pickup")
	l.Append("carrying")
	take(dead)
	woken := 0
	next := l.Open(func() { woken++ })
	wants(t, next)
	dead.Close()
	wants(t, next, "enroute", "pickup", "carrying")
	if woken != 1 {
		t.Errorf("the new stream was woken %d times", woken)
	}
}

// A stream that waits for its start keeps nothing in the log.
func TestWaitingStreamKeepsNothing(t *testing.T) {
	var l Log[string]
	writer := l.Open(func() {})
	for _, m := range []string{"a", "b", "c", "d"} {
		l.Append(m)
	}
	take(writer)
	waiting := l.Open(func() {})
	deliver(t, &l, 0, 1, 2)
	if len(l.entries) != 2 {
		t.Errorf("the log keeps %q", l.entries)
	}
	deliver(t, &l, 3)
	wants(t, waiting, "d")
}
