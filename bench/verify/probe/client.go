package probe

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// A Dialer opens connections, as net.Dialer.DialContext does.
type Dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// newClient makes an HTTP client that behaves like the benchmarker's where a server can
// tell: certificates are not verified, HTTP/2 if offered, redirects not followed (B13.1).
// It has neither cookies nor a cache, because sessions and validators are under test.
func newClient(dial Dialer, addr string) *http.Client {
	if addr != "" {
		toTarget := dial
		dial = func(ctx context.Context, network, _ string) (net.Conn, error) { return toTarget(ctx, network, addr) }
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         dial,
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
