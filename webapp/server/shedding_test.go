package server

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"isuride/webapp/admission"
)

// TestHealthSaysWhatIsRefused: a server that refuses is well, and says what. One that is not says
// everything, in one line.
func TestHealthSaysWhatIsRefused(t *testing.T) {
	var wait time.Duration
	gate := admission.New(admission.Options{Mode: admission.Strict,
		Sources: []admission.Source{{Name: "test", Low: func() (time.Duration, bool) { return wait, true }}}})
	var unwell []error
	i, health := new(internal), func() []error { return unwell }
	i.health.Store(&health)
	i.gate.Store(&gate)
	for _, tc := range []struct {
		wait time.Duration
		says string
	}{
		{0, "the server is well\n"},
		{60 * time.Millisecond, "the server is well, and refusing 100 % of class C; requests wait for 60ms\n"},
		{time.Second, "the server is well, and refusing 100 % of class C, 100 % of class B; requests wait for 1s\n"},
		{0, "the server is well\n"},
	} {
		wait = tc.wait
		for range 50 {
			gate.Look()
		}
		answer := httptest.NewRecorder()
		i.healthz(answer, nil)
		if got := answer.Body.String(); answer.Code != 200 || got != tc.says {
			t.Errorf("after waits of %v: %d %q, want %q", tc.wait, answer.Code, got, tc.says)
		}
	}
	unwell, wait = []error{errors.New("first"), errors.Join(errors.New("second"), errors.New("third"))}, 60*time.Millisecond
	for range 50 {
		gate.Look()
	}
	answer := httptest.NewRecorder()
	i.healthz(answer, nil)
	const want = "first; second; third; the server is refusing 100 % of class C; requests wait for 60ms\n"
	if got := answer.Body.String(); answer.Code != 503 || got != want {
		t.Errorf("with three reasons: %d %q, want %q", answer.Code, got, want)
	}
}

// TestSheddingEnds: its loops end with the server, and off has none.
func TestSheddingEnds(t *testing.T) {
	for mode, gate := range map[admission.Mode]bool{admission.Default: true, admission.Strict: true, admission.Off: false} {
		s, err := shed(mode, func() bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		if (s.gate != nil) != gate {
			t.Errorf("%s: a gate is there: %t", mode, s.gate != nil)
		}
		s.stop()
	}
}
