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
	"sync/atomic"

	"github.com/puzpuzpuz/xsync/v3"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
	"isuride/webapp/ledger"
)

// EventLog takes the events: *journal.Journal. AppendNoted copies the payload and gives it the
// next number; an error means that nothing was recorded. Appended is the number of the last
// event, those of calls to AppendNoted that have returned included.
type EventLog interface {
	// AppendNoted tells note of the record before another one can be added.
	AppendNoted(payload []byte, note interface{ Recorded(seq uint64) }) (uint64, error)
	Appended() uint64
	// Hold calls f with the number of the last record while none can be added.
	Hold(f func(last uint64))
}

// Options are the surroundings of a Store.
type Options struct {
	Log EventLog
	// Now is the clock; it may step back, the store never does within one entity.
	Now func() isuride.Time
	// Describe renders the constant part of a chair once, for Chair.Description.
	Describe func(*isuride.Chair) []byte
	// Violated gets each violation, under the locks of the entity it was found at: it
	// must not wait, nor call the store. It may be nil.
	Violated func(*Violation)
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
	drafts  sync.Pool // *draft
	tally   tally
	counts  counts

	books      ledger.Ledger
	closed     atomic.Pointer[Violation]  // the first one, nil while the books are open
	told       *xsync.MapOf[string, bool] // of the violations since then
	violations atomic.Uint64

	walks atomic.Int32 // walks under way, see Walk
}

// Size is how many of each kind there are, to make room for.
type Size struct{ Owners, Chairs, Users, Rides int }

func newStore(opt Options, size Size) *Store {
	s := &Store{
		opt:               opt,
		ids:               newIDSource(),
		told:              xsync.NewMapOf[string, bool](),
		models:            map[string]int{},
		usersByToken:      newMap[*User](size.Users),
		usersByID:         newMap[*User](size.Users),
		usersByInvitation: newMap[*User](size.Users),
		ownersByToken:     newMap[*Owner](size.Owners),
		ownersByID:        newMap[*Owner](size.Owners),
		ownersByRegister:  newMap[*Owner](size.Owners),
		chairsByToken:     newMap[*Chair](size.Chairs),
		chairsByID:        newMap[*Chair](size.Chairs),
		rides:             newMap[*Ride](size.Rides),
		usernames:         make(map[string]bool, size.Users),
		ownerNames:        make(map[string]bool, size.Owners),
	}
	s.books.Begin()
	s.drafts.New = func() any { return &draft{payload: make([]byte, 0, 512), tally: &s.tally} }
	for i := range s.regions {
		s.regions[i].init()
	}
	return s
}

func newMap[V any](size int) *xsync.MapOf[string, V] {
	return xsync.NewMapOf[string, V](xsync.WithPresize(size))
}

// commit records the event, with what it changes of the hash; the caller holds the locks of
// all it changes and applies it next.
func (s *Store) commit(e *isuride.Event, d *delta) error {
	_, err := s.record(e, d)
	return err
}

// record is commit for those who need the event's number.
func (s *Store) record(e *isuride.Event, d *delta) (seq uint64, err error) {
	r := s.drafts.Get().(*draft)
	r.payload, r.delta = e.Append(r.payload[:0]), *d
	seq, err = s.opt.Log.AppendNoted(r.payload, r)
	s.drafts.Put(r)
	if err != nil {
		return 0, isuride.Because(err, isuride.Unavailable, "the server cannot record changes now")
	}
	return seq, nil
}

// Region returns the part of the world that dispatch works on.
func (s *Store) Region(r isuride.Region) *Region { return &s.regions[r] }

// UserByToken finds a user by session token.
func (s *Store) UserByToken(token []byte) (*User, bool) { return s.usersByToken.Load(view(token)) }

// OwnerByToken finds an owner by session token.
func (s *Store) OwnerByToken(token []byte) (*Owner, bool) { return s.ownersByToken.Load(view(token)) }

// ChairByToken finds a chair by session token.
func (s *Store) ChairByToken(token []byte) (*Chair, bool) { return s.chairsByToken.Load(view(token)) }
