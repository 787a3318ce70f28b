package flush

import (
	"context"
	"errors"
	"testing"

	"isuride/webapp/isuride"
)

// counting takes every cut.
type counting int

func (c *counting) WriteCut(context.Context, uint64, uint64, *isuride.Tables) error {
	*c++
	return nil
}

// TestPause: no cut is written between Pause and resume, and Pause does not come between
// a cut's beginning and its end.
func TestPause(t *testing.T) {
	var target counting
	w := New(Options{Target: &target})
	resume, err := w.Pause(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := w.attempt(ended); !errors.Is(err, context.Canceled) || target != 0 {
		t.Errorf("in the pause: %v, %d cuts", err, target)
	}
	resume()
	if _, err := w.attempt(t.Context()); err != nil || target != 1 {
		t.Errorf("after it: %v, %d cuts", err, target)
	}
	if err := w.takeTurn(t.Context()); err != nil { // as an attempt under way has done
		t.Fatal(err)
	}
	if _, err := w.Pause(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("during a cut: %v", err)
	}
}
