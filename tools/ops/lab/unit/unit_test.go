package unit

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// parse reads the text of a service.
func parse(t *testing.T, name, text string) *Unit {
	t.Helper()
	u, err := Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// As Debian 12 has them, without comments.
const (
	debianNginx = `[Unit]
Description=A high performance web server and a reverse proxy server
Documentation=man:nginx(8)
After=network-online.target remote-fs.target nss-lookup.target
Wants=network-online.target

[Service]
Type=forking
PIDFile=/run/nginx.pid
ExecStartPre=/usr/sbin/nginx -t -q -g 'daemon on; master_process on;'
ExecStart=/usr/sbin/nginx -g 'daemon on; master_process on;'
ExecReload=/usr/sbin/nginx -g 'daemon on; master_process on;' -s reload
ExecStop=-/sbin/start-stop-daemon --quiet --stop --retry QUIT/5 --pidfile /run/nginx.pid
TimeoutStopSec=5
KillMode=mixed

[Install]
WantedBy=multi-user.target
`
	debianMariaDB = `[Service]
Type=notify
User=mysql
Group=mysql
ProtectSystem=full
ExecStartPre=/bin/sh -c "systemctl unset-environment _WSREP_START_POSITION"
ExecStart=/bin/sh -c "set -f; [ ! -e /usr/bin/galera_recovery ] && VAR= || \
 VAR=` + "`/usr/bin/galera_recovery`" + `; [ $? -eq 0 ] || exit 1; \
 exec /usr/sbin/mariadbd $MYSQLD_OPTS $_WSREP_NEW_CLUSTER $VAR"
ExecStartPost=!/etc/mysql/debian-start
SendSIGKILL=no
Restart=on-abnormal
RestartSec=5s
UMask=007
TimeoutStartSec=900
TimeoutStopSec=900
LimitNOFILE=32768
`
)

func TestDebianNginx(t *testing.T) {
	u := parse(t, "nginx.service", debianNginx)
	s := u.Service
	if s.Type != Forking || s.PIDFile != "/run/nginx.pid" || s.KillMode != KillMixed || s.StopTimeout != 5*time.Second || s.StartTimeout != 90*time.Second {
		t.Errorf("got %+v", s)
	}
	if got, want := s.Start[0].Args(nil), []string{"/usr/sbin/nginx", "-g", "daemon on; master_process on;"}; !slices.Equal(got, want) {
		t.Errorf("the command is %q", got)
	}
	if !s.Stop[0].IgnoreFailure || s.Start[0].IgnoreFailure {
		t.Error("the failure of ExecStop, and only that, does not matter")
	}
	if !slices.Equal(u.WantedBy, []string{"multi-user.target"}) || len(u.After) != 3 || len(u.Ignored) > 0 || s.Identifier != "nginx" {
		t.Errorf("got %+v", u)
	}
}

func TestDebianMariaDB(t *testing.T) {
	u := parse(t, "mariadb.service", debianMariaDB)
	s := u.Service
	if s.Type != Notify || s.User != "mysql" || !s.NeverKill || s.Restart != RestartOnAbnormal || s.RestartDelay != 5*time.Second || s.UMask != 0o007 {
		t.Errorf("got %+v", s)
	}
	if s.OpenFiles != (Limit{32768, 32768, true}) {
		t.Errorf("the limit is %v", s.OpenFiles)
	}
	want := "set -f; [ ! -e /usr/bin/galera_recovery ] && VAR= ||  VAR=`/usr/bin/galera_recovery`; [ $? -eq 0 ] || exit 1;  " +
		"exec /usr/sbin/mariadbd $MYSQLD_OPTS $_WSREP_NEW_CLUSTER $VAR"
	if got := s.Start[0].Args([]string{"VAR=wrong"}); len(got) != 3 || got[2] != want {
		t.Errorf("the shell gets %q", got)
	}
	if !s.StartPost[0].Privileged || u.Service.Sandbox.System != Full || len(u.Ignored) > 0 {
		t.Errorf("got %+v", u)
	}
}

func TestDirectives(t *testing.T) {
	for _, c := range []struct {
		name, text string
		ok         func(u *Unit) bool
	}{
		{"empty takes back a list", "[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b\n", func(u *Unit) bool { return len(u.Service.Start) == 1 }},
		{"lists add up", "[Unit]\nAfter=a.service\nAfter=b.service c.service\n", func(u *Unit) bool { return len(u.After) == 3 }},
		{"comments within a long line", "[Unit]\nAfter=a \\\n# no\n; no\n b\n", func(u *Unit) bool { return slices.Equal(u.After, []string{"a", "b"}) }},
		{"no commands", "[Service]\nRemainAfterExit=yes\n", func(u *Unit) bool { return u.Service.Type == Oneshot && u.Service.StartTimeout == Forever }},
		{"no limit of time", "[Service]\nExecStart=/x\nTimeoutSec=0\n", func(u *Unit) bool { return u.Service.StartTimeout == Forever && u.Service.StopTimeout == Forever }},
		{"signals", "[Service]\nExecStart=/x\nKillSignal=QUIT\n", func(u *Unit) bool { return u.Service.KillSignal == syscall.SIGQUIT }},
		{"soft and hard limit", "[Service]\nExecStart=/x\nLimitNOFILE=1024:infinity\n", func(u *Unit) bool { return u.Service.OpenFiles == Limit{1024, Unlimited, true} }},
		{"capabilities", "[Service]\nExecStart=/x\nAmbientCapabilities=CAP_KILL\nAmbientCapabilities=\nAmbientCapabilities=CAP_NET_BIND_SERVICE cap_checkpoint_restore\n",
			func(u *Unit) bool { return slices.Equal(u.Service.Ambient, []int{10, 40}) }},
		{"directories", "[Service]\nExecStart=/x\nStateDirectory=a b\nStateDirectoryMode=0750\n", func(u *Unit) bool {
			return slices.Equal(u.Service.State.Names, []string{"a", "b"}) && u.Service.State.Mode == 0o750
		}},
		{"start limits of old and new", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nStartLimitBurst=3\nExecStart=/x\n", func(u *Unit) bool {
			return u.Service.LimitInterval == 0 && u.Service.LimitBurst == 3
		}},
		{"optional file", "[Service]\nEnvironmentFile=-/etc/%N.env\n", func(u *Unit) bool {
			return u.Service.EnvironmentFiles[0] == File{"/etc/at@x.env", true}
		}},
		{"instance", "[Service]\nExecStart=/x %i %p %n 100%%\n", func(u *Unit) bool {
			return u.Service.Start[0].String() == "/x x at at@x.service 100%"
		}},
		{"quoted assignments", `[Service]
Environment="A=b c" 'D=e' F=\x41\n` + "\n", func(u *Unit) bool {
			return slices.Equal(u.Service.Environment, []string{"A=b c", "D=e", "F=A\n"})
		}},
		{"protection", "[Service]\nProtectSystem=strict\nProtectHome=true\nCapabilityBoundingSet=\nReadWritePaths=-/a /b\n", func(u *Unit) bool {
			b := u.Service.Sandbox
			return b.System == Strict && b.Home == Protected && b.NoCapabilities && slices.Equal(b.Writable, []string{"-/a", "/b"})
		}},
		{"ignored once each", "[Service]\nNice=1\nNice=2\nCPUWeight=3\n", func(u *Unit) bool {
			return slices.Equal(u.Ignored, []string{"Service.CPUWeight", "Service.Nice"})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if u := parse(t, "at@x.service", c.text); !c.ok(u) {
				t.Errorf("got %+v", u)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[Service]\n\nnonsense\n", `x.service:3: "nonsense" is no assignment`},
		{"[Service]\nType=dbus\n", "2: Service.Type:"},
		{"[Service]\nKillSignal=SIGNOTHING\n", "is none of"},
		{"[Service]\nExecStart=\"/bin/x\n", "a quote is not closed"},
		{"[Service]\nExecStart=/bin/a ; /bin/b\n", "several commands"},
		{"[Service]\nExecStart=/bin/%Z\n", "%Z is not supported"},
		{"[Service]\nTimeoutSec=soon\n", `"soon" is no time`},
		{"[Service]\nEnvironment=nonsense\n", "is no KEY=value"},
		{"[Service]\nRestart=sometimes\n", "is none of"},
	} {
		_, err := Parse("x.service", c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestArgs(t *testing.T) {
	env := []string{"WORDS=a  b", "EMPTY=", "WORDS=c d"}
	for text, want := range map[string][]string{
		"/x $WORDS":          {"/x", "c", "d"},
		"/x pre${WORDS}post": {"/x", "prec dpost"},
		"/x $EMPTY $MISSING": {"/x"},
		"/x \"${EMPTY}\" z":  {"/x", "", "z"},
		"/x $$HOME a$b $":    {"/x", "$HOME", "a$b", "$"},
		":/x $WORDS":         {"/x", "$WORDS"},
		`/x 'a "b"' c\ d`:    {"/x", `a "b"`, `c\ d`},
		"-+/x ${unclosed":    {"/x", "${unclosed"},
	} {
		c, err := parseCommand("x.service", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Args(env); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90": 90 * time.Second, "1min 30s": 90 * time.Second, "500ms": 500 * time.Millisecond, "1.5h": 90 * time.Minute, "infinity": Forever,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
}

func TestEnvironmentFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env.sh")
	text := `# the contest's
ISUCON_DB_HOST="127.0.0.1"
ISUCON_DB_PASSWORD='a"b$c\d'
  SPACED = x y  
ESCAPED="a\"b\\c\d"
export NO=thanks
LINES="one
two"
EMPTY=
LAST=end`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env, bad, err := ReadEnvironmentFile(file)
	want := []string{"ISUCON_DB_HOST=127.0.0.1", `ISUCON_DB_PASSWORD=a"b$c\d`, "SPACED=x y", `ESCAPED=a"b\c\d`, "LINES=one\ntwo", "EMPTY=", "LAST=end"}
	if err != nil || !slices.Equal(env, want) {
		t.Errorf("got %q %v\nwant %q", env, err, want)
	}
	if !slices.Equal(bad, []string{"export NO=thanks"}) {
		t.Errorf("bad lines: %q", bad)
	}
}

// TestLoad finds files as systemd does: by folder, drop-in, alias, template and mask.
func TestLoad(t *testing.T) {
	etc, usr := t.TempDir(), t.TempDir()
	put := func(file, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(usr, "a.service"), "[Unit]\nDescription=package\n[Service]\nExecStart=/a\n")
	put(filepath.Join(usr, "a.service.d/10.conf"), "[Service]\nNice=1\n")
	put(filepath.Join(usr, "a.service.d/20.conf"), "[Service]\nUser=package\n")
	put(filepath.Join(etc, "a.service.d/20.conf"), "[Service]\nUser=admin\n")
	put(filepath.Join(etc, "a.service.d/15.conf"), "[Service]\nUser=early\nGroup=g\n")
	put(filepath.Join(usr, "b.service"), "[Unit]\nDescription=package\n")
	put(filepath.Join(etc, "b.service"), "[Unit]\nDescription=admin\n")
	put(filepath.Join(usr, "t@.service"), "[Service]\nExecStart=/t %i\n")
	link(filepath.Join(usr, "a.service"), filepath.Join(etc, "alias.service"))
	link(os.DevNull, filepath.Join(etc, "masked.service"))
	folders := []string{etc, usr}
	load := func(name string) *Unit {
		t.Helper()
		u, err := Load(folders, name)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if u := load("a.service"); u.Service.User != "admin" || u.Service.Group != "g" || !reflect.DeepEqual(u.Ignored, []string{"Service.Nice"}) {
		t.Errorf("drop-ins: %+v", u)
	}
	if u := load("b.service"); u.Description != "admin" || u.Path != filepath.Join(etc, "b.service") {
		t.Errorf("the package's file is not hidden: %+v", u)
	}
	if u := load("alias.service"); u.Name != "a.service" || u.Service.User != "admin" {
		t.Errorf("alias: %+v", u)
	}
	if u := load("t@7.service"); u.Name != "t@7.service" || u.Service.Start[0].String() != "/t 7" {
		t.Errorf("template: %+v", u)
	}
	if _, err := Load(folders, "masked.service"); !errors.Is(err, ErrMasked) {
		t.Errorf("masked: %v", err)
	}
	if _, err := Load(folders, "no.service"); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(debianNginx)
	f.Add(debianMariaDB)
	f.Add("[Service]\nEnvironment=\"\\x\\\\\nExecStart=:$ ${ \\7")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse("x@y.service", text)
		if err != nil {
			return
		}
		for _, c := range u.Service.Start {
			c.Args([]string{"A=b"})
		}
	})
}

func FuzzEnvironment(f *testing.F) {
	f.Add("A=\"b\\\n")
	f.Fuzz(func(t *testing.T, text string) {
		env, _ := parseEnvironment(text)
		for _, pair := range env {
			if key, _, ok := strings.Cut(pair, "="); !ok || !isVariable(key) {
				t.Errorf("%q gives %q", text, pair)
			}
		}
	})
}
