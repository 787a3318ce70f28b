package main

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"isuride/webapp/notify"
)

// TestBrowserSafety: what pages and files tell browsers, and the API does not.
func TestBrowserSafety(t *testing.T) {
	const builtIn = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
	p := newProcess(t)
	p.bare()
	p.start()
	for _, path := range []string{"/", "/client", "/metrics", "/debug/pprof/", "/debug/flight", "/healthz"} {
		r := p.send("GET", path, "")
		checkSafety(t, path, r.header, "nosniff", "same-origin", "frame-ancestors 'self' | "+builtIn)
		if r.status != 200 || !strings.Contains(string(r.body), "<h1>ISURIDE</h1>") {
			t.Errorf("%s answers %d %.100q, want the page: what is internal has a listener of its own", path, r.status, r.body)
		}
	}
	checkSafety(t, "an answer of the API", p.send("GET", "/api/app/rides", "").header, "", "", "")
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
	rules(t, func(p *process) {
		s := p.scene()
		s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": false})
		ride := s.user.request(pickup, destination)
		feeds := make([]*events, notify.MaxStreams+1)
		for i := range feeds {
			feeds[i] = s.user.listen()
			feeds[i].expect(ride, "MATCHING")
		}
		if rest := feeds[0].rest(); len(rest) > 0 {
			p.t.Errorf("the oldest stream ends with %q", rest)
		}
		s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": true})
		s.chair.accept(ride)
		for _, f := range feeds[1:] {
			f.expect(ride, "ENROUTE")
		}
	})
}

// TestInternalFromElsewhere: who comes by loopback is local; who comes by a network is not,
// whatever its headers say.
func TestInternalFromElsewhere(t *testing.T) {
	address := otherAddress(t)
	p := newProcess(t)
	p.bare()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Skip("cannot listen on this machine's address: ", err)
	}
	outside := l.Addr().String()
	l.Close()
	p.env = append(p.env, "ISURIDE_LISTEN=127.0.0.1:0,"+outside)
	p.start()
	inside := p.send("GET", "/api/internal/matching", "")
	if inside.status != 204 {
		t.Errorf("from loopback: %d %s", inside.status, inside.body)
	}
	p.url = "http://" + outside
	p.send("GET", "/api/internal/matching", "", "X-Forwarded-For", "127.0.0.1", "Forwarded", "for=127.0.0.1", "Host", "127.0.0.1").
		refused(t, 404, "internal")
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
