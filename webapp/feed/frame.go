package feed

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Action says what a frame does to a copy of its table.
type Action string

const (
	// Partial replaces the copy: its rows are all there are, and those of the frames that
	// follow in the same group.
	Partial Action = "partial"
	// Insert brings rows that are new to the subscription, with all their columns.
	Insert Action = "insert"
	// Update brings the key and the columns that changed; the others stay.
	Update Action = "update"
	// Delete brings the keys of rows that are gone, or that the subscriber may not see any
	// longer.
	Delete Action = "delete"
	// Heartbeat says that the subscription is complete up to Seq. It has no table.
	Heartbeat Action = "heartbeat"
	// Checksum brings the checksum of a table as it is at Seq: one row {"rows","crc32c"}.
	Checksum Action = "checksum"
	// Failed says what was refused, in Code and Message.
	Failed Action = "error"
	// Unsubscribed is the last frame of a subscription that its reader has ended.
	Unsubscribed Action = "unsubscribed"
)

// Frame is one message of the feed, as a reader parses it. A frame looks like this:
//
//	{"table":"rides","action":"update","keys":["id"],"epoch":3,"seq":812345,"prev":812301,
//	 "ts":"2026-11-29T09:51:04.123456Z","data":[{"id":"...","chair_id":"..."}]}
//
// Frames of one subscription come in groups: all with More but the last. A group is what one
// event of the log did, or a whole partial with what happened while it was made. Who applies
// a group as one sees no event half. After a group the copy is the table as of event Seq.
//
// Prev is the Seq of the subscription's frame before, and 0 in its first. A reader whose last
// frame had another Seq has missed something and subscribes again. A partial is no gap.
type Frame struct {
	// Sub is the name that the reader gave the subscription; it is left out if there is none.
	Sub    string   `json:"sub,omitempty"`
	Table  string   `json:"table,omitempty"`
	Action Action   `json:"action"`
	Keys   []string `json:"keys,omitempty"` // columns that identify a row
	Epoch  uint64   `json:"epoch"`          // generation of the data; another one begins with a partial
	Seq    uint64   `json:"seq"`            // position in the log; of merged positions the newest
	Prev   uint64   `json:"prev"`
	TS     string   `json:"ts,omitempty"`   // when the event took place: UTC, microseconds
	More   bool     `json:"more,omitempty"` // the group goes on

	Reason Reason            `json:"reason,omitempty"` // of a partial that was not asked for
	Code   Code              `json:"code,omitempty"`
	Text   string            `json:"message,omitempty"` // one sentence, with Code
	Data   []json.RawMessage `json:"data,omitempty"`
}

// Reason says why a partial comes although the reader wanted to go on.
type Reason string

const (
	TooOld      Reason = "too_old"     // the log no longer holds what follows the reader's position
	OtherEpoch  Reason = "other_epoch" // the reader's position is of another generation
	Ahead       Reason = "ahead"       // the log does not reach the reader's position: a power loss took it
	NewEpoch    Reason = "new_epoch"   // another generation has begun, by an initialize
	TooSlow     Reason = "too_slow"    // more waited for the reader than it may hold
	Interrupted Reason = "interrupted" // the server could not go on with its reading of the log
)

// Code names a refusal, for programs. Text beside it is for people.
type Code string

const (
	UnknownTable   Code = "unknown_table"
	BadFilter      Code = "bad_filter"
	BadPosition    Code = "bad_position" // neither epoch:seq nor, of since, a position or a time
	BadSpeed       Code = "bad_speed"    // a replay's speed
	BadInterval    Code = "bad_interval"
	OldEpoch       Code = "other_epoch"    // a partial follows
	Future         Code = "ahead"          // a partial follows, unless it is about since
	TooMany        Code = "too_many"       // subscriptions of a connection, or connections
	NoRight        Code = "no_right"       // the viewer may not see the table
	NameTaken      Code = "name_taken"     // the connection has a subscription of that name
	UnknownName    Code = "unknown_name"   // the connection has no such subscription
	NoChecksum     Code = "no_checksum"    // the table is a log, or not subscribed
	SlowReader     Code = "too_slow"       // the connection ends
	NotKept        Code = "not_kept"       // since: nothing from that far back is there
	Closing        Code = "closing"        // the server stops; the connection ends
	Internal       Code = "internal"       // the server's fault
	BadCommand     Code = "bad_command"    // for transports: what came is no command
	UnknownAccount Code = "unknown_viewer" // the viewer's account is not there
	Busy           Code = "busy"           // for transports: the server has too much to do; ask again later
)

// Error is a refusal. A transport turns what it refuses itself into one, for Conn.Refuse.
type Error struct {
	Sub   string // subscription that it concerns, "" if none
	Table string
	Code  Code
	Text  string
	Ends  bool // the connection
}

func (e *Error) Error() string { return fmt.Sprintf("feed: %s: %s", e.Code, e.Text) }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Position is a place in the log of a generation: what a reader resumes at. Its text,
// epoch:seq, is the id of server-sent events.
type Position struct{ Epoch, Seq uint64 }

// String returns what ParsePosition reads.
func (p Position) String() string { return string(p.Append(nil)) }

// Append appends the text.
func (p Position) Append(dst []byte) []byte {
	return strconv.AppendUint(append(strconv.AppendUint(dst, p.Epoch, 10), ':'), p.Seq, 10)
}

// ParsePosition reads epoch:seq.
func ParsePosition(text string) (Position, error) {
	epoch, seq, ok := strings.Cut(text, ":")
	e, err1 := strconv.ParseUint(epoch, 10, 63)
	s, err2 := strconv.ParseUint(seq, 10, 63)
	if !ok || err1 != nil || err2 != nil {
		return Position{}, refuse(BadPosition, "%.60q is no position; send the epoch and the seq of a frame, as 3:812345", text)
	}
	return Position{e, s}, nil
}
