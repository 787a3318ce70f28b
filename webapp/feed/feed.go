// Package feed turns the log of events into live tables: every table of the city as frames
// of one form, which a reader keeps an exact copy by. A subscription begins with a partial,
// or where its reader left off, and goes on with what each event changed.
//
// Frames say only what is behind the journal's watermark, and of that only columns that are
// listed for the class of their viewer. The package leaves to its callers who a viewer is,
// and how frames travel: it knows neither HTTP nor sessions.
package feed

import (
	"log/slog"

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
}

// Options are the surroundings of a Feed.
type Options struct {
	// Current returns the generation that serves now.
	Current func() Source
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
}
