package api

import (
	"bytes"
	"encoding/json"
	"errors"

	"isuride/webapp/feed"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/isuride"
	"isuride/webapp/wire"
)

// feedGreeting begins each stream of the feed: a line for people who look at it, and how soon
// a browser comes back.
const feedGreeting = ": the live feed of ISURIDE; what its frames mean is at /docs\nretry: 1000\n\n"

// followFeed streams one subscription as server-sent events.
func (a *API) followFeed(c call) error {
	who, err := a.caller(c)
	if err != nil {
		return c.refuseFeed(err)
	}
	c.SetOwner(who.pointer())
	r, err := c.feedRequest()
	if err != nil {
		return c.refuseFeed(err)
	}
	r.Viewer = who.viewer()
	s := &feedStream{writers: a.writers, followers: a.followers}
	s.turns.begin() // until it is open, nobody else writes
	s.feed = a.opt.Feed.Open(s.wake)
	s.feed.Subscribe(r)
	body := append(c.Out(0), feedGreeting...)
	if m, ok := s.feed.Next(); ok {
		if status := refusedStatus(&m); status != 0 {
			c.feedError(status, bytes.Clone(m.JSON))
			s.feed.Close()
			return nil
		}
		body, s.last = appendFeedEvent(body, &m), isLast(&m)
	}
	c.SetBody(body)
	c.AfterWrite(func(err error) {
		if err != nil {
			s.feed.Close()
		}
	})
	c.Stream(s.open)
	return nil
}

// feedRequest reads what is asked for. A browser that comes back sends the same address, and
// where it left off, which then counts.
func (c call) feedRequest() (r feed.Request, err error) {
	for name, value := range map[string]*string{"table": &r.Tables, "filter": &r.Filter, "resume": &r.Resume, "since": &r.Since, "speed": &r.Speed, "interval": &r.Interval} {
		if *value, err = c.queryValue(name); err != nil {
			return r, err
		}
	}
	every, err := c.queryValue("every")
	if err != nil {
		return r, err
	}
	if r.Every = every == "true"; !r.Every && every != "" {
		return r, isuride.Errorf(isuride.InvalidInput, "every is %.40q; it can only be true", every)
	}
	if last := c.Header("Last-Event-ID"); len(last) > 0 {
		r.Resume, r.Since, r.Speed = string(last), "", ""
	}
	return r, nil
}

// refuseFeed answers with the frame of what the transport itself refuses, or returns what is no
// fault of the caller's.
func (c call) refuseFeed(err error) error {
	var domain *isuride.Error
	if !errors.As(err, &domain) {
		return err
	}
	code := feed.BadCommand
	if domain.Code == isuride.Unauthorized {
		code = feed.UnknownAccount
	}
	frame, err := json.Marshal(feed.Frame{Action: feed.Failed, Code: code, Text: domain.Message})
	if err != nil {
		return err
	}
	c.feedError(statusOf[domain.Code], frame)
	return nil
}

func (c call) feedError(status int, frame []byte) {
	if status == 401 {
		c.SetHeader("WWW-Authenticate", authScheme)
	}
	c.json(status, frame)
}

// statusOfCode says with which status a subscription is refused that never begins. Codes that
// are not here come later, or on a WebSocket only.
var statusOfCode = map[feed.Code]int{
	feed.UnknownTable: 400, feed.BadFilter: 400, feed.BadPosition: 400, feed.BadSpeed: 400, feed.BadInterval: 400, feed.Future: 400, feed.NotKept: 410,
	feed.TooMany: 429, feed.NoRight: 403, feed.UnknownAccount: 401, feed.Closing: 503, feed.Internal: 500,
}

// isLast reports whether nothing follows a message: a stream has one subscription, and must not
// stay open in silence once that is over.
func isLast(m *feed.Message) bool { return m.Ends || m.Over }

// refusedStatus returns the status for a first message that refuses the subscription, else 0:
// after a position that cannot be resumed at a partial follows.
func refusedStatus(m *feed.Message) int {
	if !isLast(m) {
		return 0
	}
	var f feed.Frame
	if json.Unmarshal(m.JSON, &f) != nil || f.Action != feed.Failed {
		return 0
	}
	return statusOfCode[f.Code]
}

// feedStream carries one subscription to one connection.
type feedStream struct {
	writers   *writerPool
	followers *followers
	feed      *feed.Conn
	conn      *httpd.Stream
	last      bool // the last message is out; owned by the writer
	turns     turns
}

// open is called when the head and what the handler had are out.
func (s *feedStream) open(conn *httpd.Stream) {
	s.conn = conn
	s.followers.join()
	conn.OnClose(func() {
		s.feed.Close()
		s.followers.leave()
	})
	s.writers.write(s)
}

func (s *feedStream) wake() {
	if s.turns.wake() {
		s.writers.write(s)
	}
}

// write writes until nothing is left, and returns the buffer it was given.
func (s *feedStream) write(buf []byte) []byte {
	for ok := true; ok; {
		s.turns.begin()
		buf, ok = s.writeAll(buf)
		if ok && s.turns.end() {
			return buf
		}
	}
	s.conn.Close()
	return buf
}

// pieceSize is about how much is written at once, in bytes: enough for one system call to
// carry many frames, and little enough for a pooled buffer.
const pieceSize = 32 << 10

// writeAll reports false when the stream is to end.
func (s *feedStream) writeAll(buf []byte) ([]byte, bool) {
	for !s.last {
		buf = buf[:0]
		for len(buf) < pieceSize && !s.last {
			m, ok := s.feed.Next()
			if !ok {
				break
			}
			buf, s.last = appendFeedEvent(buf, &m), isLast(&m)
		}
		if len(buf) == 0 {
			return buf, true
		}
		if s.conn.Ready() != nil || s.conn.Write(buf) != nil {
			return buf, false
		}
	}
	return buf, false
}

// appendFeedEvent appends a message as an event. Only the end of a group has an id: a reader
// that comes back must have no group in part.
func appendFeedEvent(dst []byte, m *feed.Message) []byte {
	if m.Whole {
		dst = append(dst, "id: "...)
		dst = append(m.Position.Append(dst), '\n')
	}
	return wire.AppendEventClose(append(wire.AppendEventOpen(dst), m.JSON...))
}
