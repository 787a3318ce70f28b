package state

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"unsafe"

	"github.com/oklog/ulid/v2"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

// idSource makes ULIDs whose time part is the row's creation time (S12.3) and
// which grow within one millisecond.
type idSource struct {
	mu      lockwatch.Mutex
	entropy *ulid.MonotonicEntropy // guarded by mu
}

func newIDSource() *idSource {
	return &idSource{entropy: ulid.Monotonic(bufio.NewReader(rand.Reader), 0)} // the lock is shared by all rides
}

func (s *idSource) next(at isuride.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ulid.MustNew(uint64(at.Milli()), s.entropy).String()
}

// Sizes of secrets in bytes, before hex (S1.3).
const (
	tokenBytes      = 32
	invitationBytes = 15
)

func newSecret(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails: it ends the program instead
	return hex.EncodeToString(b)
}

// view returns b as a string, for a lookup that does not keep it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
