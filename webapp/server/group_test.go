package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGroupVariables: a list of replicas that does not fit is refused by name.
func TestGroupVariables(t *testing.T) {
	dir := t.TempDir()
	secret, short := filepath.Join(dir, "secret"), filepath.Join(dir, "short")
	for path, text := range map[string]string{secret: "0123456789abcdef\n", short: "0123"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const three = "a=h1:7100/h1:8080,b=h2:7100/h2:8080,c=h3:7100+witness"
	for name, test := range map[string]struct {
		replicas, node, secret, durability string
		says                               string // "" if it fits
	}{
		"three":              {three, "a", secret, "crash", ""},
		"a name twice":       {strings.Replace(three, "b=", "a=", 1), "a", secret, "crash", "listed twice"},
		"an even number":     {"a=h1:7100/h1:8080,b=h2:7100/h2:8080", "a", secret, "crash", "add a witness"},
		"another's name":     {three, "d", secret, "crash", "not among the replicas"},
		"no name":            {three, "", secret, "crash", "ISURIDE_NODE"},
		"a name alone":       {"", "a", secret, "crash", "ISURIDE_REPLICAS"},
		"no clients":         {strings.Replace(three, "/h1:8080", "", 1), "a", secret, "crash", "the address for clients"},
		"no port":            {strings.Replace(three, "/h1:8080", "/h1", 1), "a", secret, "crash", "must be host:port"},
		"a short secret":     {three, "a", short, "crash", "at least 16"},
		"no secret":          {three, "a", "", "crash", "ISURIDE_REPLICA_SECRET"},
		"nothing is kept":    {three, "a", secret, "none", "choose crash or power"},
		"the same addresses": {strings.Replace(three, "h2:7100", "h1:7100", 1), "a", secret, "crash", "the same address"},
	} {
		env := map[string]string{"ISURIDE_REPLICAS": test.replicas, "ISURIDE_NODE": test.node, "ISURIDE_REPLICA_SECRET": test.secret, "ISURIDE_DURABILITY": test.durability}
		c, err := readConfig(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		switch {
		case test.says == "" && (err != nil || len(c.group.members) != 3 || c.clients()["b"] != "h2:8080" || !c.group.members[2].Witness || c.group.secret != "0123456789abcdef"):
			t.Errorf("%s: %v, %+v", name, err, c.group)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: got %v, want %q", name, err, test.says)
		}
	}
}

// TestDoorNeedsAGroup: an address for the leader is a mistake where nobody leads.
func TestDoorNeedsAGroup(t *testing.T) {
	env := map[string]string{"ISURIDE_LEADER_LISTEN": "127.0.0.1:8082"}
	_, err := readConfig(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err == nil || !strings.Contains(err.Error(), "ISURIDE_LEADER_LISTEN") || !strings.Contains(err.Error(), "ISURIDE_REPLICAS") {
		t.Errorf("got %v", err)
	}
}
