package world

import (
	"errors"
	"strings"
	"testing"
)

func noTimeline() []string { return nil }

// The run ends with the 201st error (B12.1).
func TestErrorLimit(t *testing.T) {
	l := newErrorLog()
	for range ErrorLimit {
		l.add(Complaint{Code: CodePosition}, noTimeline)
	}
	if l.Fatal() != nil {
		t.Fatal("fatal at the limit already")
	}
	l.add(Complaint{Code: CodeHistory}, noTimeline)
	var last Complaint
	if err := l.Fatal(); !errors.As(err, &last) || last.Code != CodeHistory {
		t.Fatalf("fatal: %v", err)
	}
	if l.Count(CodePosition) != ErrorLimit || l.Total() != ErrorLimit+1 || len(l.Examples(CodePosition)) != examplesPerCode {
		t.Error("wrong counts")
	}
}

// Critical codes end the run at once, the others do not (B12.2).
func TestCriticalCodes(t *testing.T) {
	critical := map[Code]bool{6: true, 9: true, 10: true, 11: true, 12: true, 15: true, 32: true, 34: true, 35: true}
	for c := CodeUnclassified; c <= CodePayment; c++ {
		l := newErrorLog()
		l.add(Complaint{Code: c}, noTimeline)
		if (l.Fatal() != nil) != critical[c] {
			t.Errorf("code %d: fatal %v", c, l.Fatal())
		}
	}
}

func TestComplaintTellsTheStory(t *testing.T) {
	s, _, r := enroute(t)
	s.tick()
	s.tellUser(r, StatusArrived)
	s.tick()
	c := s.w.Errors().Examples(CodeUserTransition)[0]
	if c.Entity != r.user.Entity || !strings.Contains(c.Error(), "code 11") || !strings.Contains(c.Error(), "user 0") {
		t.Errorf("complaint %q", c)
	}
	story := strings.Join(c.Timeline, "\n")
	for _, part := range []string{"ride created", "was notified ENROUTE", "ride R0"} {
		if !strings.Contains(story, part) {
			t.Errorf("%q is missing in:\n%s", part, story)
		}
	}
	if got := s.w.Errors().Codes(); len(got) != 1 || got[0] != CodeUserTransition {
		t.Errorf("codes %v", got)
	}
}

func TestTimelineKeepsTheNewest(t *testing.T) {
	var tl timeline
	for i := range timelineLength + 5 {
		tl.note(moment{at: Instant(i) * Second, tick: int32(i), text: "m"})
	}
	lines := tl.lines(0)
	if len(lines) != timelineLength || !strings.Contains(lines[0], "5.000 s") || !strings.Contains(lines[timelineLength-1], "20.000 s") {
		t.Errorf("lines %q", lines)
	}
}
