package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Subscription is what to follow.
type Subscription struct {
	Tables string // names with commas between
	Filter string // terms with commas between; "" lets every row pass
	Resume string // where a Copy is; "" begins with all rows
	Since  string // a position or a time in the past
	Speed  string // of what follows Since; "" without pauses
}

// pause is how long Follow waits before it connects again.
const pause = 200 * time.Millisecond

// Follow yields the frames of a subscription over server-sent events. When the connection
// ends it connects again and goes on where the last whole group was, until ctx ends or the
// server refuses. Each connection begins with a frame whose action is Connected. An error is
// the last that is yielded.
func (c *Client) Follow(ctx context.Context, s Subscription) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for {
			err := c.followOnce(ctx, &s, yield)
			var refused *Error
			switch {
			case errors.Is(err, errEnough):
				return
			case ctx.Err() != nil:
				return
			case errors.As(err, &refused) && refused.Status < 500:
				yield(Frame{}, err)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

// errEnough says that the caller wants no more frames.
var errEnough = errors.New("isuride: enough")

func (c *Client) followOnce(ctx context.Context, s *Subscription, yield func(Frame, error) bool) error {
	query := url.Values{"table": {s.Tables}}
	for name, value := range map[string]string{"filter": s.Filter, "since": s.Since, "speed": s.Speed} {
		if value != "" {
			query.Set(name, value)
		}
	}
	header := http.Header{}
	if s.Resume != "" {
		header.Set("Last-Event-ID", s.Resume)
	}
	answer, err := c.request(ctx, "GET", "/api/feed?"+query.Encode(), nil, header)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if !yield(Frame{Action: Connected}, nil) {
		return errEnough
	}
	return readEvents(answer.Body, func(id, data string) error {
		var f Frame
		if err := json.Unmarshal([]byte(data), &f); err != nil {
			return err
		}
		if !yield(f, nil) {
			return errEnough
		}
		if id != "" {
			s.Resume = id
		}
		return nil
	})
}

// readEvents reads server-sent events, which have one line of data each.
func readEvents(r io.Reader, event func(id, data string) error) error {
	id, data := "", ""
	for b := bufio.NewReader(r); ; {
		line, err := b.ReadString('\n')
		if err != nil {
			return err
		}
		switch line = strings.TrimRight(line, "\r\n"); {
		case line == "" && data != "":
			if err := event(id, data); err != nil {
				return err
			}
			id, data = "", ""
		case strings.HasPrefix(line, "id:"):
			id = strings.TrimSpace(line[len("id:"):])
		case strings.HasPrefix(line, "data:"):
			data = strings.TrimSpace(line[len("data:"):])
		}
	}
}
