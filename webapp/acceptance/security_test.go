package acceptance

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"isuride/webapp/notify"
	"isuride/webapp/servertest"
)

// TestBrowserSafety: what pages and files tell browsers, and the API does not.
func TestBrowserSafety(t *testing.T) {
	t.Parallel()
	const builtIn = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
	servertest.Protocols(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		p.Start()
		for _, path := range []string{"/", "/client", "/metrics", "/debug/pprof/", "/debug/flight", "/healthz"} {
			r := p.Send("GET", path, "")
			checkSafety(t, path, r.Header, "nosniff", "same-origin", builtIn)
			if r.Status != 200 || !strings.Contains(string(r.Body), "<title>ISURIDE</title>") {
				t.Errorf("%s answers %d %.100q, want the page: what is internal has a listener of its own", path, r.Status, r.Body)
			}
		}
		checkSafety(t, "an answer of the API", p.Send("GET", "/api/app/rides", "").Header, "", "", "")
	})
}

func checkSafety(t *testing.T, what string, h http.Header, sniffing, referrer, policy string) {
	t.Helper()
	for name, want := range map[string]string{"X-Content-Type-Options": sniffing, "Referrer-Policy": referrer, "Content-Security-Policy": policy, "Server": ""} {
		if got := strings.Join(h.Values(name), " | "); got != want {
			t.Errorf("%s has %s: %q, want %q", what, name, got, want)
		}
	}
}

// TestStreamsOfAnAccount opens more than one may have: the oldest ends, as a stream does
// that the server ends, and all others get what comes.
func TestStreamsOfAnAccount(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		s := p.Scene()
		s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": false})
		ride := s.User.Request(servertest.Pickup, servertest.Destination)
		feeds := make([]*servertest.Stream, notify.MaxStreams+1)
		for i := range feeds {
			feeds[i] = s.User.Listen()
			feeds[i].Expect(ride, "MATCHING")
		}
		if rest := feeds[0].Rest(); len(rest) > 0 {
			p.T.Errorf("the oldest stream ends with %q", rest)
		}
		s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": true})
		s.Chair.Accept(ride)
		for _, f := range feeds[1:] {
			f.Expect(ride, "ENROUTE")
		}
	})
}

// TestInternalFromElsewhere: a client on loopback is local; one that comes over a network
// is not, whatever its headers say.
func TestInternalFromElsewhere(t *testing.T) {
	t.Parallel()
	servertest.Protocols(t, internalFromElsewhere)
}

func internalFromElsewhere(t *testing.T, p *servertest.Process) {
	address := otherAddress(t)
	p.Bare()
	listen, scheme := "ISURIDE_LISTEN", "http://"
	if p.HTTP2 {
		listen, scheme = "ISURIDE_TLS_LISTEN", "https://"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Skip("cannot listen on this machine's address: ", err)
	}
	l.Close()
	p.Env = append(p.Env, listen+"=127.0.0.1:0,"+net.JoinHostPort(address, "0"))
	p.Start()
	line := "msg=listening address=" + net.JoinHostPort(address, "")
	p.Says(line)
	_, port, _ := strings.Cut(p.Output.String(), line)
	port, _, _ = strings.Cut(port, "\n")
	outside := net.JoinHostPort(address, port)
	inside := p.Send("GET", "/api/internal/matching", "")
	if inside.Status != 204 {
		t.Errorf("from loopback: %d %s", inside.Status, inside.Body)
	}
	p.URL = scheme + outside
	p.Send("GET", "/api/internal/matching", "", "X-Forwarded-For", "127.0.0.1", "Forwarded", "for=127.0.0.1", "Host", "127.0.0.1").
		Refused(t, 404, "internal")
}

// otherAddress is an address of this machine that is not loopback.
func otherAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

// TestStreamsShareAConnection: over HTTP/2 a browser has all streams of an account, and its
// calls, on one connection, where over HTTP/1.1 six streams leave room for nothing else.
func TestStreamsShareAConnection(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.UseHTTP2()
	p.Bare()
	p.Start()
	p.Initialize()
	s := p.Scene()
	var dialed atomic.Int32
	browser := http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxConnsPerHost: 6,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	defer browser.CloseIdleConnections()
	get := func(path string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), "GET", p.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", s.User.Cookie)
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		if res.StatusCode != 200 || res.ProtoMajor != 2 {
			t.Fatalf("%s answers %d over %s", path, res.StatusCode, res.Proto)
		}
		return res
	}
	var feeds []*bufio.Reader
	for range notify.MaxStreams {
		feeds = append(feeds, bufio.NewReader(get("/api/app/notification").Body))
	}
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	for i, f := range feeds {
		for {
			line, err := f.ReadString('\n')
			if err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
			if strings.Contains(line, ride) {
				break
			}
		}
	}
	get("/api/app/rides")
	if n := dialed.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
