package doctor

import (
	"encoding/base64"
	"encoding/pem"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/devcert/cert"
	"isuride/tools/ops/fleet/topology"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// certificate is a new one for the names, as facts.sh prints it.
func certificate(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := cert.Ensure(dir, names, 100*24*time.Hour, noon); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, cert.CertFile))
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// well are the facts about a host with all roles on which nothing is wrong.
func well(t *testing.T) Facts {
	return Facts{
		asked: "1000.1", answered: "1000.4", "clock.now": "1000.200000000",
		"system.os": "Debian GNU/Linux 12 (bookworm)", "system.kernel": "6.1.0-28-amd64", "system.cores": "2", "system.steal": "0.001",
		"memory.MemTotal": "3900000", "memory.MemAvailable": "2900000", "memory.SwapTotal": "0", "memory.SwapFree": "0",
		"disk./": "/ 20000000 9000000", "inodes./": "1300000 1200000", "disk./var/log": "/ 20000000 9000000", "inodes./var/log": "1300000 1200000",
		"sysctl.net.ipv4.ip_local_port_range": "10000 65535", "sysctl.net.core.somaxconn": "8192",
		"sysctl.net.ipv4.tcp_max_syn_backlog": "8192", "sysctl.net.ipv4.tcp_tw_reuse": "1",
		"unit.isuride-go.service.active": "active", "unit.isuride-go.service.enabled": "enabled", "unit.isuride-go.service.restarts": "0",
		"unit.isuride-go.service.nofile": "65536",
		"unit.nginx.service.active":      "active", "unit.nginx.service.enabled": "enabled", "unit.nginx.service.restarts": "0",
		"unit.nginx.service.nofile":   "65536",
		"unit.mariadb.service.active": "active", "unit.mariadb.service.enabled": "enabled", "unit.mariadb.service.restarts": "0",
		"listen.1": "0.0.0.0:443 nginx", "listen.2": "127.0.0.1:8081 isuride", "listen.3": "192.0.2.1:8080 isuride",
		"listen.4": "127.0.0.1:3306 mariadbd", "listen.5": "[::]:22 sshd", "listen.6": "127.0.0.53%lo:53 systemd-resolve",
		"server.deployed": "/home/isucon/webapp/releases/7", "server.running": "/home/isucon/webapp/releases/7/isuride",
		"server.health": "ok 200", "server.revision": "0123abc", "server.connections_max": "60000",
		"env.mode": "640 root:isucon", "env.ISURIDE_DURABILITY": "", "env.ISUCON_DB_HOST": "127.0.0.1", "env.ISUCON_DB_PORT": "3306",
		"server.database": "3",
		"nginx.version":   "nginx version: nginx/1.22.1", "nginx.test": "nginx: configuration file /etc/nginx/nginx.conf test is successful",
		"nginx.worker_connections": "50000", "certificate./etc/nginx/isuride/cert.pem": certificate(t, contestName),
		"database.version": "10.11.6-MariaDB-0+deb12u1", "database.max_connections": "50", "database.max_allowed_packet": "67108864",
		"database.innodb_flush_log_at_trx_commit": "1", "database.innodb_buffer_pool_size": "536870912", "database.log_bin": "0",
	}
}

func wellOutside() Facts {
	f := Facts{oldTLS: "refused", internalPort: "closed"}
	for _, path := range hidden() {
		f["path."+path] = "refused with 403 Forbidden"
	}
	return f
}

func host(name, address string, roles ...topology.Role) topology.Host {
	return topology.Host{Name: name, Login: name, Address: netip.MustParseAddr(address), Roles: roles}
}

func alone(facts, outside Facts) Hosts {
	return Hosts{Topology: &topology.Topology{Hosts: []topology.Host{host("s1", "192.0.2.1", topology.Front, topology.App, topology.DB)}},
		Facts: map[string]Facts{"s1": facts}, Outside: outside, Clients: 10_000, Now: noon.Add(time.Hour)}
}

func TestWell(t *testing.T) {
	findings := Examine(alone(well(t), wellOutside()))
	for _, f := range findings {
		if f.Verdict != OK || f.Advice != "" {
			t.Errorf("%+v", f)
		}
	}
	if Worst(findings) != OK || len(findings) < 30 {
		t.Errorf("%d findings are %s", len(findings), Worst(findings))
	}
}

func TestFindings(t *testing.T) {
	const unit = "unit.isuride-go.service."
	for _, c := range []struct {
		key, value string
		check      string
		verdict    Verdict
	}{
		{"clock.now", "1001.5", "clock", Warning},
		{"clock.now", "994.0", "clock", Bad},
		{"clock.now", "", "clock", Warning},
		{"system.governor", "powersave", "CPU governor", Warning},
		{"system.steal", "0.2", "CPU steal", Warning},
		{"memory.MemAvailable", "300000", "memory", Warning},
		{"memory.MemAvailable", "30000", "memory", Bad},
		{"memory.SwapTotal", "1000000", "swap", Warning},
		{"disk./", "/ 20000000 1000000", "disk /", Warning},
		{"disk./", "/ 20000000 100", "disk /", Bad},
		{"disk./", "", "disk of /", Warning},
		{"inodes./", "1300000 5", "inodes /", Bad},
		{"sysctl.net.core.somaxconn", "128", "somaxconn", Warning},
		{"sysctl.net.ipv4.tcp_max_syn_backlog", "512", "SYN backlog", Warning},
		{unit + "active", "failed", "isuride-go.service", Bad},
		{unit + "enabled", "disabled", "isuride-go.service at boot", Bad},
		{unit + "restarts", "3", "isuride-go.service restarts", Warning},
		{unit + "nofile", "1024", "isuride-go.service open files", Bad},
		{unit + "nofile", "", "isuride-go.service open files", Warning},
		{"unit.nginx.service.nofile", "16384", "nginx.service open files", Bad},
		{"listen.2", "*:8081 isuride", "internal listener", Bad},
		{"listen.2", "192.0.2.1:8081 isuride", "internal listener", Bad},
		{"listen.3", "0.0.0.0:8080 isuride", "server's listener", Bad},
		{"listen.3", "[::]:8080 isuride", "server's listener", Bad},
		{"listen.4", "0.0.0.0:3306 mariadbd", "database's listener", Bad},
		{"listen.4", "198.51.100.7:3306 mysqld", "database's listener", Bad},
		{"server.health", "the database does not answer 503", "health", Bad},
		{"server.running", "/home/isucon/webapp/releases/6/isuride", "release", Warning},
		{"server.running", "/home/isucon/webapp/releases/7/isuride (deleted)", "release", Warning},
		{"server.connections_max", "900", "connections", Warning},
		{"env.mode", "644 root:root", "env.sh", Bad},
		{"env.mode", "", "env.sh", Bad},
		{"nginx.test", "nginx: [emerg] unknown directive", "nginx configuration", Bad},
		{"nginx.worker_connections", "768", "worker_connections", Bad},
		{"certificate./etc/nginx/isuride/cert.pem", "bm90aGluZw==", "certificate", Bad},
		{"certificate./etc/nginx/isuride/cert.pem", certificate(t, "localhost"), "certificate", Warning},
		{"database.version", "", "database", Bad},
		{"database.max_connections", "5", "max_connections", Warning},
		{"database.max_allowed_packet", "1048576", "max_allowed_packet", Warning},
		{"database.innodb_flush_log_at_trx_commit", "2", "commits", Bad},
		{"database.log_bin", "1", "binary log", Warning},
	} {
		facts := well(t)
		facts[c.key] = c.value
		only(t, Examine(alone(facts, wellOutside())), c.key+"="+c.value, c.check, c.verdict)
	}
}

// TestStream has a host whose sink, Kafka and QuestDB are well, and then one that is not.
func TestStream(t *testing.T) {
	examine := func(key, value string) []Finding {
		facts := well(t)
		for k, v := range map[string]string{
			"unit.isuride-sink.service.active": "active", "unit.isuride-sink.service.enabled": "enabled",
			"sink.brokers": "10.0.0.4:9092", "sink.broker": "10.0.0.4:9092", "sink.database": "http://10.0.0.4:9000", "sink.questdb": "{} 200",
			"sink.suspended_tables": "0", "sink.dead_total": "0", key: value,
		} {
			facts[k] = v
		}
		p := alone(facts, wellOutside())
		p.Hosts[0].Roles = append(p.Hosts[0].Roles, topology.Stream)
		return Examine(p)
	}
	if findings := examine("sink.dead_total", "0"); Worst(findings) != OK {
		t.Errorf("all is well, and found is %+v", findings)
	}
	for _, c := range []struct {
		key, value, check string
		verdict           Verdict
	}{
		{"unit.isuride-sink.service.active", "failed", "isuride-sink.service", Bad},
		{"sink.broker", "", "Kafka", Bad},
		{"sink.questdb", "curl: (7) connection refused 000", "QuestDB", Bad},
		{"sink.suspended_tables", "2", "suspended tables", Bad},
		{"sink.dead_total", "7", "messages set aside", Warning},
		{"sink.dead_total", "", "messages set aside", Warning},
	} {
		only(t, examine(c.key, c.value), c.key+"="+c.value, c.check, c.verdict)
	}
}

// only checks that one finding is worse than ok, and which.
func only(t *testing.T, findings []Finding, cause, check string, v Verdict) {
	t.Helper()
	worse := slices.DeleteFunc(findings, func(f Finding) bool { return f.Verdict == OK })
	if len(worse) != 1 || worse[0].Check != check || worse[0].Verdict != v || worse[0].Advice == "" {
		t.Errorf("%s: found %+v, want only %s, %s", cause, worse, check, v)
	}
}

func TestNoCertificate(t *testing.T) {
	facts := well(t)
	delete(facts, "certificate./etc/nginx/isuride/cert.pem")
	only(t, Examine(alone(facts, wellOutside())), "no certificate", "certificate", Bad)
}

func TestCertificateDates(t *testing.T) {
	text, err := base64.StdEncoding.DecodeString(certificate(t, contestName))
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(text); block == nil {
		t.Fatal("no certificate was made")
	}
	for _, c := range []struct {
		now  time.Time
		want Verdict
	}{{noon.AddDate(-1, 0, 0), Bad}, {noon.AddDate(0, 0, 1), OK}, {noon.AddDate(0, 0, 90), Warning}, {noon.AddDate(0, 0, 101), Bad}} {
		p := alone(well(t), wellOutside())
		p.Now = c.now
		if got := Worst(Examine(p)); got != c.want {
			t.Errorf("a certificate from %s for 100 days is %s on %s", noon, got, c.now)
		}
	}
}

// TestDatabaseUnreachable has neither a connection nor a server that says it could have.
func TestDatabaseUnreachable(t *testing.T) {
	for _, c := range []struct {
		connections, health string
		want                Verdict
	}{{"0", "ok 200", OK}, {"2", "the database does not answer 503", OK}, {"0", "the database does not answer 503", Bad}} {
		facts := well(t)
		facts["server.database"], facts["server.health"] = c.connections, c.health
		for _, f := range Examine(alone(facts, wellOutside())) {
			if f.Check == "database reachable" && f.Verdict != c.want {
				t.Errorf("with %s connections and %q it is %s", c.connections, c.health, f.Verdict)
			}
		}
	}
}

// TestSpread has a front of its own that takes connections for two: it needs more files,
// and local ports towards the server.
func TestSpread(t *testing.T) {
	p := alone(well(t), wellOutside())
	p.Hosts = []topology.Host{host("s1", "192.0.2.1", topology.Front), host("s2", "192.0.2.2", topology.Front, topology.App, topology.DB)}
	p.Facts["s2"] = well(t)
	delete(p.Facts["s2"], "listen.3")
	if got := Examine(p); Worst(got) != OK {
		t.Errorf("two fronts that are well: %+v", got)
	}
	for key, check := range map[string]string{
		"unit.nginx.service.nofile":           "nginx.service open files",
		"nginx.worker_connections":            "worker_connections",
		"sysctl.net.ipv4.ip_local_port_range": "local ports",
		"sysctl.net.ipv4.tcp_tw_reuse":        "ports that wait",
	} {
		facts := maps.Clone(p.Facts["s1"])
		facts[key] = map[string]string{"local ports": "32768 36000", "ports that wait": "0"}[check]
		if facts[key] == "" {
			facts[key] = "30000" // enough for one front
		}
		p := p
		p.Facts = map[string]Facts{"s1": facts, "s2": p.Facts["s2"]}
		worse := slices.DeleteFunc(Examine(p), func(f Finding) bool { return f.Verdict == OK })
		if len(worse) != 1 || worse[0].Check != check || worse[0].Host != "s1" {
			t.Errorf("%s=%s: found %+v, want only %s of s1", key, facts[key], worse, check)
		}
	}
}

// TestServerEndsTLS has no nginx: that none is there is nothing to find, and the
// certificate is the server's.
func TestServerEndsTLS(t *testing.T) {
	const file = "certificate./etc/isuride/cert.pem"
	facts := well(t)
	maps.DeleteFunc(facts, func(key, _ string) bool { return strings.Contains(key, "nginx") })
	facts[file] = certificate(t, contestName)
	p := alone(facts, wellOutside())
	p.Hosts[0].Roles = []topology.Role{topology.TLS, topology.App, topology.DB}
	if got := Examine(p); Worst(got) != OK {
		t.Errorf("it is well, but: %+v", got)
	}
	delete(facts, file)
	only(t, Examine(p), file, "certificate", Bad)
}

func TestOutside(t *testing.T) {
	for _, c := range []struct {
		key, value, check string
		verdict           Verdict
	}{
		{oldTLS, "accepted", "old TLS from outside", Bad},
		{internalPort, "open", "internal listener from outside", Bad},
		{"path./metrics", "answers with 200 OK, text/plain", "/metrics from outside", Bad},
		{unreachable, "connection refused", "from outside", Warning},
		{inside, "192.0.2.1 is this machine's own", "from outside", Warning},
	} {
		seen := wellOutside()
		seen[c.key] = c.value
		only(t, Examine(alone(well(t), seen)), c.key, c.check, c.verdict)
	}
}

func TestSilentHost(t *testing.T) {
	p := alone(well(t), nil)
	p.Facts = nil
	if got := Examine(p); len(got) != 0 {
		t.Errorf("about a host that did not answer there is %+v", got)
	}
}

func TestWrite(t *testing.T) {
	var out strings.Builder
	err := Write(&out, []Finding{
		{"s1", "disk /", Bad, "1 MiB of 20 GiB free", "remove something"},
		{"s1", "clock", OK, "0.0 s off", ""},
		{"s2", "swap", Warning, "300 MiB\nused", "find room"},
	})
	const want = "" +
		"ok       s1  clock   0.0 s off\n" +
		"warning  s2  swap    300 MiB used\n" +
		"                     -> find room\n" +
		"bad      s1  disk /  1 MiB of 20 GiB free\n" +
		"                     -> remove something\n" +
		"\n1 ok, 1 warnings, 1 bad\n"
	if err != nil || out.String() != want {
		t.Errorf("written (%v):\n%s\nwant:\n%s", err, &out, want)
	}
}
