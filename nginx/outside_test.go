package nginx_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/freeport"
)

// TestFromAnotherHost sends requests to the server, with and without nginx, from what
// really is another host: a network namespace. Every listener that can be open to it is.
func TestFromAnotherHost(t *testing.T) {
	out := anotherHost(t)
	program := buildServer(t)
	everywhere := func(address string) string { return strings.Replace(address, "127.0.0.1", "0.0.0.0", 1) }
	reach := func(address string) string { return strings.Replace(address, "127.0.0.1", out.here, 1) }

	t.Run("one front", func(t *testing.T) {
		s := newSite(t)
		tcp := s.tcp
		s.tcp = everywhere(tcp)
		s.serve(t, program)
		s.nginx(t, "NGINX_LISTEN="+everywhere(s.front.addr))
		out.findsNothing(t, "https://"+reach(s.front.addr), http.StatusForbidden)
		out.findsNothing(t, "http://"+reach(tcp), http.StatusNotFound)
		out.cannotConnect(t, reach(s.internal))

		for _, url := range []string{s.url + "/api/internal/matching", "http://" + s.internal + "/metrics", "http://" + s.internal + "/debug/pprof/"} {
			resp, err := s.front.client(t, "127.0.0.1").Get(url) // otherwise the checks above would prove nothing
			if err != nil || resp.StatusCode >= 300 {
				t.Errorf("%s from this host: %v, %v", url, resp, err)
			}
		}
	})
	t.Run("no nginx", func(t *testing.T) {
		s := newSite(t)
		door := s.tls
		s.tls = everywhere(door)
		s.serve(t, program)
		base := "https://" + reach(door)
		out.findsNothing(t, base, http.StatusNotFound)
		for _, path := range []string{"/api//internal/matching", "/api/./internal/matching", "/api/x/../internal/matching", "/api/%69nternal/matching"} {
			if status, body, err := out.curl(base + path); err != nil || status != http.StatusNotFound {
				t.Errorf("%s: %d %.100q, %v", path, status, body, err)
			}
		}
		const failedHandshake = 35 // curl's exit code
		_, _, err := out.curl(base+"/", "--tls-max", "1.2")
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != failedHandshake {
			t.Errorf("a client with TLS 1.2: %v", err)
		}
		out.cannotConnect(t, reach(s.tcp))
		out.cannotConnect(t, reach(s.internal))
	})
	t.Run("behind the spread", func(t *testing.T) {
		needStream(t)
		s := newSite(t)
		s.serve(t, program)
		behind, first := s.front.addr, freeport.Address(t)
		s.nginx(t, "NGINX_LISTEN="+everywhere(behind), "NGINX_TRUSTED=127.0.0.1,"+out.here,
			"NGINX_SPREAD="+everywhere(first), "NGINX_SPREAD_TO="+behind)
		out.findsNothing(t, "https://"+reach(first), http.StatusForbidden)
		out.findsNothing(t, "https://"+reach(behind), http.StatusForbidden, "--haproxy-protocol")
	})
}

// outside is another host.
type outside struct {
	t    *testing.T
	name string
	here string // address of this machine, seen from there
}

// anotherHost creates one until the end of the test, on a network of just these two
// hosts.
func anotherHost(t *testing.T) outside {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make a host")
	}
	for _, program := range []string{"ip", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program, " is not installed")
		}
	}
	pid := os.Getpid()
	address := func(n int) string { // from the range for network tests (RFC 2544), four per process
		return fmt.Sprintf("198.18.%d.%d", pid>>6&0xff, pid<<2&0xff+n)
	}
	o := outside{t: t, name: fmt.Sprintf("outside%d", pid), here: address(1)}
	near, far := fmt.Sprintf("near%d", pid), fmt.Sprintf("far%d", pid)
	if output, err := bound.Command(t, "ip", "netns", "add", o.name).CombinedOutput(); err != nil {
		t.Skipf("this machine cannot create network namespaces: %v\n%s", err, output)
	}
	t.Cleanup(func() { bound.Command(t, "ip", "netns", "del", o.name).Run() })
	for _, command := range []string{
		"ip link add " + near + " type veth peer name " + far + " netns " + o.name,
		"ip addr add " + o.here + "/30 dev " + near,
		"ip link set " + near + " up",
		"ip -n " + o.name + " addr add " + address(2) + "/30 dev " + far,
		"ip -n " + o.name + " link set " + far + " up",
	} {
		words := strings.Fields(command)
		if output, err := bound.Command(t, words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, output)
		}
	}
	return o
}

// curl sends a request from that host.
func (o outside) curl(url string, options ...string) (status int, body string, err error) {
	arguments := append([]string{"netns", "exec", o.name, "curl", "--noproxy", "*", "--silent", "--insecure", "--path-as-is",
		"--max-time", fmt.Sprint(patience.Seconds()), "--write-out", "\n%{http_code}", "-H", "X-Forwarded-For: 127.0.0.1", "-H", "Host: 127.0.0.1"}, options...)
	output, err := bound.Command(o.t, "ip", append(arguments, url)...).Output()
	if err != nil {
		return 0, "", err
	}
	i := strings.LastIndexByte(string(output), '\n')
	_, err = fmt.Sscan(string(output[i+1:]), &status)
	return status, string(output[:i]), err
}

// findsNothing requests everything internal: the one API path is refused, and all other
// paths lead to the page.
func (o outside) findsNothing(t *testing.T, base string, refusal int, options ...string) {
	t.Helper()
	for _, path := range []string{"/api/internal/matching", "/api/internal/"} {
		if status, body, err := o.curl(base+path, options...); err != nil || status != refusal {
			t.Errorf("%s%s: %d %.100q, %v, want %d", base, path, status, body, err, refusal)
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/flight", "/healthz"} {
		if status, body, err := o.curl(base+path, options...); err != nil || status != http.StatusOK || !strings.Contains(body, "<title>ISURIDE</title>") {
			t.Errorf("%s%s: %d %.100q, %v, want the page", base, path, status, body, err)
		}
	}
	if status, body, err := o.curl(base+"/api/app/rides", options...); err != nil || status != http.StatusUnauthorized {
		t.Errorf("%s does not serve the API: %d %.100q, %v", base, status, body, err)
	}
}

// cannotConnect checks that nothing listens at the address for other hosts.
func (o outside) cannotConnect(t *testing.T, address string) {
	t.Helper()
	_, _, err := o.curl("http://" + address + "/metrics")
	const refused = 7 // curl's exit code
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != refused {
		t.Errorf("%s: %v, want a refused connection", address, err)
	}
}
