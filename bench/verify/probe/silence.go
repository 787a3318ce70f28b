package probe

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// A silence counts calls in a row that ran into their limit. A server that hangs for
// good, perhaps because of one wrong request, should not cost the run ten seconds for
// each of the remaining calls.
type silence struct{ calls atomic.Int64 }

const (
	suspicious = 3           // calls without an answer before later ones get less time
	dead       = 12          // and before later ones are not even tried
	impatient  = time.Second // limit of a call from suspicious on
)

// ErrSilent replaces the answer once the server has stopped answering.
var ErrSilent = errors.New("the server has stopped answering")

func (s *silence) note(err error) {
	var timeout net.Error
	switch {
	case err == nil:
		s.calls.Store(0)
	case errors.As(err, &timeout) && timeout.Timeout():
		s.calls.Add(1)
	}
}

func (s *silence) over() bool { return s.calls.Load() >= dead }

// limit shortens a call's limit.
func (s *silence) limit(d time.Duration) time.Duration {
	if s.calls.Load() >= suspicious {
		return impatient
	}
	return d
}
