// Package setup prepares the hosts of a topology for releases: packages, the user, the
// server's environment, the database's account, and the pair of certificate and key. It
// looks at what is there and adds what is missing, so that it can be repeated, and
// interrupted, at any time.
//
// Secrets are made on the hosts and stay there; from host to host they go through ssh and
// this program's memory. What changes from release to release is package release's.
package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"isuride/tools/ops/fleet/hostscript"
	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

//go:embed *.sh
var scripts embed.FS

func script(name string, vars ...string) string { return hostscript.Install(scripts, name, vars...) }

// Setup prepares hosts.
type Setup struct {
	*remote.Remote
	*layout.Layout
	// Statements make database and account: sql/0-host.sql.template.
	Statements string
}

// Fingerprint changes with all that setup does on the host. A host that has it is ready.
func (s *Setup) Fingerprint(h topology.Host) string {
	hash := sha256.New()
	fmt.Fprintln(hash, s.host(h))
	if h.Serves() {
		fmt.Fprintln(hash, s.environment(h, nil), s.secret(false))
	}
	if h.Has(topology.DB) {
		fmt.Fprintln(hash, s.account("", "", ""))
	}
	if h.Has(topology.Front) || h.Has(topology.TLS) {
		fmt.Fprintln(hash, s.pair(h, false))
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

func (s *Setup) host(h topology.Host) string {
	words := roles(h)
	if h.Has(topology.Front) && len(s.With(topology.Front)) > 1 {
		words = append(words, "spread")
	}
	return script("host", "roles", strings.Join(words, " "))
}

// environment writes that of the server; access is the database's user, name and password as they
// are on another host of the group, nil if this one decides. A witness has no database.
func (s *Setup) environment(h topology.Host, access []string) string {
	host, port := "", ""
	if h.Has(topology.App) {
		at := s.DatabaseAddress()
		host, port = at.Addr().String(), strconv.Itoa(int(at.Port()))
	}
	return script("environment", "host", host, "port", port, "access", strings.Join(access, "\n"))
}

func (s *Setup) account(user, name, password string) string {
	var statements, clients []string
	for _, a := range s.DatabaseClients() {
		fill := strings.NewReplacer("${DB_USER}", user, "${DB_NAME}", name, "${DB_PASSWORD}", password, "${DB_CLIENT}", a.String())
		statements, clients = append(statements, fill.Replace(s.Statements)), append(clients, a.String())
	}
	return script("account", "user", user, "clients", strings.Join(clients, " "), "statements", strings.Join(statements, "\n"))
}

// secret looks after what the servers of a group know each other by. With ensure, a host without it
// makes one. A server alone has none.
func (s *Setup) secret(ensure bool) string {
	if !s.IsGroup() {
		return ""
	}
	word := "no"
	if ensure {
		word = "yes"
	}
	return script("secret", "ensure", word, "file", layout.Secret)
}

// pair looks after certificate and key. With ensure, a host without them takes over a pair
// of another place, or makes one, so that the key is nowhere else.
func (s *Setup) pair(h topology.Host, ensure bool) string {
	word := "no"
	if ensure {
		word = "yes"
	}
	p, other := layout.PairOf(h), layout.OwnCerts
	if p.Dir == other {
		other = layout.CertDir
	}
	return script("certificate", "ensure", word, "names", s.names(), "dir", p.Dir, "other", other, "reader", p.Reader, "effect", string(p.Then)+"."+p.Unit)
}

// Do prepares all hosts.
func (s *Setup) Do(ctx context.Context) error {
	for _, h := range s.Hosts {
		if _, err := s.ChangeAsRoot(ctx, h, "install what is missing, for "+strings.Join(roles(h), ", "), s.host(h)); err != nil {
			return err
		}
	}
	access, err := s.environments(ctx)
	if err != nil {
		return err
	}
	if err := s.secrets(ctx); err != nil {
		return err
	}
	words := append(access, "", "", "") // none in a dry run
	if _, err := s.ChangeAsRoot(ctx, s.DB(), "make the database and its account", s.account(words[0], words[1], words[2])); err != nil {
		return err
	}
	if err := s.certificates(ctx); err != nil {
		return err
	}
	for _, h := range s.Hosts {
		if _, err := s.ChangeAsRoot(ctx, h, "note that the setup is done", script("done", "fingerprint", s.Fingerprint(h))); err != nil {
			return err
		}
	}
	return nil
}

// environments writes those of all servers. The first decides what the others use: they share the
// database's account.
func (s *Setup) environments(ctx context.Context) (access []string, err error) {
	first := s.App()
	for _, h := range append([]topology.Host{first}, s.Servers()...) {
		if h.Name == first.Name && access != nil {
			continue
		}
		said, err := s.ChangeAsRoot(ctx, h, "write "+layout.EnvFile, s.environment(h, access))
		if err != nil {
			return nil, err
		}
		if access == nil {
			access = strings.Split(said, "\n")
		}
	}
	return access, nil
}

// secrets gives all servers of a group the secret of one that has it, or a new one.
func (s *Setup) secrets(ctx context.Context) error {
	if !s.IsGroup() {
		return nil
	}
	servers := s.Servers()
	sums := make([]string, len(servers))
	from := 0
	for i, h := range servers {
		sum, err := s.LookAsRoot(ctx, h, "look for the secret of the group", s.secret(false))
		if err != nil {
			return err
		}
		if sums[i] = sum; sum != "" && sums[from] == "" {
			from = i
		}
	}
	sum, err := s.ChangeAsRoot(ctx, servers[from], "make the secret of the group if there is none", s.secret(true))
	if err != nil {
		return err
	}
	for i, h := range servers {
		if i == from || sums[i] == sum && !s.DryRun {
			continue
		}
		if err := s.copyFiles(ctx, servers[from], h, "the secret of the group", "/etc/isuride", "replica.secret"); err != nil {
			return err
		}
		if s.DryRun {
			continue
		}
		if _, err := s.LookAsRoot(ctx, h, "keep the secret of the group", s.secret(true)); err != nil {
			return err
		}
	}
	return nil
}

func roles(h topology.Host) (words []string) {
	for _, r := range h.Roles {
		words = append(words, string(r))
	}
	return words
}

// certificates gives all hosts that end TLS the pair of the first one.
func (s *Setup) certificates(ctx context.Context) error {
	hosts := s.Entrances()
	first := hosts[0]
	pair, err := s.ChangeAsRoot(ctx, first, "make a certificate if there is none", s.pair(first, true))
	if err != nil {
		return err
	}
	for _, h := range hosts[1:] {
		has, err := s.ChangeAsRoot(ctx, h, "look for a certificate", s.pair(h, false))
		if err != nil {
			return err
		}
		if has != pair || s.DryRun {
			if err := s.copyPair(ctx, first, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// names are what a certificate is for, in the words of openssl.
func (s *Setup) names() string {
	names := []string{"DNS:xiv.isucon.net", "DNS:*.xiv.isucon.net", "DNS:localhost", "IP:127.0.0.1", "IP:::1"}
	for _, h := range s.Entrances() {
		names = append(names, "IP:"+h.Address.String())
		if a, ok := h.LoginAddress(); ok {
			names = append(names, "IP:"+a.String())
		}
	}
	return strings.Join(names, ",")
}

// copyPair brings the pair from one front to another.
func (s *Setup) copyPair(ctx context.Context, from, to topology.Host) error {
	if err := s.copyFiles(ctx, from, to, "the certificate", layout.CertDir, "cert.pem", "key.pem"); err != nil || s.DryRun {
		return err
	}
	_, err := s.LookAsRoot(ctx, to, "copy the certificate from "+from.Name, s.pair(to, false))
	return err
}

// copyFiles brings files of a folder from one host to another, through memory.
func (s *Setup) copyFiles(ctx context.Context, from, to topology.Host, what, dir string, names ...string) error {
	dir = `"${ISURIDE_ROOT-}"` + dir
	var archive bytes.Buffer
	if !s.DryRun {
		if err := s.StreamAsRoot(ctx, from, "read "+what, "tar -c -C "+dir+" "+strings.Join(names, " "), &archive); err != nil {
			return err
		}
	}
	command := "bash -c " + remote.Quote(`umask 077; mkdir -p "$1" && tar -x --no-same-owner -C "$1"`) + " copy " + dir
	return s.Send(ctx, to, "copy "+what+" from "+from.Name, remote.AsRoot(command), &archive)
}
