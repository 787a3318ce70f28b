package doctor

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"isuride/tools/dev/freeport"
	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/topology"
)

// TestGather checks that the script prints whatever the checks look at.
func TestGather(t *testing.T) {
	h := fleettest.Serving(t)
	facts, err := Gather(t.Context(), h.Remote(), host("s1", "192.0.2.1", topology.Front, topology.App, topology.DB))
	if err != nil {
		t.Fatal(err)
	}
	optional := map[string]bool{ // what follows from files of a real host
		"certificate./etc/nginx/isuride/cert.pem": true,
	}
	for key := range well(t) {
		if _, ok := facts[key]; !ok && !optional[key] && !strings.HasPrefix(key, "listen.") {
			t.Errorf("there is no %s", key)
		}
	}
	for key, want := range map[string]string{
		"listen.1": "127.0.0.1:8081 isuride", "server.revision": "0123abc", "server.connections_max": "60000", "server.health": "ok 200", "server.database": "0",
		"database.max_connections": "max_connections", "nginx.worker_connections": "50000", "certificate./var/log/cert.pem": "YSBjZXJ0aWZpY2F0ZQ==",
		"unit.isuride-go.service.active": "active", "nginx.test": "nginx: configuration file /etc/nginx/nginx.conf test is successful",
	} {
		if facts[key] != want {
			t.Errorf("%s is %q, want %q", key, facts[key], want)
		}
	}
	e := &examination{facts: facts}
	clock(e)
	if Worst(e.findings) != OK {
		t.Errorf("this machine's clock: %+v", e.findings)
	}
}

// TestGatherCertificateOfServer takes its path from the server's environment.
func TestGatherCertificateOfServer(t *testing.T) {
	t.Setenv("ISURIDE_TLS_CERT", "/var/log/cert.pem")
	for _, c := range []struct {
		role topology.Role
		want string
	}{{topology.TLS, "YSBjZXJ0aWZpY2F0ZQ=="}, {topology.DB, ""}} {
		facts, err := Gather(t.Context(), fleettest.Serving(t).Remote(), host("s1", "192.0.2.1", topology.App, c.role))
		if err != nil {
			t.Fatal(err)
		}
		if got := facts["certificate./var/log/cert.pem"]; got != c.want {
			t.Errorf("a server with the role %s has the certificate %q", c.role, got)
		}
	}
}

// TestGatherStream takes the places of Kafka and QuestDB from the sink's environment, and looks
// whether they answer.
func TestGatherStream(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	here, nowhere := l.Addr().String(), closedPort(t).String()
	t.Setenv("ISURIDE_KAFKA", nowhere+","+here)
	t.Setenv("ISURIDE_QUESTDB", "http://127.0.0.1:9")
	facts, err := Gather(t.Context(), fleettest.Serving(t).Remote(), host("s1", "192.0.2.1", topology.Stream))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"unit.isuride-sink.service.active": "active", "sink.brokers": nowhere + "," + here, "sink.broker": here,
		"sink.database": "http://127.0.0.1:9", "sink.questdb": "ok 200", "sink.suspended_tables": "0", "sink.dead_total": "0",
	} {
		if facts[key] != want {
			t.Errorf("%s is %q, want %q", key, facts[key], want)
		}
	}
}

// TestGatherWithoutAnything must not fail where all programs do.
func TestGatherWithoutAnything(t *testing.T) {
	h := fleettest.NewHost(t)
	for _, name := range []string{"systemctl", "pgrep", "ss", "curl", "nginx", "mariadb", "mysql"} {
		h.Program(name, "exit 1")
	}
	s1 := host("s1", "192.0.2.1", topology.Front, topology.App, topology.DB)
	facts, err := Gather(t.Context(), h.Remote(), s1)
	if err != nil {
		t.Fatal(err)
	}
	p := alone(facts, nil)
	if got := Worst(Examine(p)); got != Bad {
		t.Errorf("a host on which nothing runs is %s", got)
	}
}

// serveTLS answers HTTPS with the handler, on an address that is not this test's own.
func serveTLS(t *testing.T, version uint16, handler http.Handler) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.2:0") // clients come from 127.0.0.1
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(handler)
	s.Listener.Close()
	s.Listener = l
	s.TLS = &tls.Config{MinVersion: version}
	s.StartTLS()
	t.Cleanup(s.Close)
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), uint16(freeport.Ports(t, 1)))
}

func TestProbe(t *testing.T) {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.RequestURI, "internal") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "text/html") // the front end's page
	})
	f := probe(t.Context(), serveTLS(t, tls.VersionTLS13, refuse), closedPort(t))
	for _, finding := range outside(alone(nil, f)) {
		if finding.Verdict != OK {
			t.Errorf("%+v", finding)
		}
	}

	open := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.RequestURI, "/api/internal/") {
			w.WriteHeader(http.StatusNoContent)
		}
	})
	front := serveTLS(t, tls.VersionTLS12, open)
	f = probe(t.Context(), front, front)
	bad := map[string]bool{}
	for _, finding := range outside(alone(nil, f)) {
		bad[finding.Check] = finding.Verdict == Bad
	}
	for _, check := range []string{"old TLS from outside", "/api/internal/matching from outside", "/api/internal/../internal/matching from outside", "internal listener from outside"} {
		if !bad[check] {
			t.Errorf("%s was not found in %v", check, f)
		}
	}
}

func TestProbeFindsNobody(t *testing.T) {
	nobody := closedPort(t)
	f := probe(t.Context(), nobody, nobody)
	if f[unreachable] == "" {
		t.Errorf("nobody was probed as %v", f)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f := probe(ctx, nobody, nobody); f[unreachable] == "" {
		t.Errorf("after the end of the context there is %v", f)
	}
}
