package acceptance

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"isuride/webapp/notify"
	"isuride/webapp/servertest"
)

// TestBrowserSafety: what pages and files tell browsers, and the API does not.
func TestBrowserSafety(t *testing.T) {
	const builtIn = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
	p := servertest.New(t)
	p.Bare()
	p.Start()
	for _, path := range []string{"/", "/client", "/metrics", "/debug/pprof/", "/debug/flight", "/healthz"} {
		r := p.Send("GET", path, "")
		checkSafety(t, path, r.Header, "nosniff", "same-origin", "frame-ancestors 'self' | "+builtIn)
		if r.Status != 200 || !strings.Contains(string(r.Body), "<h1>ISURIDE</h1>") {
			t.Errorf("%s answers %d %.100q, want the page: what is internal has a listener of its own", path, r.Status, r.Body)
		}
	}
	checkSafety(t, "an answer of the API", p.Send("GET", "/api/app/rides", "").Header, "", "", "")
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
	address := otherAddress(t)
	p := servertest.New(t)
	p.Bare()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Skip("cannot listen on this machine's address: ", err)
	}
	l.Close()
	p.Env = append(p.Env, "ISURIDE_LISTEN=127.0.0.1:0,"+net.JoinHostPort(address, "0"))
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
	p.URL = "http://" + outside
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
