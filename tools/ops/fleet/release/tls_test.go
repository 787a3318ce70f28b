package release_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/release"
	"isuride/tools/ops/fleet/topology"
)

const oneWithTLS = "only a@a 127.0.0.1 tls,app,db\n"

// change gives the hosts of the site other roles.
func (s *site) change(file string) {
	s.t.Helper()
	top, err := topology.Read(strings.NewReader(file))
	if err != nil {
		s.t.Fatal(err)
	}
	s.layout.Topology = top
	s.Topology = top
	s.forget()
}

// exists reports whether the only host has a file.
func (s *site) exists(path string) bool {
	_, err := os.Stat(s.Path("only", path))
	return err == nil
}

// holder checks who has the port for HTTPS: nginx runs and is enabled, or neither, and the
// server's unit is the one for it.
func (s *site) holder(nginx bool) {
	s.t.Helper()
	active, enabled := s.exists("/units/nginx.service.active"), s.exists("/units/nginx.service.enabled")
	tls := strings.Contains(s.Get("only", "/etc/systemd/system/isuride-go.service"), "ISURIDE_TLS_LISTEN=0.0.0.0:443\n")
	if active != nginx || enabled != nginx || tls == nginx {
		s.t.Errorf("nginx is active: %v, enabled: %v; the server ends TLS: %v", active, enabled, tls)
	}
}

// order checks that calls that change what runs came in this order, others between them or not.
func (s *site) order(calls ...string) {
	s.t.Helper()
	got := s.changes("only")
	rest := got
	for _, call := range calls {
		i := slices.Index(rest, call)
		if i < 0 {
			s.t.Fatalf("%q does not come in its turn in\n%s", call, strings.Join(got, "\n"))
		}
		rest = rest[i+1:]
	}
}

const (
	stopNginx     = "systemctl disable --now nginx.service"
	startNginx    = "systemctl restart nginx.service"
	restartServer = "systemctl restart isuride-go.service"
)

// TestServerEndsTLS changes from nginx to the server and back, by deploys and by a
// rollback. Who gives up the port does so before the other starts.
func TestServerEndsTLS(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	first := s.mustDeploy("one healthy")
	s.holder(true)

	s.change(oneWithTLS)
	second := s.mustDeploy("two healthy")
	s.stillRuns(second)
	s.holder(false)
	s.order(stopNginx, restartServer)
	for _, path := range []string{"/etc/nginx/nginx.conf", "/etc/systemd/system/nginx.service.d/isuride.conf"} {
		if s.Get("only", path) != "" {
			t.Errorf("%s is still there", path)
		}
	}
	s.mustDeploy("two healthy")
	equal(t, "the same once more", s.changes("only"))

	target, err := release.Target(s.Topology, s.look(), "")
	if err != nil || target != first {
		t.Fatalf("a rollback goes to %s (%v)", target, err)
	}
	if err := release.NewChange(s.remote, s.layout, s, s.look(), target, s.wait).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.stillRuns(first)
	s.holder(true)
	s.order(restartServer, startNginx)

	s.mustDeploy("two healthy")
	s.holder(false)
	s.change(one)
	s.mustDeploy("two healthy")
	s.holder(true)
	s.order(restartServer, startNginx)
}

// TestServerThatCannotEndTLS leaves nginx in its place: where it was ours, and where it was
// the host's own before the first deploy.
func TestServerThatCannotEndTLS(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*site){
		"ours":      func(s *site) { s.mustDeploy("one healthy") },
		"contest's": func(s *site) { s.Put("only", "/units/nginx.service.active", "") },
	} {
		for fault, tag := range map[string]string{"broken": "two", "deaf": "two healthy"} {
			t.Run(name+" "+fault, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, one)
				prepare(s)
				s.change(oneWithTLS)
				s.wait = patience
				if fault == "deaf" {
					s.wait, s.lasting = patienceAfter, true
					s.Put("only", "/front-is-deaf", "")
				}
				_, err := s.deploy("sleep", tag)
				if fault == "deaf" && name == "contest's" {
					fails(t, err, "only: cannot wait for TLS: no answer of the server comes through after 10 s", "the change is undone")
				}
				if err == nil {
					t.Fatal("it counts as a success")
				}
				s.order(stopNginx, startNginx)
				if !s.exists("/units/nginx.service.active") {
					t.Error("nginx does not run")
				}
			})
		}
	}
}

// TestOriginalWithNginx gives a host back its own nginx.
func TestOriginalWithNginx(t *testing.T) {
	t.Parallel()
	s := newSite(t, oneWithTLS)
	s.Put("only", "/units/nginx.service.active", "")
	s.Put("only", "/etc/nginx/nginx.conf", "the contest's")
	s.mustDeploy("healthy")
	s.holder(false)
	if got := s.Get("only", "/etc/nginx/nginx.conf"); got != "the contest's" {
		t.Errorf("nginx.conf is now %q", got)
	}
	if err := release.NewChange(s.remote, s.layout, s, s.look(), release.Original, s.wait).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !s.exists("/units/nginx.service.active") {
		t.Error("nginx does not run")
	}
	if s.exists("/units/" + layout.Server + ".active") {
		t.Error("the server still runs")
	}
}
