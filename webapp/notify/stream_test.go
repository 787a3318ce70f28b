package notify

import (
	"errors"
	"slices"
	"testing"
)

// deliver takes the next message of a stream and moves the mark, as before a write.
func deliver(t *testing.T, l *Log[string], s *Stream[string], want string) {
	t.Helper()
	m, n, ok := s.Next()
	if !ok || m != want {
		t.Fatalf("the stream has %q (%v), want %q", m, ok, want)
	}
	if err := l.Deliver(n, func(_, _ *string) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, l *Log[string], s *Stream[string], want ...string) {
	t.Helper()
	for _, m := range want {
		deliver(t, l, s, m)
	}
	if m, _, ok := s.Next(); ok {
		t.Fatalf("the stream has %q, too", m)
	}
}

func nothing() {}

// A client reads a message and comes back at once: the new stream begins with that
// message, and not with the one before.
func TestOpenDuringWrite(t *testing.T) {
	var l Log[string]
	first := l.Open(nothing)
	for _, m := range []string{"completed A", "matching B", "enroute B"} {
		l.Append(m)
	}
	deliver(t, &l, first, "completed A")
	deliver(t, &l, first, "matching B") // and is written from now on
	second := l.Open(nothing)
	wants(t, &l, second, "matching B", "enroute B")
	wants(t, &l, first, "enroute B")
}

// A message whose write failed was marked, but not read by anybody: the next stream
// begins with it.
func TestOpenAfterFailedWrite(t *testing.T) {
	var l Log[string]
	dead := l.Open(nothing)
	l.Append("enroute")
	l.Append("pickup")
	deliver(t, &l, dead, "enroute")
	deliver(t, &l, dead, "pickup")
	dead.Close()
	l.Append("carrying")
	wants(t, &l, l.Open(nothing), "pickup", "carrying")
}

// A mark that cannot be recorded does not move: the message stays pending.
func TestDeliverUnrecorded(t *testing.T) {
	var l Log[string]
	s := l.Open(nothing)
	l.Append("matching")
	l.Append("enroute")
	deliver(t, &l, s, "matching")
	_, n, _ := s.Next()
	broken := errors.New("broken")
	if err := l.Deliver(n, func(_, _ *string) error { return broken }); err != broken {
		t.Fatalf("got %v, want %v", err, broken)
	}
	s.Close()
	wants(t, &l, l.Open(nothing), "matching", "enroute")
}

// The log keeps what its slowest stream needs, and no more than the last delivered
// message for streams to come.
func TestTrim(t *testing.T) {
	var l Log[string]
	slow, fast := l.Open(nothing), l.Open(nothing)
	for _, m := range []string{"a", "b", "c", "d"} {
		l.Append(m)
	}
	wants(t, &l, fast, "a", "b", "c", "d")
	deliver(t, &l, slow, "a")
	l.Append("e")
	deliver(t, &l, fast, "e")
	if want := []string{"b", "c", "d", "e"}; !slices.Equal(l.entries, want) {
		t.Errorf("for the slow stream the log keeps %q, want %q", l.entries, want)
	}
	slow.Close()
	if want := []string{"e"}; !slices.Equal(l.entries, want) {
		t.Errorf("for new streams the log keeps %q, want %q", l.entries, want)
	}
}

// One stream too many ends the oldest, which learns of it and gets nothing any more; the
// others do not notice.
func TestOldestIsDisplaced(t *testing.T) {
	var l Log[string]
	woken := make([]int, 0, 2*MaxStreams)
	var streams []*Stream[string]
	open := func() {
		n := len(woken)
		woken = append(woken, 0)
		streams = append(streams, l.Open(func() { woken[n]++ }))
	}
	for range MaxStreams {
		open()
	}
	if slices.Max(woken) > 0 || streams[0].Displaced() {
		t.Fatalf("woken %v by as many streams as there may be", woken)
	}
	l.Append("a")
	deliver(t, &l, streams[0], "a")
	open()
	if woken[0] != 2 || !streams[0].Displaced() || streams[1].Displaced() {
		t.Fatalf("woken %v; the oldest is displaced: %v, the next one: %v", woken, streams[0].Displaced(), streams[1].Displaced())
	}
	l.Append("b")
	if m, _, ok := streams[0].Next(); ok || woken[0] != 2 {
		t.Errorf("the displaced stream has %q, and was woken %d times", m, woken[0])
	}
	for _, s := range streams[1:] {
		wants(t, &l, s, "a", "b")
	}
	streams[0].Close()
	streams[4].Close()
	open()
	if streams[1].Displaced() {
		t.Error("a stream was displaced although there was room")
	}
	if want := []string{"b"}; !slices.Equal(l.entries, want) {
		t.Errorf("the log keeps %q, want %q", l.entries, want)
	}
}

// Every message wakes every open stream.
func TestAppendWakes(t *testing.T) {
	var l Log[string]
	woken := map[string]int{}
	stays := l.Open(func() { woken["stays"]++ })
	leaves := l.Open(func() { woken["leaves"]++ })
	l.Append("a")
	leaves.Close()
	leaves.Close()
	l.Append("b")
	if woken["stays"] != 2 || woken["leaves"] != 1 {
		t.Errorf("woken: %v", woken)
	}
	wants(t, &l, stays, "a", "b")
}
