package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// quote makes one word of a path, for ssh's configuration.
func quote(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(path) + `"`
}

// writeAccess makes the keys of the hosts and of their operator, and the files with which
// ssh and fleet find the hosts.
func (l *Lab) writeAccess() error {
	if err := l.key("key", "operator"); err != nil {
		return err
	}
	var config, known strings.Builder
	fmt.Fprintf(&config, "UserKnownHostsFile %s\nStrictHostKeyChecking yes\nIdentityFile %s\nIdentitiesOnly yes\nPasswordAuthentication no\n",
		quote(l.file("known_hosts")), quote(l.file("key")))
	for _, h := range Machines() {
		if err := l.key("key-"+h.Name, h.Name); err != nil {
			return err
		}
		public, err := os.ReadFile(l.file("key-" + h.Name + ".pub"))
		if err != nil {
			return err
		}
		address := h.Addresses[0].Addr()
		fmt.Fprintf(&config, "Host %s %s\n  HostName %s\n  User isucon\n", h.Name, address, address)
		fmt.Fprintf(&known, "%s %s", address, public)
	}
	const roles = "s1 s1 10.77.0.1 front,app\ns2 s2 10.77.0.2 front\ns3 s3 10.77.0.3 db\n"
	for name, text := range map[string]string{
		l.file("known_hosts"): known.String(),
		l.SSHConfig():         config.String(),
		l.HostsFile():         roles,
		l.OneHost():           "s1 s1 10.77.0.1 front,app,db\n",
		l.Group():             "s1 s1 10.77.0.1 front,app\ns2 s2 10.77.0.2 front,app\ns3 s3 10.77.0.3 witness,db\n",
		l.OneHostTLS():        "s1 s1 10.77.0.1 tls,app,db\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// key makes a pair of keys unless it is there.
func (l *Lab) key(name, comment string) error {
	if _, err := os.Stat(l.file(name)); err == nil {
		return nil
	}
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "laboratory "+comment, "-f", l.file(name)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ssh-keygen: %s", strings.TrimSpace(string(out)))
	}
	return nil
}
