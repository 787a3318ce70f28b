package httpd

import (
	"errors"
	"log/slog"
	"syscall"
	"time"
)

// passing reports whether an accept error may go away by itself: the process or the
// system is out of something, or the peer has already left.
func passing(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPROTO,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// backoff paces an accept loop that fails, and logs the first failure of a row and its
// end.
type backoff struct{ next time.Duration }

func (b *backoff) wait(log *slog.Logger, err error) {
	if b.next == 0 {
		b.next = 5 * time.Millisecond
		log.Error("cannot accept connections; retrying", "err", err)
	}
	time.Sleep(b.next)
	b.next = min(2*b.next, time.Second)
}

func (b *backoff) reset(log *slog.Logger) {
	if b.next > 0 {
		b.next = 0
		log.Info("accepting connections again")
	}
}
