package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Subscription is what to follow.
type Subscription struct {
	Tables string // names with commas between
	Filter string // terms with commas between; "" lets every row pass
	Resume string // where a Copy is; "" begins with all rows
	Since  string // a position or a time in the past
	Speed  string // of what follows Since; "" without pauses
	// Interval is for how many milliseconds rows may gather, as "100"; "" has all come at once.
	Interval string
	Every    bool // for operators: no report of a position is merged with a newer one
}

// pause is how long Follow waits at least before it connects again.
const pause = 200 * time.Millisecond

// Follow yields the frames of a subscription over server-sent events. When the connection
// ends, or nothing comes for 10 s, it connects again and goes on where the last whole group was, until ctx ends or the
// server refuses; one that is busy is asked again when it wants to be. Each connection begins
// with a frame whose action is Connected. An error is the last that is yielded.
func (c *Client) Follow(ctx context.Context, s Subscription) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for {
			err := c.followOnce(ctx, &s, yield)
			wait := pause
			var refused *Error
			if errors.As(err, &refused) {
				wait = max(wait, refused.RetryAfter)
			}
			switch {
			case errors.Is(err, errEnough):
				return
			case ctx.Err() != nil:
				return
			case refused != nil && refused.Status < 500 && refused.Status != http.StatusTooManyRequests:
				yield(Frame{}, err)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
	}
}

// errEnough says that the caller wants no more frames.
var errEnough = errors.New("isuride: enough")

func (c *Client) followOnce(ctx context.Context, s *Subscription, yield func(Frame, error) bool) error {
	answer, err := c.feed(ctx, s)
	if err != nil {
		return err
	}
	defer answer.Close()
	if !yield(Frame{Action: Connected}, nil) {
		return errEnough
	}
	return readEvents(answer, func(id string, data []byte) error {
		var f Frame
		if err := json.Unmarshal(data, &f); err != nil {
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

// patience is for how long nothing may come: a heartbeat comes each second, and nobody says that a cable is cut or
// a machine is gone.
const patience = 10 * time.Second

var errSilent = errors.New("isuride: nothing has come from the server for 10 s")

// Frames hands on the frames of one connection as texts, each lent for the call, until the
// connection ends or nothing comes for 10 s, for which there always is an error, or the function has one.
func (c *Client) Frames(ctx context.Context, s Subscription, frame func(text []byte) error) error {
	answer, err := c.feed(ctx, &s)
	if err != nil {
		return err
	}
	defer answer.Close()
	return readEvents(answer, func(_ string, data []byte) error { return frame(data) })
}

// feed opens a connection, which its caller closes.
func (c *Client) feed(ctx context.Context, s *Subscription) (io.ReadCloser, error) {
	query := url.Values{"table": {s.Tables}}
	for name, value := range map[string]string{"filter": s.Filter, "since": s.Since, "speed": s.Speed, "interval": s.Interval} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if s.Every {
		query.Set("every", "true")
	}
	header := http.Header{}
	if s.Resume != "" {
		header.Set("Last-Event-ID", s.Resume)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	l := &listener{ctx: ctx, cancel: cancel, timer: time.AfterFunc(patience, func() { cancel(errSilent) })}
	answer, err := c.request(ctx, "GET", "/api/feed?"+query.Encode(), nil, header)
	l.timer.Stop()
	if err != nil {
		cancel(nil)
		return nil, err
	}
	l.body = answer.Body
	return l, nil
}

// listener reads an answer for as long as something comes when it is wanted.
type listener struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func (l *listener) Read(p []byte) (int, error) {
	l.timer.Reset(patience)
	n, err := l.body.Read(p)
	l.timer.Stop()
	if err != nil && context.Cause(l.ctx) == errSilent {
		err = errSilent
	}
	return n, err
}

func (l *listener) Close() error {
	defer l.cancel(nil)
	return l.body.Close()
}

// readEvents reads server-sent events, which have one line of data each. The data are lent.
func readEvents(r io.Reader, event func(id string, data []byte) error) error {
	id, data := "", []byte(nil)
	var long []byte
	for b := bufio.NewReaderSize(r, 64<<10); ; {
		line, err := b.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			long = append(long[:0], line...)
			for err == bufio.ErrBufferFull {
				line, err = b.ReadSlice('\n')
				long = append(long, line...)
			}
			line = long
		}
		if err != nil {
			return err
		}
		switch line = bytes.TrimRight(line, "\r\n"); {
		case len(line) == 0 && len(data) > 0:
			if err := event(id, data); err != nil {
				return err
			}
			id, data = "", data[:0]
		case bytes.HasPrefix(line, []byte("id:")):
			id = string(bytes.TrimSpace(line[len("id:"):]))
		case bytes.HasPrefix(line, []byte("data:")):
			data = append(data[:0], bytes.TrimSpace(line[len("data:"):])...)
		}
	}
}
