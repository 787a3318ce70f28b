package stream

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowTransaction: a session does not go on behind a transaction during which the broker may have been killed, unless
// that had no message to lose.
func TestSlowTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, holds := range []bool{true, false} {
			for took, slow := range map[time.Duration]bool{0: false, 2 * slowTransaction: true} {
				tr := newTransactions(nil, new(producerCounts), "city", "me")
				tr.open, tr.holds, tr.began, tr.cancel = true, holds, time.Now().Add(-took), func() {}
				err := tr.next(t.Context(), nil)
				if got, want := errors.Is(err, errSlow), slow && holds; got != want || err != nil && !got {
					t.Errorf("after %v, with messages %v: %v", took, holds, err)
				}
				if tr.open {
					t.Error("a transaction that is committed is open")
				}
			}
		}
	})
}
