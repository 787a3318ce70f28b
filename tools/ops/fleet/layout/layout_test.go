package layout_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/topology"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	one   = "only a@a 192.0.2.1 front,app,db\n"
	tls   = "only a@a 192.0.2.1 tls,app,db\n"
	three = "f a@a 10.0.0.1 front\na a@a 10.0.0.2 app\nd a@a 10.0.0.3 db\n"
	group = "s1 a@a 10.0.0.1 front,app\ns2 a@a 10.0.0.2 app\ns3 a@a 10.0.0.3 witness,db\n"
	kafka = "s1 a@a 10.0.0.1 front,app\ns2 a@a 10.0.0.2 app,db\ns3 a@a 10.0.0.3 app\ns4 a@a 10.0.0.4 stream\n"
	two   = "s1 a@a 10.0.0.1 front,app\ns2 a@a 10.0.0.2 front\ns3 a@a 10.0.0.3 db\n"
)

func newLayout(t *testing.T, file string) *layout.Layout {
	t.Helper()
	top, err := topology.Read(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return &layout.Layout{Topology: top, Project: filepath.Join("..", "..", "..", ".."), Database: "mariadb"}
}

// files are those of a host by their paths.
func files(t *testing.T, l *layout.Layout, host string) map[string]string {
	t.Helper()
	for _, h := range l.Hosts {
		if h.Name != host {
			continue
		}
		list, err := l.Files(h)
		if err != nil {
			t.Fatal(err)
		}
		all := make(map[string]string)
		for _, f := range list {
			all[f.Path] = f.Content
		}
		return all
	}
	t.Fatalf("no host %s", host)
	return nil
}

const (
	server  = "/etc/systemd/system/isuride-go.service"
	nginx   = "/etc/nginx/nginx.conf"
	mariadb = "/etc/mysql/mariadb.conf.d/zz-isuride.cnf"
)

// TestWhereTheServerListens: never on all addresses, since a client that talks to it directly
// passes for nginx.
func TestWhereTheServerListens(t *testing.T) {
	for name, c := range map[string]struct{ file, app, want string }{
		"one host":              {one, "only", "ISURIDE_LISTEN=127.0.0.1:8080,unix:/run/isuride/server.sock\n"},
		"front elsewhere":       {three, "a", "ISURIDE_LISTEN=10.0.0.2:8080\n"},
		"a front here and away": {two, "s1", "ISURIDE_LISTEN=10.0.0.1:8080,unix:/run/isuride/server.sock\n"},
		"front here, db away":   {"a a@a 10.0.0.1 app,front\nb a@a 10.0.0.2 db\n", "a", "ISURIDE_LISTEN=127.0.0.1:8080,unix:/run/isuride/server.sock\n"},
		"no front":              {tls, "only", "ISURIDE_LISTEN=127.0.0.1:8080\n"},
		"a group":               {group, "s1", "ISURIDE_LISTEN=10.0.0.1:8080\n"},
		"a witness":             {group, "s3", "ISURIDE_LISTEN=127.0.0.1:8080\n"},
		"IPv6":                  {"a a@a fd00::1 app,db\nb a@a fd00::2 front\n", "a", "ISURIDE_LISTEN=[fd00::1]:8080\n"},
	} {
		t.Run(name, func(t *testing.T) {
			unit := files(t, newLayout(t, c.file), c.app)[server]
			if !strings.Contains(unit, "\nEnvironment="+c.want) || !strings.Contains(unit, "\nEnvironment=ISURIDE_INTERNAL=127.0.0.1:8081\n") {
				t.Errorf("no %s in\n%s", c.want, unit)
			}
		})
	}
}

func TestDatabaseOnTheSameHostOnly(t *testing.T) {
	for file, c := range map[string]struct {
		app, db, bind string
		waits         bool
	}{
		one:   {"only", "only", "127.0.0.1", true},
		three: {"a", "d", "10.0.0.3", false},
		two:   {"s1", "s3", "10.0.0.3", false},
		group: {"s1", "s3", "10.0.0.3", false},
		"s1 a@a 10.0.0.1 front,app,db\ns2 a@a 10.0.0.2 app\ns3 a@a 10.0.0.3 app\n": {"s1", "s1", "10.0.0.1", false}, // for the others, too
	} {
		l := newLayout(t, file)
		if unit := files(t, l, c.app)[server]; strings.Contains(unit, "mariadb") != c.waits {
			t.Errorf("%s: the unit's dependency on a database:\n%s", c.app, unit)
		}
		if conf := files(t, l, c.db)[mariadb]; !regexp.MustCompile(`(?m)^bind-address\s*=\s*` + regexp.QuoteMeta(c.bind) + `$`).MatchString(conf) {
			t.Errorf("%s: no bind-address %s in\n%s", c.db, c.bind, conf)
		}
	}
}

func TestFilesOfEachRole(t *testing.T) {
	l := newLayout(t, three)
	for host, paths := range map[string][]string{"f": {nginx}, "a": {server}, "d": {mariadb}} {
		all := files(t, l, host)
		for _, path := range []string{nginx, server, mariadb} {
			_, has := all[path]
			if want := paths[0] == path; has != want {
				t.Errorf("%s has %s: %v", host, path, has)
			}
		}
	}
}

// TestServerEndsTLS: the port for clients, a pair that the server's user may read, the one
// privilege that it takes, and no nginx; elsewhere none of it.
func TestServerEndsTLS(t *testing.T) {
	for address, listen := range map[string]string{"127.0.0.1": "0.0.0.0:443", "fd00::1": "[::]:443"} {
		l := newLayout(t, "only a@a "+address+" tls,app,db\n")
		all := files(t, l, "only")
		for _, want := range []string{"Environment=ISURIDE_TLS_LISTEN=" + listen, "Environment=ISURIDE_TLS_CERT=/etc/isuride/cert.pem", "Environment=ISURIDE_TLS_KEY=/etc/isuride/key.pem",
			"AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"} {
			if !strings.Contains(all[server], "\n"+want+"\n") {
				t.Errorf("no %s in\n%s", want, all[server])
			}
		}
		for path := range all {
			if strings.Contains(path, "nginx") {
				t.Errorf("it has %s", path)
			}
		}
		if absent := l.Absent(l.App()); !slices.Equal(absent, []layout.Service{{Unit: layout.Nginx, Phase: layout.Front}}) {
			t.Errorf("absent must be %v", absent)
		}
		if !layout.Front.On(l.App()) {
			t.Error("nobody waits for TLS")
		}
	}
	l := newLayout(t, one)
	if unit := files(t, l, "only")[server]; strings.Contains(unit, "TLS") || !strings.Contains(unit, "\nCapabilityBoundingSet=\n") || strings.Contains(unit, "Ambient") {
		t.Errorf("behind nginx:\n%s", unit)
	}
	if absent := l.Absent(l.App()); len(absent) > 0 {
		t.Errorf("absent must be %v, of a front", absent)
	}
}

func TestMySQL(t *testing.T) {
	l := newLayout(t, one)
	l.Database = "mysql"
	all := files(t, l, "only")
	if conf := all["/etc/mysql/mysql.conf.d/zz-isuride.cnf"]; !strings.Contains(conf, "\n[mysqld]\n") || strings.Contains(conf, "[mariadbd]") {
		t.Errorf("MySQL's settings:\n%s", conf)
	}
	if _, ok := all["/etc/systemd/system/mysql.service.d/isuride.conf"]; !ok || !strings.Contains(all[server], "After=mysql.service") {
		t.Errorf("units: %v", all)
	}
}

func TestFrontEndAndDump(t *testing.T) {
	l := newLayout(t, one)
	l.Public, l.Dump = "/home/isucon/webapp/public", "/home/isucon/webapp/sql/dump.sql.gz"
	all := files(t, l, "only")
	for _, want := range []string{"ISURIDE_STATIC=/home/isucon/webapp/public", "ISURIDE_INITIAL_DATA=/home/isucon/webapp/sql/dump.sql.gz"} {
		if !strings.Contains(all[server], want) {
			t.Errorf("no %s in\n%s", want, all[server])
		}
	}
	if !strings.Contains(all[nginx], "/home/isucon/webapp/public;") {
		t.Errorf("no folder of static files in\n%s", all[nginx])
	}
}

// TestNginx holds which front listens where and passes on to whom.
func TestNginx(t *testing.T) {
	has := func(conf, what string) bool { return strings.Contains(conf, what) }
	single := files(t, newLayout(t, one), "only")[nginx]
	if !has(single, "listen 0.0.0.0:443 ssl") || !has(single, "server unix:/run/isuride/server.sock;") || has(single, "proxy_protocol") {
		t.Errorf("single front:\n%s", single)
	}
	away := files(t, newLayout(t, three), "f")[nginx]
	if !has(away, "server 10.0.0.2:8080;") {
		t.Errorf("front without a server on its host:\n%s", away)
	}
	for file, fronts := range map[string][]struct {
		name, listen, trusted, upstream, spread string
		to                                      []string
	}{
		two: {
			{"s1", "10.0.0.1:8443", "10.0.0.1", "unix:/run/isuride/server.sock", "0.0.0.0:443", []string{"10.0.0.1:8443", "10.0.0.2:8443"}},
			{"s2", "10.0.0.2:8443", "10.0.0.1", "10.0.0.1:8080", "", nil},
		},
		"a a@a fd00::1 app,db,front\nb a@a fd00::2 front\n": {
			{"a", "[fd00::1]:8443", "fd00::1", "unix:/run/isuride/server.sock", "[::]:443", []string{"[fd00::1]:8443", "[fd00::2]:8443"}},
			{"b", "[fd00::2]:8443", "fd00::1", "[fd00::1]:8080", "", nil},
		},
	} {
		for _, f := range fronts {
			conf := files(t, newLayout(t, file), f.name)[nginx]
			wants := []string{"listen " + f.listen + " ssl proxy_protocol ", "set_real_ip_from " + f.trusted + ";", "server " + f.upstream + ";"}
			if f.spread != "" {
				wants = append(wants, "listen "+f.spread+" ")
			}
			for _, to := range f.to {
				wants = append(wants, "server "+to+" ")
			}
			for _, want := range wants {
				if !has(conf, want) {
					t.Errorf("%s: no %q in\n%s", f.name, want, conf)
				}
			}
			if has(conf, "stream {") != (f.spread != "") || f.spread == "" && has(conf, ":443 ") {
				t.Errorf("%s: who spreads?\n%s", f.name, conf)
			}
		}
	}
}

// TestGroup: each server knows all, a witness takes no clients, and fronts look for the leader at
// its door first.
func TestGroup(t *testing.T) {
	l := newLayout(t, group)
	const list = "Environment=ISURIDE_REPLICAS=s1=10.0.0.1:7100/10.0.0.1:8080,s2=10.0.0.2:7100/10.0.0.2:8080,s3=10.0.0.3:7100+witness\n"
	for _, h := range l.Hosts {
		unit := files(t, l, h.Name)[server]
		for _, want := range []string{list, "Environment=ISURIDE_NODE=" + h.Name + "\n", "Environment=ISURIDE_REPLICA_SECRET=/etc/isuride/replica.secret\n"} {
			if !strings.Contains(unit, want) {
				t.Errorf("%s: no %s in\n%s", h.Name, want, unit)
			}
		}
		if door := strings.Contains(unit, "ISURIDE_LEADER_LISTEN="+h.Address.String()+":8082\n"); door != h.Has(topology.App) {
			t.Errorf("%s listens while it leads: %v", h.Name, door)
		}
	}
	conf := files(t, l, "s1")[nginx]
	for _, want := range []string{"server 10.0.0.1:8082 fail_timeout=1s;", "server 10.0.0.2:8082 fail_timeout=1s;",
		"server 10.0.0.1:8080 fail_timeout=1s backup;", "server 10.0.0.2:8080 fail_timeout=1s backup;", "zone   isuride"} {
		if !strings.Contains(conf, want) {
			t.Errorf("no %q in\n%s", want, conf)
		}
	}
	if strings.Contains(conf, "10.0.0.3") {
		t.Errorf("clients come to the witness:\n%s", conf)
	}
	var services []string
	for _, s := range l.Services(l.Hosts[2]) {
		services = append(services, s.Unit)
	}
	if want := []string{"mariadb.service", layout.Server}; !slices.Equal(services, want) {
		t.Errorf("the witness runs %v, want %v", services, want)
	}
	if got := l.DatabaseClients(); len(got) != 2 {
		t.Errorf("the database is for %v", got)
	}
}

// TestStream: servers send their events to the one host, which runs what takes them on, and
// nothing else of ours; without the role nothing knows of it.
func TestStream(t *testing.T) {
	const sink = "/etc/systemd/system/isuride-sink.service"
	places := []string{"\nEnvironment=ISURIDE_KAFKA=10.0.0.4:9092\n", "\nEnvironment=ISURIDE_QUESTDB=http://10.0.0.4:9000\n"}
	l := newLayout(t, kafka)
	for _, h := range l.Hosts {
		unit := files(t, l, h.Name)[server]
		if h.Name == "s4" {
			unit = files(t, l, h.Name)[sink]
		}
		for _, want := range places {
			if !strings.Contains(unit, want) {
				t.Errorf("%s: no %s in\n%s", h.Name, want, unit)
			}
		}
	}
	if got, want := l.Services(l.Hosts[3]), []layout.Service{{Unit: layout.Sink, Phase: layout.Stream}}; !slices.Equal(got, want) {
		t.Errorf("the stream's host runs %v; want %v", got, want)
	}
	if unit := files(t, newLayout(t, "only a@a 127.0.0.1 front,app,db,stream\n"), "only")[server]; !strings.Contains(unit, "ISURIDE_KAFKA=127.0.0.1:9092\n") {
		t.Errorf("one host for all:\n%s", unit)
	}
	if all := files(t, newLayout(t, one), "only"); strings.Contains(all[server], "KAFKA") || all[sink] != "" {
		t.Errorf("without the role: %v", all)
	}
}

// TestProbe asks each host that ends TLS where it listens.
func TestProbe(t *testing.T) {
	for file, want := range map[string]map[string]string{
		one: {"only": "--insecure --connect-to xiv.isucon.net:443:192.0.2.1:443 https://xiv.isucon.net:443/api/app/notification"},
		tls: {"only": "--insecure --connect-to xiv.isucon.net:443:192.0.2.1:443 https://xiv.isucon.net:443/api/app/notification"},
		two: {"s1": "--insecure --connect-to xiv.isucon.net:443:10.0.0.1:443 https://xiv.isucon.net:443/api/app/notification",
			"s2": "--haproxy-protocol --insecure --connect-to xiv.isucon.net:8443:10.0.0.2:8443 https://xiv.isucon.net:8443/api/app/notification"},
	} {
		l := newLayout(t, file)
		for _, h := range l.Entrances() {
			if got := strings.Join(l.Probe(h), " "); got != want[h.Name] {
				t.Errorf("%s: got  %s\nwant %s", h.Name, got, want[h.Name])
			}
		}
	}
}

// TestNoSecrets: generated files are readable for all.
func TestNoSecrets(t *testing.T) {
	for _, file := range []string{one, tls, two, three, group, kafka} {
		l := newLayout(t, file)
		for _, h := range l.Hosts {
			for path, text := range files(t, l, h.Name) {
				if strings.Contains(strings.ToLower(text), "password=") || strings.Contains(text, "PRIVATE") {
					t.Errorf("%s: %s has a secret", h.Name, path)
				}
			}
		}
	}
}

// TestUnits compares the units with those in testdata, so that changes are seen.
func TestUnits(t *testing.T) {
	for name, file := range map[string]string{"one": one, "one-tls": tls, "two-fronts": two, "group": group, "stream": kafka} {
		l := newLayout(t, file)
		for _, h := range l.Hosts {
			for path, text := range files(t, l, h.Name) {
				if !strings.HasPrefix(path, "/etc/systemd/") {
					continue
				}
				golden := filepath.Join("testdata", name, h.Name, strings.TrimPrefix(path, "/etc/systemd/system/"))
				if *update {
					if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if text != string(want) {
					t.Errorf("%s differs from %s (go test -update):\n%s", path, golden, text)
				}
			}
		}
	}
}

// TestSystemdUnderstandsTheUnits asks systemd itself. What it does not find here, programs
// and other units, does not count.
func TestSystemdUnderstandsTheUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not on this machine")
	}
	for _, file := range []string{one, tls, three, group, kafka} {
		l := newLayout(t, file)
		for _, h := range l.Hosts {
			dir := t.TempDir()
			var units []string
			for path, text := range files(t, l, h.Name) {
				name, ok := strings.CutPrefix(path, "/etc/systemd/system/")
				if !ok {
					continue
				}
				unit, _, dropIn := strings.Cut(name, ".d/")
				if dropIn {
					text = "[Service]\nType=forking\nExecStart=/bin/true\nPIDFile=/run/x.pid\nExecStop=/bin/true\n" + text
				}
				if err := os.WriteFile(filepath.Join(dir, unit), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				units = append(units, filepath.Join(dir, unit))
			}
			for _, unit := range units {
				cmd := bound.Command(t, "systemd-analyze", "verify", "--man=no", "--generators=no", "--recursive-errors=no", unit)
				cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
				out, _ := cmd.CombinedOutput()
				for line := range strings.Lines(string(out)) {
					if !strings.Contains(line, "is not executable: No such file") && strings.Contains(line, filepath.Base(unit)) {
						t.Errorf("%s: %s", filepath.Base(unit), line)
					}
				}
			}
		}
	}
}

// TestSystemdCatches breaks a unit on purpose.
func TestSystemdCatches(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not on this machine")
	}
	unit := filepath.Join(t.TempDir(), "broken.service")
	if err := os.WriteFile(unit, []byte("[Service]\nExecStart=/bin/true\nRestrt=always\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _ := bound.Command(t, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput()
	if !strings.Contains(string(out), "Restrt") {
		t.Errorf("systemd-analyze takes it: %s", out)
	}
}
