package verify

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

// network is how the world outside is reached; tests have one in memory.
type network struct {
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	listen func(address string) (net.Listener, error)
}

// reach says in one sentence that nobody listens at an address.
func (n network) reach(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	c, err := n.dial(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("the server cannot be reached: %w", err)
	}
	return c.Close()
}

// client makes an HTTP client that behaves like the benchmarker's where a server can tell: certificates are not
// verified, HTTP/2 if offered, redirects not followed (B13.1). It has neither cookies nor a cache, because
// sessions and validators are what is checked. With addr, connections go there whatever the URL names.
func (n network) client(addr string) *http.Client {
	dial := n.dial
	if addr != "" {
		dial = func(ctx context.Context, network, _ string) (net.Conn, error) { return n.dial(ctx, network, addr) }
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
