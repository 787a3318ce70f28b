package setup_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/setup"
)

const three = "s1 a@203.0.113.1 10.0.0.1 front,app\ns2 alias 10.0.0.2 front\ns3 a@a 10.0.0.3 db\n"

func newSetup(t *testing.T, file string) (*fleettest.Hosts, *setup.Setup) {
	t.Helper()
	hs := fleettest.New(t, file)
	statements, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "sql", "0-host.sql.template"))
	if err != nil {
		t.Fatal(err)
	}
	return hs, &setup.Setup{Remote: hs.Remote(), Layout: &layout.Layout{Topology: hs.Topology}, Statements: string(statements)}
}

func do(t *testing.T, s *setup.Setup) {
	t.Helper()
	if err := s.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// value is what a line of env.sh sets.
func value(env, key string) string {
	for line := range strings.Lines(env) {
		if v, ok := strings.CutPrefix(line, key+"="); ok {
			return strings.Trim(v, "\"\n")
		}
	}
	return ""
}

func TestSetup(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, three)
	do(t, s)
	env := hs.Get("s1", layout.EnvFile)
	password := value(env, "ISUCON_DB_PASSWORD")
	if len(password) < 24 || value(env, "ISUCON_DB_HOST") != "10.0.0.3" || value(env, "ISUCON_DB_PORT") != "3306" ||
		value(env, "ISUCON_DB_USER") != "isucon" || value(env, "ISUCON_DB_NAME") != "isuride" {
		t.Errorf("env.sh:\n%s", env)
	}
	if info, err := os.Stat(hs.Path("s1", layout.EnvFile)); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("env.sh: %v, %v", info, err)
	}
	if !strings.Contains(hs.Get("s1", "/calls"), "chown root:isucon "+layout.EnvFile+"\n") {
		t.Error("env.sh does not belong to root and isucon")
	}
	sql := hs.Get("s3", "/sql")
	if !strings.Contains(sql, "ALTER USER 'isucon'@'10.0.0.1' IDENTIFIED BY '"+password+"';") || strings.Contains(sql, "${DB_PASSWORD") {
		t.Errorf("SQL:\n%s", sql)
	}
	for _, host := range []string{"s1", "s2", "s3"} {
		if hs.Get(host, "/users") != "isucon\n" {
			t.Errorf("%s: no user", host)
		}
		if want := "setup "; !strings.HasPrefix(hs.Get(host, layout.Webapp+"/.setup"), want) {
			t.Errorf("%s: the setup is not noted", host)
		}
	}
	for _, host := range []string{"s1", "s2"} {
		checkPair(t, hs.Path(host, layout.CertDir))
		if info, err := os.Stat(hs.Path(host, layout.CertDir+"/key.pem")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: key: %v, %v", host, info, err)
		}
	}
	if hs.Get("s3", layout.CertDir+"/key.pem") != "" {
		t.Error("the database host has the key")
	}
	unseen(t, hs, password)
}

// checkPair wants a certificate of our own making, for all fronts of three.
func checkPair(t *testing.T, dir string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	c := pair.Leaf
	for _, name := range []string{"xiv.isucon.net", "a.xiv.isucon.net", "localhost", "127.0.0.1", "::1", "10.0.0.1", "203.0.113.1", "10.0.0.2"} {
		if err := c.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if key, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() || c.IsCA || c.Version != 3 ||
		!slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || c.NotAfter.Before(time.Now().AddDate(1, 0, 0)) {
		t.Errorf("the certificate is %+v", c)
	}
}

// unseen fails if the secret was an argument of a program, or was printed.
func unseen(t *testing.T, hs *fleettest.Hosts, secret string) {
	t.Helper()
	if strings.Contains(hs.Commands(), secret) || strings.Contains(hs.Said(), secret) {
		t.Error("the password shows in a list of processes or in the output")
	}
	for _, h := range hs.Topology.Hosts {
		for _, call := range hs.Calls(h.Name) {
			if strings.Contains(call, secret) {
				t.Errorf("%s: a program got the password as an argument: %s", h.Name, call)
			}
		}
	}
}

// TestRepeatedSetup finds everything in place.
func TestRepeatedSetup(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, three)
	do(t, s)
	env, cert := hs.Get("s1", layout.EnvFile), hs.Get("s2", layout.CertDir+"/cert.pem")
	if err := os.Remove(hs.Path("s1", layout.Webapp+"/.pending/restart.isuride-go.service")); err != nil {
		t.Fatal(err)
	}
	hs.Calls("s1")
	do(t, s)
	if again := hs.Get("s1", layout.EnvFile); again != env {
		t.Errorf("env.sh was\n%s\nand is\n%s", env, again)
	}
	if again := hs.Get("s2", layout.CertDir+"/cert.pem"); again != cert {
		t.Errorf("the certificate changed")
	}
	if hs.Get("s1", "/users") != "isucon\n" {
		t.Error("the user was made twice")
	}
	if _, err := os.Stat(hs.Path("s1", layout.Webapp+"/.pending/restart.isuride-go.service")); err == nil {
		t.Error("an unchanged env.sh restarts the server")
	}
	for _, call := range hs.Calls("s1") {
		if strings.HasPrefix(call, "apt-get") {
			t.Errorf("nothing is missing, but: %s", call)
		}
	}
}

func TestMissingPackages(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, three)
	for host, path := range map[string]string{"s1": "/usr/sbin/nginx", "s2": "/usr/lib/nginx/modules/ngx_stream_module.so", "s3": "/usr/sbin/mariadbd"} {
		if err := os.Remove(hs.Path(host, path)); err != nil {
			t.Fatal(err)
		}
	}
	do(t, s)
	for host, packages := range map[string]string{"s1": "nginx", "s2": "libnginx-mod-stream", "s3": "mariadb-server"} {
		calls := hs.Calls(host)
		if !slices.ContainsFunc(calls, func(c string) bool {
			return strings.Contains(c, "install --yes") && strings.HasSuffix(c, " "+packages)
		}) {
			t.Errorf("%s: %s was not installed by\n%s", host, packages, strings.Join(calls, "\n"))
		}
	}
}

func TestOneFrontNeedsNoStreamModule(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, "only a@a 127.0.0.1 front,app,db\n")
	if err := os.Remove(hs.Path("only", "/usr/lib/nginx/modules/ngx_stream_module.so")); err != nil {
		t.Fatal(err)
	}
	do(t, s)
	for _, call := range hs.Calls("only") {
		if strings.HasPrefix(call, "apt-get") {
			t.Error(call)
		}
	}
	if sql := hs.Get("only", "/sql"); !strings.Contains(sql, "'isucon'@'127.0.0.1'") {
		t.Errorf("SQL:\n%s", sql)
	}
}

// TestEnvironmentOfTheTeam keeps what people have written.
func TestEnvironmentOfTheTeam(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, password, want string }{
		"contest's": {"ISUCON_DB_HOST=\"127.0.0.1\"\nISUCON_DB_PORT=\"3306\"\nISUCON_DB_USER=\"isucon\"\nISUCON_DB_PASSWORD=\"isucon\"\nISUCON_DB_NAME=\"isuride\"\nISUCON_MATCHING_INTERVAL=0.5\n", "",
			"ISUCON_DB_HOST=\"10.0.0.3\"\nISUCON_DB_PORT=\"3306\"\nISUCON_DB_USER=\"isucon\"\nISUCON_DB_PASSWORD=\"PASSWORD\"\nISUCON_DB_NAME=\"isuride\"\nISUCON_MATCHING_INTERVAL=0.5\n"},
		"own password": {"# ours\nexport ISUCON_DB_PASSWORD='s3cret'\nGOGC=200\n", "s3cret",
			"# ours\nISUCON_DB_PASSWORD=\"s3cret\"\nGOGC=200\nISUCON_DB_HOST=\"10.0.0.3\"\nISUCON_DB_PORT=\"3306\"\nISUCON_DB_USER=\"isucon\"\nISUCON_DB_NAME=\"isuride\"\n"},
		"kept": {"# keep the password\nISUCON_DB_PASSWORD=isucon\n", "isucon",
			"# keep the password\nISUCON_DB_PASSWORD=\"isucon\"\nISUCON_DB_HOST=\"10.0.0.3\"\nISUCON_DB_PORT=\"3306\"\nISUCON_DB_USER=\"isucon\"\nISUCON_DB_NAME=\"isuride\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			hs, s := newSetup(t, three)
			hs.Put("s1", layout.EnvFile, c.file)
			do(t, s)
			env := hs.Get("s1", layout.EnvFile)
			password := value(env, "ISUCON_DB_PASSWORD")
			if c.password != "" && password != c.password || c.password == "" && len(password) < 24 {
				t.Errorf("the password is %q", password)
			}
			if want := strings.ReplaceAll(c.want, "PASSWORD\"\n", password+"\"\n"); env != want {
				t.Errorf("got\n%s\nwant\n%s", env, want)
			}
			if sql := hs.Get("s3", "/sql"); !strings.Contains(sql, "IDENTIFIED BY '"+password+"'") {
				t.Errorf("SQL:\n%s", sql)
			}
			if password != "isucon" {
				unseen(t, hs, password)
			}
		})
	}
}

func TestPasswordThatCannotBe(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, three)
	hs.Put("s1", layout.EnvFile, "ISUCON_DB_PASSWORD=\"a'; DROP\"\n")
	err := s.Do(t.Context())
	if err == nil || !strings.Contains(err.Error(), "s1: cannot write /home/isucon/env.sh: env.sh has a character") || strings.Contains(err.Error(), "DROP") {
		t.Errorf("got %v", err)
	}
}

// TestOtherAccounts drops what the contest has left open to everybody.
func TestOtherAccounts(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, three)
	hs.Put("s3", "/accounts", "%\nlocalhost\n")
	do(t, s)
	sql := hs.Get("s3", "/sql")
	for _, want := range []string{"DROP USER 'isucon'@'%'\n", "DROP USER 'isucon'@'localhost'\n"} {
		if !strings.Contains(sql, want) {
			t.Errorf("no %s in\n%s", want, sql)
		}
	}
}

func TestDatabaseWhoseRootHasAPassword(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, three)
	hs.Put("s3", "/root-has-a-password", "")
	err := s.Do(t.Context())
	if err == nil || err.Error() != "s3: cannot make the database and its account: ERROR 1045 (28000): Access denied for user 'root'@'localhost'" {
		t.Errorf("got %v", err)
	}
	hs.Put("s3", "/etc/mysql/debian.cnf", "")
	do(t, s)
	if sql := hs.Get("s3", "/sql"); !strings.Contains(sql, "CREATE USER") {
		t.Errorf("SQL:\n%s", sql)
	}
}

// TestCertificateInUse is taken over and copied.
func TestCertificateInUse(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, three)
	hs.Put("s1", "/etc/nginx/sites-enabled/site.conf", "# ssl_certificate old.crt;\nserver { ssl_certificate /etc/nginx/tls/a.crt;\n  ssl_certificate_key tls/a.key;\n}\n")
	hs.Put("s1", "/etc/nginx/tls/a.crt", "theirs\n")
	hs.Put("s1", "/etc/nginx/tls/a.key", "their key\n")
	hs.Put("s2", layout.CertDir+"/cert.pem", "another\n")
	hs.Put("s2", layout.CertDir+"/key.pem", "another\n")
	do(t, s)
	for _, host := range []string{"s1", "s2"} {
		if cert, key := hs.Get(host, layout.CertDir+"/cert.pem"), hs.Get(host, layout.CertDir+"/key.pem"); cert != "theirs\n" || key != "their key\n" {
			t.Errorf("%s: certificate %q, key %q", host, cert, key)
		}
	}
	if _, err := os.Stat(hs.Path("s2", layout.Webapp+"/.pending/reload.nginx.service")); err != nil {
		t.Error("nginx of s2 would go on with its old certificate")
	}
}

// TestNewCertificate is one that people put on the first front later.
func TestNewCertificate(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, three)
	do(t, s)
	const pending = layout.Webapp + "/.pending/reload.nginx.service"
	for _, change := range []bool{false, true} {
		for _, host := range []string{"s1", "s2"} {
			os.Remove(hs.Path(host, pending))
		}
		if change {
			hs.Put("s1", layout.CertDir+"/cert.pem", "new\n")
		}
		do(t, s)
		for _, host := range []string{"s1", "s2"} {
			if _, err := os.Stat(hs.Path(host, pending)); (err == nil) != change {
				t.Errorf("%s: changed: %v, reload: %v", host, change, err)
			}
		}
	}
	if got := hs.Get("s2", layout.CertDir+"/cert.pem"); got != "new\n" {
		t.Errorf("s2 has %q", got)
	}
}

// TestPairOfServer: the server's user can read the pair of a server that ends TLS itself,
// and nobody else. Another pair counts after a restart.
func TestPairOfServer(t *testing.T) {
	t.Parallel()
	const key, pending = layout.OwnCerts + "/key.pem", layout.Webapp + "/.pending/restart.isuride-go.service"
	hs, s := newSetup(t, "only a@a 10.0.0.1 tls,app,db\n")
	do(t, s)
	if hs.Get("only", layout.OwnCerts+"/cert.pem") == "" || hs.Get("only", layout.CertDir+"/key.pem") != "" {
		t.Error("the pair is not where the server looks for it")
	}
	for path, want := range map[string]os.FileMode{key: 0o640, layout.OwnCerts: 0o750} {
		if info, err := os.Stat(hs.Path("only", path)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	calls := hs.Calls("only")
	if !slices.Contains(calls, "chown root:isucon "+layout.OwnCerts+" "+key) {
		t.Errorf("the server's user may not read the key: %q", calls)
	}
	if slices.ContainsFunc(calls, func(call string) bool { return strings.HasPrefix(call, "apt-get") }) {
		t.Errorf("something was installed: %q", calls)
	}
	for _, change := range []bool{false, true} {
		if err := os.Remove(hs.Path("only", pending)); err != nil {
			t.Fatal(err)
		}
		if change {
			hs.Put("only", layout.OwnCerts+"/cert.pem", "new\n")
		}
		do(t, s)
		if _, err := os.Stat(hs.Path("only", pending)); (err == nil) != change {
			t.Errorf("changed: %v, restart: %v", change, err)
		}
		hs.Put("only", pending, "")
	}
}

// TestPairMoves with who ends TLS: to the server from nginx, and back.
func TestPairMoves(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, "only a@a 10.0.0.1 tls,app,db\n")
	hs.Put("only", "/etc/nginx/nginx.conf", "ssl_certificate tls/a.crt;\nssl_certificate_key tls/a.key;\n")
	hs.Put("only", "/etc/nginx/tls/a.crt", "theirs\n")
	hs.Put("only", "/etc/nginx/tls/a.key", "their key\n")
	do(t, s)
	if got := hs.Get("only", layout.OwnCerts+"/key.pem"); got != "their key\n" {
		t.Errorf("the server's key is %q, not nginx's", got)
	}
	hs, s = newSetup(t, "only a@a 10.0.0.1 front,app,db\n")
	hs.Put("only", layout.OwnCerts+"/cert.pem", "ours\n")
	hs.Put("only", layout.OwnCerts+"/key.pem", "our key\n")
	do(t, s)
	if got := hs.Get("only", layout.CertDir+"/key.pem"); got != "our key\n" {
		t.Errorf("nginx's key is %q, not the server's", got)
	}
}

// TestFingerprint changes with what setup does on a host, and with nothing else.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	print := func(file, host string) string {
		hs, s := newSetup(t, file)
		for _, h := range hs.Topology.Hosts {
			if h.Name == host {
				return s.Fingerprint(h)
			}
		}
		t.Fatalf("no host %s", host)
		return ""
	}
	moved := strings.Replace(three, "10.0.0.3", "10.0.0.4", 1)
	if first, again := print(three, "s1"), print(three, "s1"); first != again {
		t.Error("the same is not the same")
	}
	if print(three, "s1") == print(moved, "s1") {
		t.Error("the server does not hear of a moved database")
	}
	if print(three, "s2") != print(moved, "s2") {
		t.Error("a front cares for the database's address")
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	hs, s := newSetup(t, three)
	s.DryRun = true
	do(t, s)
	for _, h := range hs.Topology.Hosts {
		if _, err := os.Stat(hs.Path(h.Name, "/home")); err == nil {
			t.Errorf("%s has a home folder", h.Name)
		}
	}
	for _, step := range []string{"install what is missing, for front, app", "write /home/isucon/env.sh", "make a certificate", "copy the certificate from s1"} {
		if !strings.Contains(hs.Said(), step) {
			t.Errorf("%q is not in\n%s", step, hs.Said())
		}
	}
}

// TestGroup: all servers have one secret, which nobody but the server may read and no list of
// processes shows, and one account of the database, which a witness has no use for.
func TestGroup(t *testing.T) {
	t.Parallel()
	const file = "s1 a@a 10.0.0.1 front,app\ns2 a@a 10.0.0.2 app\ns3 a@a 10.0.0.3 witness\ns4 a@a 10.0.0.4 db\n"
	hs, s := newSetup(t, file)
	do(t, s)
	secret := hs.Get("s1", layout.Secret)
	if len(strings.TrimSpace(secret)) < 40 {
		t.Fatalf("the secret has %d bytes", len(secret))
	}
	for _, host := range []string{"s1", "s2", "s3"} {
		if hs.Get(host, layout.Secret) != secret {
			t.Errorf("%s has another secret", host)
		}
		if info, err := os.Stat(hs.Path(host, layout.Secret)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", host, info, err)
		}
		if !strings.Contains(hs.Get(host, "/calls"), "chown isucon: "+layout.Secret+"\n") {
			t.Errorf("%s: the secret does not belong to the server", host)
		}
	}
	if hs.Get("s4", layout.Secret) != "" {
		t.Error("the host of the database has the secret")
	}
	unseen(t, hs, strings.TrimSpace(secret))
	first, second, witness := hs.Get("s1", layout.EnvFile), hs.Get("s2", layout.EnvFile), hs.Get("s3", layout.EnvFile)
	password := value(first, "ISUCON_DB_PASSWORD")
	if password == "" || value(second, "ISUCON_DB_PASSWORD") != password || strings.Contains(witness, "ISUCON_DB") {
		t.Errorf("env.sh of the second:\n%s\nof the witness:\n%s", second, witness)
	}
	for _, client := range []string{"10.0.0.1", "10.0.0.2"} {
		if !strings.Contains(hs.Get("s4", "/sql"), "ALTER USER 'isucon'@'"+client+"' IDENTIFIED BY '"+password+"';") {
			t.Errorf("no account for %s", client)
		}
	}

	// A host that is new, and one that comes back with another secret, get that of the others.
	if err := os.Remove(hs.Path("s1", layout.Secret)); err != nil {
		t.Fatal(err)
	}
	hs.Put("s3", layout.Secret, "another\n")
	do(t, s)
	for _, host := range []string{"s1", "s2", "s3"} {
		if hs.Get(host, layout.Secret) != secret {
			t.Errorf("%s has another secret after the second setup", host)
		}
	}
	if _, err := os.Stat(hs.Path("s3", layout.Webapp+"/.pending/restart.isuride-go.service")); err != nil {
		t.Error("the server does not begin again with its new secret:", err)
	}
}
