package client

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"isuride/bench/client/answer"
	"isuride/bench/client/h1"
)

// A Browser makes the few requests before the load, one at a time and waiting. It is
// net/http's client with the habits of B13.1 to B13.3, without cookies and cache of its
// own.
type Browser struct {
	client  *http.Client
	target  *url.URL
	decoder h1.Decoder
}

// NewBrowser makes a browser that takes the given route.
func NewBrowser(target *url.URL, route Route) *Browser {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dialBlocking(ctx, route) }
	return &Browser{
		target: target,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext: dial, TLSClientConfig: tlsConfig(target.Hostname()), ForceAttemptHTTP2: true,
				DisableCompression: true, IdleConnTimeout: OfficialLimits().Idle,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close ends the browser's idle connections.
func (b *Browser) Close() { b.client.CloseIdleConnections() }

// A Question is one request of a Browser.
type Question struct {
	Method string
	Target string // path and query
	Cookie string // the Cookie field, empty for none
	Body   string // JSON, only with POST
	Limit  time.Duration
}

// Ask returns status and decoded body of the answer.
func (b *Browser) Ask(ctx context.Context, q Question) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.Limit)
	defer cancel()
	resp, err := b.do(ctx, q)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if body, err = b.read(resp); err != nil {
		return 0, nil, err
	}
	return resp.StatusCode, body, nil
}

// Message asks for notifications, of a stream or by polls, whichever the server offers
// (B9.2), until one is wanted or no other comes: after a restart the newest ride's may
// come after those of the ride before. It returns the last one, nil if there was none.
func (b *Browser) Message(ctx context.Context, q Question, wanted func(message []byte) bool) (status int, message []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.Limit)
	defer cancel()
	for {
		status, next, err := b.message(ctx, q, wanted)
		if next == nil && message != nil {
			return http.StatusOK, message, nil // the time is up, or the server has nothing else to say
		}
		if err != nil || next == nil || wanted(next) || bytes.Equal(next, message) {
			return status, next, err
		}
		message = next
	}
}

// message is one round of Message: a poll, or a stream up to the end.
func (b *Browser) message(ctx context.Context, q Question, wanted func(message []byte) bool) (status int, message []byte, err error) {
	resp, err := b.do(ctx, q)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if h1.HeadOf(resp.StatusCode, resp.Header).EventStream {
		message, err = lastEvent(resp.Body, wanted)
		return resp.StatusCode, message, err
	}
	body, err := b.read(resp)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp.StatusCode, nil, err
	}
	poll, err := answer.DecodePoll(body)
	if err != nil || answer.IsNull(poll.Data) {
		return resp.StatusCode, nil, err
	}
	return resp.StatusCode, poll.Data, nil
}

// lastEvent reads up to the first event that is wanted, else to the end of the stream.
func lastEvent(stream io.Reader, wanted func(message []byte) bool) (last []byte, err error) {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, maxEventLine)
	for lines.Scan() {
		if data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:")); ok && !answer.IsNull(data) {
			if last = bytes.Clone(data); wanted(last) {
				return last, nil
			}
		}
	}
	if last != nil {
		return last, nil
	}
	return nil, lines.Err()
}

func (b *Browser) do(ctx context.Context, q Question) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, q.Method, b.target.Scheme+"://"+b.target.Host+q.Target, strings.NewReader(q.Body))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"User-Agent": h1.UserAgent, "Accept": h1.Accept, "Accept-Encoding": h1.AcceptEncoding, "Cookie": q.Cookie} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if q.Method == http.MethodPost {
		r.Header.Set("Content-Type", h1.JSONContentType)
	}
	return b.client.Do(r)
}

// read returns the decoded body.
func (b *Browser) read(resp *http.Response) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxBody {
		return nil, errTooLong
	}
	body, err := b.decoder.Decode(raw, h1.HeadOf(resp.StatusCode, resp.Header).Encoding, maxBody)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCoding, err)
	}
	return append([]byte(nil), body...), nil
}
