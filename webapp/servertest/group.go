package servertest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/freeport"
	"isuride/webapp/sqlstore"
)

// Group is a group of replicas: three servers with the same configuration, each with a folder
// of its own.
type Group struct {
	T       *testing.T
	Members []*Process

	witness   bool        // the last one keeps only the log
	addresses [][2]string // for the other servers, and for clients, as they really are
	proxies   []*Proxy
}

// NewGroup prepares three servers; configure is called for each.
func NewGroup(t *testing.T, configure func(*Process)) *Group {
	t.Helper()
	return newGroup(&Group{T: t}, configure)
}

// NewGroupWithWitness is NewGroup with two servers that have data, and a witness.
func NewGroupWithWitness(t *testing.T, configure func(*Process)) *Group {
	t.Helper()
	return newGroup(&Group{T: t, witness: true}, configure)
}

func newGroup(g *Group, configure func(*Process)) *Group {
	t := g.T
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("a secret of this test alone"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		g.addresses = append(g.addresses, [2]string{freeport.Address(t), freeport.Address(t)})
	}
	for i := range 3 {
		p := New(t, "ISURIDE_NODE="+name(i), "ISURIDE_REPLICA_SECRET="+secret, "ISURIDE_LISTEN="+g.addresses[i][1], "ISURIDE_REPLICAS="+g.list(i))
		p.Node, p.Witness = name(i), g.witness && i == 2
		configure(p)
		g.Members = append(g.Members, p)
	}
	return g
}

func name(i int) string { return string(rune('a' + i)) }

// list is the group as one member is told: it reaches the others through proxies, which can be cut.
func (g *Group) list(of int) string {
	var list []string
	for i, a := range g.addresses {
		peers := a[0]
		if i != of {
			p := NewProxy(g.T, peers)
			p.from, p.to = of, i
			g.proxies = append(g.proxies, p)
			peers = p.Address
		}
		entry := fmt.Sprintf("%s=%s/%s", name(i), peers, a[1])
		if g.witness && i == 2 {
			entry = fmt.Sprintf("%s=%s+witness", name(i), peers)
		}
		list = append(list, entry)
	}
	return strings.Join(list, ",")
}

// Start starts all servers.
func (g *Group) Start() {
	g.T.Helper()
	for _, p := range g.Members {
		if err := p.Launch(); err != nil {
			g.T.Fatal(err)
		}
	}
	for _, p := range g.Members {
		if err := p.Listening(); err != nil {
			g.T.Fatal(err)
		}
	}
}

// Leader waits until a server leads, among some or all.
func (g *Group) Leader(among ...*Process) (leader *Process) {
	g.T.Helper()
	if len(among) == 0 {
		among = g.Members
	}
	Within(g.T, RideLimit, func() error {
		for _, p := range among {
			if p.Cmd != nil && p.Leads() {
				leader = p
				return nil
			}
		}
		return fmt.Errorf("nobody leads:\n%s", g.logs())
	})
	return leader
}

// Others are the servers but one.
func (g *Group) Others(but *Process) (list []*Process) {
	for _, p := range g.Members {
		if p != but {
			list = append(list, p)
		}
	}
	return list
}

func (g *Group) logs() string {
	var text strings.Builder
	for i, p := range g.Members {
		fmt.Fprintf(&text, "%s:\n%s\n", name(i), p.Output)
		if p.Cmd != nil {
			fmt.Fprintf(&text, "%s says of the group: %s\n", name(i), p.standing())
		}
	}
	return text.String()
}

// standing is what a server says of itself and its group.
func (p *Process) standing() string {
	r, err := impatient.Get(p.Inside + "/metrics")
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	metrics, err := io.ReadAll(r.Body)
	if err != nil {
		return err.Error()
	}
	var text strings.Builder
	for line := range strings.Lines(string(metrics)) {
		if strings.HasPrefix(line, "isuride_replica_") && !strings.Contains(line, "_bucket") {
			text.WriteString(line)
		}
	}
	return text.String()
}

var impatient = &http.Client{Timeout: time.Second}

// Leads asks a server of a group whether it leads.
func (p *Process) Leads() bool {
	leads, err := p.leads()
	return leads && err == nil
}

// Follows says that a server lives, and does not lead its group.
func (p *Process) Follows() bool {
	leads, err := p.leads()
	return !leads && err == nil
}

func (p *Process) leads() (bool, error) {
	r, err := impatient.Get(p.Inside + "/healthz?leader")
	if err != nil {
		return false, err
	}
	r.Body.Close()
	return r.StatusCode == http.StatusOK, nil
}

// Cut parts a server from the others, or joins them again.
func (g *Group) Cut(p *Process, cut bool) {
	g.Deafen(p, cut)
	g.Mute(p, cut)
}

// Deafen has a server hear nothing of the others, or hear them again.
func (g *Group) Deafen(p *Process, deaf bool) {
	for _, proxy := range g.proxies {
		if g.Members[proxy.to] == p {
			proxy.Set(deaf)
		}
	}
}

// Mute has the others hear nothing of a server, or hear it again.
func (g *Group) Mute(p *Process, mute bool) {
	for _, proxy := range g.proxies {
		if g.Members[proxy.from] == p {
			proxy.Set(mute)
		}
	}
}

// Become has a process stand for another one: clients that were made with it call that one. It
// cannot be killed or stopped.
func (p *Process) Become(other *Process) {
	p.URL, p.Inside, p.Output, p.Cmd, p.DB = other.URL, other.Inside, other.Output, other.Cmd, other.DB
	p.HTTP2, p.Node = other.HTTP2, other.Node
}

// MySQL returns a database of the package's own server.
func MySQL(t *testing.T) sqlstore.Config { return mysql.Config(t) }
