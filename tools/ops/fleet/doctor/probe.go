package doctor

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"isuride/tools/ops/fleet/topology"
)

// Facts of the look from outside.
const (
	unreachable  = "unreachable" // why the entrance does not answer
	inside       = "inside"      // set when this machine is the entrance
	oldTLS       = "tls12"       // accepted or refused
	internalPort = "internal"    // open or closed

	open = "answers" // begins the fact about a path that should be hidden
)

// hidden are the paths that strangers must not see, in the spellings that have got around
// rules elsewhere.
func hidden() []string {
	return []string{"/api/internal/matching", "/api//internal/matching", "/api/internal/../internal/matching", "/metrics", "/debug/pprof/cmdline", "/healthz"}
}

// Probe looks at the entrance and at the server from this machine, as a stranger would.
func Probe(ctx context.Context, t *topology.Topology) Facts {
	return probe(ctx, t.Door(), netip.AddrPortFrom(t.App().Outside(), 8081))
}

// patience is for each connection, and for each answer.
const patience = 5 * time.Second

func probe(ctx context.Context, door, internal netip.AddrPort) Facts {
	f := Facts{}
	c, err := connect(ctx, door, tls.VersionTLS13)
	if err != nil {
		f[unreachable] = err.Error()
		return f
	}
	defer c.Close()
	if local := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap(); local == door.Addr() {
		f[inside] = local.String() + " is this machine's own"
		return f
	}
	f[oldTLS] = "refused"
	if old, err := connect(ctx, door, tls.VersionTLS12); err == nil {
		old.Close()
		f[oldTLS] = "accepted"
	}
	for _, path := range hidden() {
		f["path."+path] = ask(ctx, door, path)
	}
	f[internalPort] = "closed"
	d := net.Dialer{Timeout: patience}
	if c, err := d.DialContext(ctx, "tcp", internal.String()); err == nil {
		c.Close()
		f[internalPort] = "open"
	}
	return f
}

// connect does not check the certificate, which examinations of the hosts do.
func connect(ctx context.Context, to netip.AddrPort, version uint16) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: contestName, MinVersion: version, MaxVersion: version}}
	return d.DialContext(ctx, "tcp", to.String())
}

// ask sends a path as it is and says what came back. A page of the front end and an error
// are no answer.
func ask(ctx context.Context, door netip.AddrPort, path string) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{
		Transport: &http.Transport{DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return connect(ctx, door, tls.VersionTLS13)
		}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+contestName+"/", nil)
	if err != nil {
		return err.Error()
	}
	r.URL.Opaque = path // not cleaned
	resp, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	kind := resp.Header.Get("Content-Type")
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return err.Error()
	}
	if resp.StatusCode < 300 && !strings.HasPrefix(kind, "text/html") {
		return open + " with " + resp.Status + ", " + kind
	}
	return "refused with " + resp.Status
}
