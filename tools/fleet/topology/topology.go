// Package topology reads the hosts file: which hosts there are, how ssh reaches them, and
// what each of them does. scripts/hosts.example describes the format.
//
// What follows from it, files and services, is package layout's.
package topology

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Role is something that a host does.
type Role string

const (
	Front Role = "front" // nginx, which ends TLS
	App   Role = "app"   // the server
	DB    Role = "db"    // MariaDB or MySQL
)

// Host is one line of the file.
type Host struct {
	Name    string     // what people call it, unique
	Login   string     // user@address, or a name of the user's ssh configuration
	Port    uint16     // of sshd, 0 for ssh's own choice
	Address netip.Addr // where the other hosts reach it
	Roles   []Role     // at least one
}

// Has tells if the host has the role.
func (h Host) Has(r Role) bool { return slices.Contains(h.Roles, r) }

// Topology is a valid hosts file: exactly one app, one db, and at least one front.
type Topology struct {
	Hosts []Host // in the file's order
}

// With lists the hosts that have the role, in the file's order.
func (t *Topology) With(r Role) []Host {
	return slices.DeleteFunc(slices.Clone(t.Hosts), func(h Host) bool { return !h.Has(r) })
}

// App and DB are the hosts with these roles; there is one of each.
func (t *Topology) App() Host { return t.With(App)[0] }
func (t *Topology) DB() Host  { return t.With(DB)[0] }

// ReadFile reads a hosts file. Errors name the file, the line, and what to write instead.
func ReadFile(path string) (*Topology, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; copy scripts/hosts.example there and edit it", err)
	}
	defer f.Close()
	t, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Read is ReadFile for something open already.
func Read(r io.Reader) (*Topology, error) {
	t := new(Topology)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		h, err := parse(fields)
		if err == nil {
			err = t.add(h)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return t, t.check()
}

// parse reads NAME LOGIN[:PORT] ADDRESS ROLE[,ROLE...].
func parse(fields []string) (h Host, err error) {
	if len(fields) != 4 {
		return h, fmt.Errorf("has %d words; it needs a name, a login for ssh, an address and roles", len(fields))
	}
	h.Name, h.Login = fields[0], fields[1]
	if login, port, ok := strings.Cut(h.Login, ":"); ok {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return h, fmt.Errorf("%s: %q is no port for ssh", h.Name, port)
		}
		h.Login, h.Port = login, uint16(n)
	}
	if h.Address, err = netip.ParseAddr(fields[2]); err != nil {
		return h, fmt.Errorf("%s: %q is no IP address; the other hosts need one to reach it", h.Name, fields[2])
	}
	for word := range strings.SplitSeq(fields[3], ",") {
		role := Role(word)
		if role != Front && role != App && role != DB {
			return h, fmt.Errorf("%s: %q is no role; there are front, app and db", h.Name, word)
		}
		if !h.Has(role) {
			h.Roles = append(h.Roles, role)
		}
	}
	return h, nil
}

func (t *Topology) add(h Host) error {
	for _, other := range t.Hosts {
		if other.Name == h.Name {
			return fmt.Errorf("%s: the name is taken by another line", h.Name)
		}
		if other.Address == h.Address {
			return fmt.Errorf("%s: %s has the address %s already", h.Name, other.Name, h.Address)
		}
	}
	t.Hosts = append(t.Hosts, h)
	return nil
}

func (t *Topology) check() error {
	for _, r := range []Role{App, DB} {
		if n := len(t.With(r)); n != 1 {
			return fmt.Errorf("%d hosts have the role %s; it must be exactly one", n, r)
		}
	}
	if len(t.With(Front)) == 0 {
		return fmt.Errorf("no host has the role front; at least one must")
	}
	return nil
}
