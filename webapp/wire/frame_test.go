package wire

import (
	"testing"
	"time"
)

func TestEvent(t *testing.T) {
	n := sampleChairNotification()
	got := AppendEventClose(AppendChairNotification(AppendEventOpen(nil), n))
	want := "data: " + string(AppendChairNotification(nil, n)) + "\n\n"
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := AppendEventClose(AppendNoRide(AppendEventOpen(nil))), "data: null\n\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPoll(t *testing.T) {
	n := sampleUserNotification()
	got := AppendPollClose(AppendUserNotification(AppendPollOpen(nil), n), 30*time.Millisecond)
	data := plainOfUserNotification(n)
	sameMembers(t, got, plainPoll[plainUserNotification]{&data, 30})

	got = AppendPollClose(AppendNoRide(AppendPollOpen(nil)), time.Second)
	sameMembers(t, got, plainPoll[plainUserNotification]{nil, 1000})
}
