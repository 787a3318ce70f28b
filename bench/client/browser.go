package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"isuride/bench/client/h1"
)

// A Browser makes the few requests before the load, one at a time and waiting. It is net/http's client with the
// habits of spec 13.1 to 13.3, without cookies and cache of its own.
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
	r, err := http.NewRequestWithContext(ctx, q.Method, b.target.Scheme+"://"+b.target.Host+q.Target, strings.NewReader(q.Body))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range map[string]string{"User-Agent": h1.UserAgent, "Accept": h1.Accept, "Accept-Encoding": h1.AcceptEncoding, "Cookie": q.Cookie} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if q.Method == http.MethodPost {
		r.Header.Set("Content-Type", h1.JSONContentType)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return 0, nil, err
	}
	if len(raw) > maxBody {
		return 0, nil, errTooLong
	}
	head := h1.HeadOf(resp.StatusCode, resp.Header)
	if body, err = b.decoder.Decode(raw, head.Encoding, maxBody); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errCoding, err)
	}
	return resp.StatusCode, append([]byte(nil), body...), nil
}
