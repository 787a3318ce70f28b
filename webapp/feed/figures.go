package feed

import (
	"context"
	"encoding/json"
	"time"

	"isuride/webapp/internal/lockwatch"
)

// Figures say how the server itself does: the one row of the table server. What is null there
// is not known, or there is none of it.
type Figures struct {
	// For everybody.
	Name      string    // of the server in its group; "server" alone
	Requests  *float64  // answered a second
	ReportP99 *float64  // of chairs' reports, in milliseconds
	SQLLag    float64   // age of the oldest event that the tables lack, in seconds
	Unsynced  uint64    // events that the disk does not have
	Replicas  *Replicas // nil without a group
	Shedding  float64   // the largest share of sessions of a class that is refused, 0 to 1
	Balanced  bool      // every yen adds up; false closes the books
	// For operators.
	Alerts    []string // what is wrong now, a sentence each
	Endpoints []Endpoint
	Slow      []SlowRequest // the newest first; empty without ISURIDE_SLOW
	Peers     []Peer        // the other members, at the one that leads
	Queues    Queues
	Books     Books
	Refused   map[string]uint64 // requests refused since the start, by class
}

// Replicas are the members of a group as the one that serves sees them.
type Replicas struct {
	All    int    `json:"all"`
	InStep int    `json:"in_step"` // that have what is committed, but for a second's events at most
	Term   uint64 `json:"term"`
}

// Endpoint is what one endpoint has answered lately.
type Endpoint struct {
	Name   string   `json:"name"`
	Rate   float64  `json:"rate"`   // answers a second
	Errors float64  `json:"errors"` // of these, with a status of 5xx
	P50    *float64 `json:"p50"`    // in milliseconds
	P99    *float64 `json:"p99"`
}

// SlowRequest is one that took ISURIDE_SLOW or longer.
type SlowRequest struct {
	At       int64   `json:"at"` // in milliseconds
	Request  string  `json:"request"`
	Endpoint string  `json:"endpoint"`
	Took     float64 `json:"took"` // in milliseconds
}

// Peer is another member.
type Peer struct {
	Name   string `json:"name"`
	Behind uint64 `json:"behind"` // events
}

// Queues are what waits, besides Figures.Unsynced.
type Queues struct {
	SQL           uint64  `json:"sql"`            // events that the tables do not have
	Feed          uint64  `json:"feed"`           // events that are not handed out
	Streams       int     `json:"streams"`        // of notifications, that are open
	Connections   int     `json:"connections"`    // of HTTP
	Readers       int     `json:"readers"`        // of the feed
	Subscriptions int     `json:"subscriptions"`  // theirs
	Charges       int     `json:"charges"`        // under way at the payment gateway
	SnapshotAge   float64 `json:"snapshot_age"`   // in seconds; 0 if there is none
	SnapshotBytes int64   `json:"snapshot_bytes"` // of the last one
}

// Books are the state of the audit.
type Books struct {
	Closed     string         `json:"closed"` // why, "" if they are open
	Violations uint64         `json:"violations"`
	Recounts   uint64         `json:"recounts"`
	Age        float64        `json:"age"` // of the last whole recount, in seconds
	Yen        map[string]int `json:"yen"` // by account; they add up to 0
}

// appendJSON appends what is put together each second at most.
func appendJSON(dst []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("BUG: feed: figures: " + err.Error())
	}
	return append(dst, text...)
}

// figuresEvery is the time between two looks at the figures.
const figuresEvery = time.Second

// board tells subscriptions of the table server, which is not of the log: a row a second while there
// are any. Once nobody is left its goroutine ends.
type board struct {
	feed *Feed

	mu lockwatch.Mutex
	// The rest is guarded by mu.
	subs   map[*sub]uint64 // with the epoch that each was told last, 0 for none
	runs   bool
	latest *Figures        // of the last look, while it runs
	texts  [classes][]byte // of the latest, once somebody of the class is told it
}

// follow tells a subscription what there is, and from then on what changes.
func (b *board) follow(s *sub) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs[s] = 0
	if !b.runs {
		b.runs = true
		b.feed.fillers.Go(b.run)
		return
	}
	if source := b.feed.opt.Current(); b.latest != nil && source.Journal != nil {
		b.tellLocked(s, source)
	}
}

// run ends with the last subscription, or the feed.
func (b *board) run() {
	for b.tell() && waitFor(context.Background(), b.feed.over, figuresEvery) == errElapsed {
	}
}

// tell reports false once there is nobody to tell.
func (b *board) tell() bool {
	figures := b.feed.opt.Figures()
	source := b.feed.opt.Current()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.latest, b.texts = figures, [classes][]byte{}
	for s := range b.subs {
		if s.ctx.Err() != nil {
			delete(b.subs, s)
		} else if source.Journal != nil { // else another server leads, and the hub sends all there
			b.tellLocked(s, source)
		}
	}
	if len(b.subs) == 0 {
		b.runs, b.latest = false, nil
	}
	return b.runs
}

// tellLocked queues the row, unless the reader has yet to take much: the next one says it all again.
func (b *board) tellLocked(s *sub, source Source) {
	c := s.conn
	c.mu.Lock()
	full := c.queue.bytes > fillTo
	c.mu.Unlock()
	if full {
		return
	}
	e := entry{sub: s, table: server, action: Update, epoch: source.Epoch, seq: source.Journal.Watermark(), at: b.feed.opt.Now()}
	if b.subs[s] != source.Epoch {
		e.action = Partial
		if b.subs[s] != 0 {
			e.reason = NewEpoch
		}
		b.subs[s] = source.Epoch
	}
	text := &b.texts[s.viewer.Class]
	if *text == nil {
		*text = tables[server].appendRow(nil, &row{figures: b.latest}, s.viewer.Class, 0)
	}
	e.text = *text
	c.add(s, e)
}
