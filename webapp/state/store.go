// Package state is the live store: every table in memory, the indexes over them, the
// verbs that change them, and the application of events.
//
// A verb validates under the locks of what it changes, appends one event to the log,
// applies it and queues its notifications, all in one critical section, so that
// memory, log and notifications have one order. Apply does the same from the log
// alone; both end in the same apply functions. Lock order: docs/locking.md.
//
// The package leaves bytes on disk to journal, SQL to sqlstore, the choice of
// chairs to dispatch, money to payment, and JSON and HTTP to wire and api.
package state

import (
	"sync"

	"github.com/puzpuzpuz/xsync/v3"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

// EventLog takes the events: *journal.Journal. Append copies the payload and gives it the
// next number; an error means that nothing was recorded.
type EventLog interface {
	Append(payload []byte) (uint64, error)
}

// Options are the surroundings of a Store.
type Options struct {
	Log EventLog
	// Now is the clock; it may step back, the store never does within one entity.
	Now func() isuride.Time
	// Describe renders the constant part of a chair once, for Chair.Description.
	Describe func(*isuride.Chair) []byte
}

// Store is one generation of the whole state. Its methods may be called from any
// goroutine, but for Apply, which belongs to recovery.
type Store struct {
	opt    Options
	ids    *idSource
	models map[string]int // speed by model name

	// By secret or id. Written under registry or the owner's lock, read without.
	usersByToken, usersByID   *xsync.MapOf[string, *User]
	usersByInvitation         *xsync.MapOf[string, *User]
	ownersByToken, ownersByID *xsync.MapOf[string, *Owner]
	ownersByRegister          *xsync.MapOf[string, *Owner]
	chairsByToken, chairsByID *xsync.MapOf[string, *Chair]
	rides                     *xsync.MapOf[string, *Ride]

	// registry orders the registrations of users and owners and guards the names.
	registry              lockwatch.Mutex
	usernames, ownerNames map[string]bool // folded, see foldName

	regions [isuride.Regions]Region
	scratch sync.Pool // *[]byte, for the bytes of events
	counts  counts
}

func newStore(opt Options) *Store {
	s := &Store{
		opt:               opt,
		ids:               newIDSource(),
		models:            map[string]int{},
		usersByToken:      xsync.NewMapOf[string, *User](),
		usersByID:         xsync.NewMapOf[string, *User](),
		usersByInvitation: xsync.NewMapOf[string, *User](),
		ownersByToken:     xsync.NewMapOf[string, *Owner](),
		ownersByID:        xsync.NewMapOf[string, *Owner](),
		ownersByRegister:  xsync.NewMapOf[string, *Owner](),
		chairsByToken:     xsync.NewMapOf[string, *Chair](),
		chairsByID:        xsync.NewMapOf[string, *Chair](),
		rides:             xsync.NewMapOf[string, *Ride](),
		usernames:         map[string]bool{},
		ownerNames:        map[string]bool{},
	}
	s.scratch.New = func() any { b := make([]byte, 0, 512); return &b }
	for i := range s.regions {
		s.regions[i].init()
	}
	return s
}

// commit records the event; the caller holds the locks of all it changes and applies
// it next.
func (s *Store) commit(e *isuride.Event) error {
	buf := s.scratch.Get().(*[]byte)
	*buf = e.Append((*buf)[:0])
	_, err := s.opt.Log.Append(*buf)
	s.scratch.Put(buf)
	if err != nil {
		return isuride.Because(err, isuride.Unavailable, "the server cannot record changes now")
	}
	return nil
}

// Region returns the part of the world that dispatch works on.
func (s *Store) Region(r isuride.Region) *Region { return &s.regions[r] }

// UserByToken finds a user by session token.
func (s *Store) UserByToken(token []byte) (*User, bool) { return s.usersByToken.Load(view(token)) }

// OwnerByToken finds an owner by session token.
func (s *Store) OwnerByToken(token []byte) (*Owner, bool) { return s.ownersByToken.Load(view(token)) }

// ChairByToken finds a chair by session token.
func (s *Store) ChairByToken(token []byte) (*Chair, bool) { return s.chairsByToken.Load(view(token)) }
