// Package feed turns the log of events into live tables: every table of the city as frames
// of one form, which a reader keeps an exact copy by. A subscription begins with a partial,
// or where its reader left off, and goes on with what each event changed.
//
// Frames say only what is behind the journal's watermark, and of that only columns that are
// listed for the class of their viewer. The package leaves to its callers who a viewer is,
// and how frames travel: it knows neither HTTP nor sessions.
package feed

import (
	"cmp"
	"context"
	"log/slog"
	"sync"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
)

// Source is the generation that a feed tells of.
type Source struct {
	Epoch   uint64 // its number
	Store   *state.Store
	Journal *journal.Journal
	// Folder holds the generation's snapshots, for replays; "" if there are none.
	Folder string
	// Secret makes the pseudonyms of the public city. It stays with the generation over
	// restarts and promotions, so that copies do, and never leaves the server.
	Secret []byte

	term uint64 // in which the server leads its group, 0 without one
}

// same reports whether both are one state on one log. A generation may get another of either
// in its life, when a server comes to lead a group or ceases to.
func (s *Source) same(o *Source) bool { return s.Journal == o.Journal && s.Store == o.Store }

// Options are the surroundings of a Feed.
type Options struct {
	// Current returns the generation that serves now; zero if another server does.
	Current func() Source
	// Figures returns how the server does, for the table server. It is called once a second while
	// somebody follows that, by one goroutine at a time.
	Figures func() *Figures
	Now     func() isuride.Time
	Log     *slog.Logger
}

// Class is what a viewer is to the city. What each may see: columns.go.
type Class uint8

const (
	Public Class = iota
	User
	Owner
	Chair
	Operator
	classes
)

// Viewer is who reads a subscription: an account by its id, or the public or an operator,
// which have none.
type Viewer struct {
	Class Class
	ID    string
}

// Request asks for a subscription, in the words of its reader.
type Request struct {
	// Name tells the subscriptions of a connection apart; at most 100 bytes, and may be
	// empty.
	Name string
	// Tables are names with commas between, as "rides,city".
	Tables string
	// Filter has terms with commas between, all of which a row has to meet, as
	// "rides.user_id=01J...|01K...,chairs.id=01J...". Columns are those of ids; the table may
	// be left out if only one is asked for. "" lets every row pass.
	Filter string
	Viewer Viewer
	// Resume is the position of the last whole group that the reader has, as epoch:seq;
	// "" begins with a partial.
	Resume string
	// Since is a position or a time in the past (isuride.ParseMoment): the subscription
	// begins with the tables as they were then.
	Since string
	// Speed of what follows Since: "1" as it took place, "10" ten times as fast; ""
	// without pauses.
	Speed string
	// Interval has what happens gather for so many milliseconds, MinInterval to MaxInterval, as
	// "100", and come as one group, of each position the newest: for readers that show the city to
	// people. "" has everything come at once.
	Interval string
	// Every is for an operator's program that has to have each report of a position: none is
	// merged with a newer one, and each event is a group of its own. A reader that is slow is
	// not told to begin again: it is read to from the log, at its own speed, until it takes
	// nothing for 10 s or the log no longer has what it needs.
	Every bool
}

// Message is a frame to be sent.
type Message struct {
	// JSON is lent until the next call of Next, and has no newline in it.
	JSON []byte
	// Position is what the reader may resume at if Whole, since then a group ends.
	Position Position
	Whole    bool
	// Ends says that no more will come: close the connection after it.
	Ends bool
	// Over says that no subscription is left and nothing waits: nothing follows, not even a
	// heartbeat, unless something is subscribed to.
	Over bool
}

// Feed serves any number of connections. While there is none it does nothing.
type Feed struct {
	// set once
	opt     Options
	hub     *hub
	board   *board
	camera  *cityCamera
	walking chan struct{}          // holds a token while all accounts are walked over for an operator
	summing chan struct{}          // one while a checksum is made
	reading [classes]chan struct{} // one while a snapshot is read for a viewer of the class: slow strangers hold up strangers only
	fillers sync.WaitGroup
	over    chan struct{} // closed by Close

	counts counts

	mu lockwatch.Mutex
	// The rest is guarded by mu.
	conns   map[*Conn]struct{}
	stop    context.CancelFunc // ends the hub; nil while there is no connection
	stopped chan struct{}      // closed when it has ended
	closing bool
}

// New returns a feed.
func New(o Options) *Feed {
	o.Log = cmp.Or(o.Log, slog.Default())
	f := &Feed{opt: o, camera: newCityCamera(), walking: make(chan struct{}, 1), summing: make(chan struct{}, 1), conns: map[*Conn]struct{}{}, over: make(chan struct{})}
	for i := range f.reading {
		f.reading[i] = make(chan struct{}, 1)
	}
	f.hub = newHub(f)
	f.board = &board{feed: f, subs: map[*sub]uint64{}}
	return f
}

// Open returns a connection. wake is called, from any goroutine and with locks held, when
// Next may have something after it had nothing; it must not block and not call the feed.
// Look with Next once before waiting for it: if there are too many connections, the first
// message says so and ends the connection.
func (f *Feed) Open(wake func()) *Conn {
	c := &Conn{feed: f, wake: wake, turns: make(chan struct{}, maxPartials), subs: map[string]*sub{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closing:
		c.finish(f.leaving())
		return c
	case f.opt.Current().Journal == nil:
		c.finish(f.elsewhere())
		return c
	case len(f.conns) == maxConnections:
		err := refuse(TooMany, "the server has %d connections to its feed, and takes no more; try again later", maxConnections)
		err.Ends = true
		c.finish(err)
		return c
	}
	c.asleep = true
	f.conns[c] = struct{}{}
	if f.stop == nil {
		f.beginLocked()
	}
	return c
}

func (f *Feed) leaving() *Error {
	err := refuse(Closing, "the server stops; connect again, and resume where you are")
	err.Ends = true
	return err
}

func (f *Feed) elsewhere() *Error {
	err := refuse(Closing, "another server leads; connect again, and resume where you are")
	err.Ends = true
	return err
}

// sendAway ends all connections.
func (f *Feed) sendAway(why *Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.finish(why)
	}
}

// beginLocked starts the hub, after the one before has ended.
func (f *Feed) beginLocked() {
	before, ended := f.stopped, make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	f.stop, f.stopped = cancel, ended
	go func() {
		defer close(ended)
		if before != nil {
			<-before
		}
		f.hub.run(ctx)
	}()
}

// closed forgets a connection. The last one ends the hub.
func (f *Feed) closed(c *Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
	if len(f.conns) == 0 && f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

// Close tells all connections that the server stops, and ends what works for them. Their
// transports close them.
func (f *Feed) Close() {
	f.mu.Lock()
	if !f.closing {
		close(f.over)
	}
	f.closing = true
	stop, stopped := f.stop, f.stopped
	f.stop = nil
	f.mu.Unlock()
	f.sendAway(f.leaving())
	if stop != nil {
		stop()
	}
	if stopped != nil {
		<-stopped
	}
	f.fillers.Wait()
}
