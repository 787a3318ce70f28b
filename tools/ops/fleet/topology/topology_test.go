package topology

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	const file = `
# comment
s1  isucon@203.0.113.7      10.0.0.1  front,app   # another
s2  isucon@203.0.113.8:2222 10.0.0.2  front,front

s3  db-host                 10.0.0.3  db
`
	got, err := Read(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	want := []Host{
		{"s1", "isucon@203.0.113.7", 0, netip.MustParseAddr("10.0.0.1"), []Role{Front, App}},
		{"s2", "isucon@203.0.113.8", 2222, netip.MustParseAddr("10.0.0.2"), []Role{Front}},
		{"s3", "db-host", 0, netip.MustParseAddr("10.0.0.3"), []Role{DB}},
	}
	if !reflect.DeepEqual(got.Hosts, want) {
		t.Errorf("got %+v\nwant %+v", got.Hosts, want)
	}
	if got.App().Name != "s1" || got.DB().Name != "s3" || len(got.With(Front)) != 2 {
		t.Errorf("app %s, db %s, fronts %v", got.App().Name, got.DB().Name, got.With(Front))
	}
}

func TestLogin(t *testing.T) {
	for _, c := range []struct {
		in, login string
		port      uint16
	}{
		{"isucon@10.0.0.1", "isucon@10.0.0.1", 0},
		{"isucon@10.0.0.1:22", "isucon@10.0.0.1", 22},
		{"alias", "alias", 0},
		{"alias:2200", "alias", 2200},
		{"isucon@fd00::1", "isucon@fd00::1", 0},
		{"isucon@[fd00::1]", "isucon@fd00::1", 0},
		{"isucon@[fd00::1]:22", "isucon@fd00::1", 22},
		{"[fd00::1]:65535", "fd00::1", 65535},
	} {
		login, port, err := parseLogin(c.in)
		if err != nil || login != c.login || port != c.port {
			t.Errorf("%s: %s, %d, %v", c.in, login, port, err)
		}
	}
	for _, in := range []string{"", "@host", "user@", "a:0", "a:65536", "a:x", "a:", "[fd00::1", "[fd00::1]22", "-oProxyCommand=x", ":22"} {
		if login, port, err := parseLogin(in); err == nil {
			t.Errorf("%q is taken as %q and %d", in, login, port)
		}
	}
}

// TestWrongFiles holds the errors: each names the line, if it is one line's fault, and what
// to write instead.
func TestWrongFiles(t *testing.T) {
	const rest = "s1 a@a 10.0.0.1 front,app\n"
	for name, c := range map[string]struct{ file, want string }{
		"empty":           {"# nothing\n", "no host has the role app; give it to one, or to several that are to be a group of replicas"},
		"words":           {rest + "s2 b@b db\n", "line 2: has 3 words; it needs a name, a login for ssh, an address and roles"},
		"role":            {rest + "s2 b@b 10.0.0.2 database\n", `line 2: s2: "database" is no role; there are front, tls, app, witness, db and stream`},
		"empty role":      {rest + "s2 b@b 10.0.0.2 db,\n", `line 2: s2: "" is no role`},
		"blank in list":   {rest + "s2 b@b 10.0.0.2 db, front\n", "line 2: has 5 words"},
		"address":         {rest + "s2 b@b s2.local db\n", `line 2: s2: "s2.local" is no IP address; the other hosts need one`},
		"zone":            {rest + "s2 b@b fe80::1%eth0 db\n", `is no IP address`},
		"unspecified":     {rest + "s2 b@b 0.0.0.0 db\n", "line 2: s2: 0.0.0.0 is the address of no host"},
		"name":            {rest + "s/2 b@b 10.0.0.2 db\n", `line 2: "s/2" is no name`},
		"dots":            {rest + ".. b@b 10.0.0.2 db\n", `line 2: ".." is no name`},
		"port":            {rest + "s2 b@b:ssh 10.0.0.2 db\n", `line 2: s2: "ssh" is no port for ssh`},
		"same name":       {rest + "s1 b@b 10.0.0.2 db\n", "line 2: s1: the name is taken by another line"},
		"same address":    {rest + "s2 b@b 10.0.0.1 db\n", "line 2: s2: s1 has the address 10.0.0.1 already"},
		"mapped":          {rest + "s2 b@b ::ffff:10.0.0.1 db\n", "s1 has the address 10.0.0.1 already"},
		"two apps":        {rest + "s2 b@b 10.0.0.2 app,db\n", "s1, s2 are a group of 2 replicas, which survives no more losses than 1; give the role witness to one more host"},
		"four apps":       {rest + "s2 b@b 10.0.0.2 app,db\ns3 b@b 10.0.0.3 app\ns4 b@b 10.0.0.4 app\n", "s1, s2, s3, s4 are a group of 4 replicas"},
		"witness and app": {rest + "s2 b@b 10.0.0.2 app,db\ns3 b@b 10.0.0.3 app,witness\n", "s3: has the roles app and witness; a host that is lost must be one loss"},
		"only a witness":  {rest + "s2 b@b 10.0.0.2 witness,db\n", "s1, s2 are a group of 2 replicas"},
		"a group and tls": {"s1 a@a 10.0.0.1 app,tls\ns2 b@b 10.0.0.2 app,db\ns3 b@b 10.0.0.3 app\n", "s1: has the role tls and is one of a group of replicas; give the role front"},
		"two streams":     {rest + "s2 b@b 10.0.0.2 db,stream\ns3 b@b 10.0.0.3 stream\n", "2 hosts have the role stream; give it to one at most"},
		"no db":           {rest, "0 hosts have the role db; give it to exactly one"},
		"no front":        {"s1 a@a 10.0.0.1 app,db\n", "no host has the role front; give it to at least one, or tls to the one with the role app"},
		"tls elsewhere":   {"s1 a@a 10.0.0.1 app\ns2 b@b 10.0.0.2 tls,db\n", "s2: has the role tls and not app; with tls it is the server that ends TLS"},
		"tls twice":       {"s1 a@a 10.0.0.1 app,tls\ns2 b@b 10.0.0.2 tls,db\n", "s2: has the role tls and not app"},
		"tls and front":   {"s1 a@a 10.0.0.1 app,tls\ns2 b@b 10.0.0.2 front,db\n", "s1 has the role tls and s2 front, which exclude each other: either the server ends TLS, or nginx"},
		"loopback":        {rest + "s2 b@b 127.0.0.1 db\n", "s2: the other hosts cannot reach it at 127.0.0.1"},
		"two families":    {rest + "s2 b@b fd00::2 db\n", "s2: fd00::2 and 10.0.0.1 are not of one network"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(strings.NewReader(c.file))
			if err == nil || !strings.Contains(err.Error(), c.want) || got != nil {
				t.Errorf("got %v, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestOneHostAtLoopback(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1", "192.0.2.1"} {
		if _, err := Read(strings.NewReader("only a@a " + address + " front,app,db\n")); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestEntrances are the fronts, or the server itself.
func TestEntrances(t *testing.T) {
	for file, want := range map[string][]string{
		"s1 a@a 10.0.0.1 app\ns2 b@b 10.0.0.2 front\ns3 c@c 10.0.0.3 front,db\n": {"s2", "s3"},
		"s1 a@a 10.0.0.1 db\ns2 b@b 10.0.0.2 tls,app\n":                          {"s2"},
	} {
		top, err := Read(strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range top.Entrances() {
			got = append(got, h.Name)
		}
		if !slices.Equal(got, want) || top.Entrance().Name != want[0] {
			t.Errorf("%s: clients come in at %v, first %s", file, got, top.Entrance().Name)
		}
	}
}

// TestDoor: an address that means this host only is no door.
func TestDoor(t *testing.T) {
	for line, want := range map[string]string{
		"only a@203.0.113.7 127.0.0.1 tls,app,db\n":     "203.0.113.7:443",
		"only 203.0.113.7:22 127.0.0.1 front,app,db\n":  "203.0.113.7:443",
		"only a@2001:db8::7 ::1 tls,app,db\n":           "[2001:db8::7]:443",
		"only a@203.0.113.7 10.0.0.1 front,app,db\n":    "10.0.0.1:443",
		"only alias 127.0.0.1 front,app,db\n":           "127.0.0.1:443",
		"only a@::ffff:10.0.0.7 127.0.0.1 tls,app,db\n": "10.0.0.7:443",
	} {
		top, err := Read(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if got := top.Door().String(); got != want {
			t.Errorf("%s: clients come to %s, not %s", line, got, want)
		}
	}
}

func TestMissingFile(t *testing.T) {
	_, err := ReadFile(filepath.Join(t.TempDir(), "hosts"))
	if err == nil || !strings.Contains(err.Error(), "copy scripts/hosts.example there") {
		t.Errorf("got %v", err)
	}
}

// TestExample reads the example as it is, and each of its commented layouts.
func TestExample(t *testing.T) {
	path := filepath.Join("..", "..", "..", "..", "scripts", "hosts.example")
	if _, err := ReadFile(path); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	layouts := 0
	for block := range strings.SplitSeq(string(text), "\n\n") {
		var lines []string
		for line := range strings.SplitSeq(block, "\n") {
			if line, ok := strings.CutPrefix(line, "#   "); ok && line[0] != ' ' {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			continue
		}
		layouts++
		if _, err := Read(strings.NewReader(strings.Join(lines, "\n"))); err != nil {
			t.Errorf("%v in\n%s", err, block)
		}
	}
	if layouts < 2 {
		t.Errorf("%d commented layouts", layouts)
	}
}
