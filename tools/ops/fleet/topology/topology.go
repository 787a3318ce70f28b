// Package topology reads the hosts file: which hosts there are, how ssh reaches them, and
// what each of them does. scripts/hosts.example describes the format.
//
// What follows from it, files and services, is package layout's.
package topology

import (
	"bufio"
	"errors"
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
	Front   Role = "front"   // nginx, which ends TLS
	TLS     Role = "tls"     // the server ends TLS itself, and there is no front
	App     Role = "app"     // the server; several are a group of replicas
	Witness Role = "witness" // the server as a member of the group that keeps only the log
	DB      Role = "db"      // MariaDB or MySQL
	Stream  Role = "stream"  // Kafka and QuestDB, which are there already, and what brings events from one to the other
)

// Roles lists them.
func Roles() []Role { return []Role{Front, TLS, App, Witness, DB, Stream} }

// Host is one line of the file.
type Host struct {
	Name    string     // what people call it, unique
	Login   string     // user@address, or a name of ssh's configuration
	Port    uint16     // of sshd, 0 for ssh's own choice
	Address netip.Addr // where the other hosts reach it
	Roles   []Role     // at least one
}

// Has reports whether the host has the role.
func (h Host) Has(r Role) bool { return slices.Contains(h.Roles, r) }

// Serves reports whether the server's program runs on the host, be it as a witness.
func (h Host) Serves() bool { return h.Has(App) || h.Has(Witness) }

// HasProgram reports whether the program runs on the host at all, as a server or for the stream.
func (h Host) HasProgram() bool { return h.Serves() || h.Has(Stream) }

// LoginAddress is the address of the login, if it has one and no name.
func (h Host) LoginAddress() (a netip.Addr, ok bool) {
	_, host, named := strings.Cut(h.Login, "@")
	if !named {
		host = h.Login
	}
	a, err := netip.ParseAddr(host)
	return a.Unmap(), err == nil
}

// Outside is the address at which other machines reach it: its own, unless that is
// loopback.
func (h Host) Outside() netip.Addr {
	if a, ok := h.LoginAddress(); ok && h.Address.IsLoopback() {
		return a
	}
	return h.Address
}

// Topology is a valid hosts file: one app, or a group of replicas, exactly one db, one stream at
// most, and at least one front, or no front and a single app that ends TLS itself.
type Topology struct {
	Hosts []Host // in the file's order
}

// With lists the hosts that have the role, in the file's order.
func (t *Topology) With(r Role) []Host {
	return slices.DeleteFunc(slices.Clone(t.Hosts), func(h Host) bool { return !h.Has(r) })
}

// App is the only host with the role, or the first of the group.
func (t *Topology) App() Host { return t.With(App)[0] }

// DB is the only host with the role.
func (t *Topology) DB() Host { return t.With(DB)[0] }

// Servers are the hosts on which the server's program runs, in the file's order.
func (t *Topology) Servers() []Host {
	return slices.DeleteFunc(slices.Clone(t.Hosts), func(h Host) bool { return !h.Serves() })
}

// IsGroup reports whether the servers are a group of replicas.
func (t *Topology) IsGroup() bool { return len(t.Servers()) > 1 }

// Entrances are the hosts that end TLS, in the file's order: the fronts, or the app.
func (t *Topology) Entrances() []Host {
	return slices.DeleteFunc(slices.Clone(t.Hosts), func(h Host) bool { return !h.Has(Front) && !h.Has(TLS) })
}

// Entrance is the one that the clients come to, and Door where they come in.
func (t *Topology) Entrance() Host { return t.Entrances()[0] }
func (t *Topology) Door() netip.AddrPort {
	const https = 443
	return netip.AddrPortFrom(t.Entrance().Outside(), https)
}

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
	if err := t.check(); err != nil {
		return nil, err
	}
	return t, nil
}

// parse reads NAME LOGIN[:PORT] ADDRESS ROLE[,ROLE...].
func parse(fields []string) (h Host, err error) {
	if len(fields) != 4 {
		return h, fmt.Errorf("has %d words; it needs a name, a login for ssh, an address and roles", len(fields))
	}
	h.Name = fields[0]
	if !isName(h.Name) {
		return h, fmt.Errorf("%q is no name; take letters, digits and inner dashes", h.Name)
	}
	if h.Login, h.Port, err = parseLogin(fields[1]); err != nil {
		return h, fmt.Errorf("%s: %w", h.Name, err)
	}
	if h.Address, err = netip.ParseAddr(fields[2]); err != nil || h.Address.Zone() != "" {
		return h, fmt.Errorf("%s: %q is no IP address; the other hosts need one to reach it", h.Name, fields[2])
	}
	if h.Address = h.Address.Unmap(); h.Address.IsUnspecified() || h.Address.IsMulticast() {
		return h, fmt.Errorf("%s: %s is the address of no host", h.Name, h.Address)
	}
	for word := range strings.SplitSeq(fields[3], ",") {
		role := Role(word)
		if !slices.Contains(Roles(), role) {
			return h, fmt.Errorf("%s: %q is no role; there are front, tls, app, witness, db and stream, with commas and no blanks between them", h.Name, word)
		}
		if !h.Has(role) {
			h.Roles = append(h.Roles, role)
		}
	}
	return h, nil
}

// isName reports whether the name can be a folder and the start of a line as it is.
func isName(s string) bool {
	for i, c := range []byte(s) {
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !word && (c != '-' && c != '.' && c != '_' || i == 0) {
			return false
		}
	}
	return s != ""
}

// parseLogin splits [USER@]HOST[:PORT]. An IPv6 address is in brackets if a port
// follows: isucon@[fd00::1]:22.
func parseLogin(s string) (login string, port uint16, err error) {
	user, host, ok := strings.Cut(s, "@")
	if !ok {
		user, host = "", s
	} else if user += "@"; user == "@" {
		return "", 0, fmt.Errorf("%q has no user before the @", s)
	}
	number := ""
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if host, number, ok = strings.Cut(inner, "]"); !ok || number != "" && number[0] != ':' {
			return "", 0, fmt.Errorf("%q is no login for ssh; write user@[address]:port", s)
		}
	} else if i := strings.IndexByte(host, ':'); i >= 0 && i == strings.LastIndexByte(host, ':') {
		host, number = host[:i], host[i:]
	}
	if host == "" || strings.HasPrefix(s, "-") {
		return "", 0, fmt.Errorf("%q is no login for ssh; write user@address", s)
	}
	if number != "" {
		n, err := strconv.ParseUint(number[1:], 10, 16)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("%q is no port for ssh", number[1:])
		}
		port = uint16(n)
	}
	return user + host, port, nil
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
	if len(t.With(App)) == 0 {
		return errors.New("no host has the role app; give it to one, or to several that are to be a group of replicas")
	}
	if n := len(t.With(DB)); n != 1 {
		return fmt.Errorf("%d hosts have the role db; give it to exactly one", n)
	}
	if n := len(t.With(Stream)); n > 1 {
		return fmt.Errorf("%d hosts have the role stream; give it to one at most", n)
	}
	if err := t.checkGroup(); err != nil {
		return err
	}
	if err := t.checkEntrances(); err != nil {
		return err
	}
	for _, h := range t.Hosts {
		if len(t.Hosts) > 1 && h.Address.IsLoopback() {
			return fmt.Errorf("%s: the other hosts cannot reach it at %s; write its address in the private network", h.Name, h.Address)
		}
		if h.Address.Is6() != t.Hosts[0].Address.Is6() {
			return fmt.Errorf("%s: %s and %s are not of one network; write IPv4 or IPv6 addresses throughout", h.Name, h.Address, t.Hosts[0].Address)
		}
	}
	return nil
}

// checkGroup refuses what is no group of replicas.
func (t *Topology) checkGroup() error {
	for _, h := range t.With(Witness) {
		if h.Has(App) {
			return fmt.Errorf("%s: has the roles app and witness; a host that is lost must be one loss, so give witness to another", h.Name)
		}
	}
	servers := t.Servers()
	var names []string
	for _, h := range servers {
		names = append(names, h.Name)
		if len(servers) > 1 && h.Has(TLS) {
			return fmt.Errorf("%s: has the role tls and is one of a group of replicas; give the role front to a host instead, which finds the server that leads", h.Name)
		}
	}
	if n := len(servers); n%2 == 0 {
		return fmt.Errorf("%s are a group of %d replicas, which survives no more losses than %d; give the role witness to one more host, or take one out",
			strings.Join(names, ", "), n, n-1)
	}
	return nil
}

// checkEntrances is called when there is an app.
func (t *Topology) checkEntrances() error {
	fronts, tls := t.With(Front), t.With(TLS)
	for _, h := range tls {
		if !h.Has(App) {
			return fmt.Errorf("%s: has the role tls and not app; with tls it is the server that ends TLS", h.Name)
		}
	}
	switch {
	case len(fronts) == 0 && len(tls) == 0:
		return fmt.Errorf("no host has the role front; give it to at least one, or tls to the one with the role app")
	case len(fronts) > 0 && len(tls) > 0:
		return fmt.Errorf("%s has the role tls and %s front, which exclude each other: either the server ends TLS, or nginx", tls[0].Name, fronts[0].Name)
	}
	return nil
}
