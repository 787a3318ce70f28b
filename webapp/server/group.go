package server

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strings"

	"isuride/webapp/engine"
	"isuride/webapp/journal"
	"isuride/webapp/replica"
	"isuride/webapp/sqlstore"
)

// group is what the environment says of a group of replicas.
type group struct {
	self    string
	members []replica.Member
	clients map[string]string // where each takes the requests of the others' clients, by name
	secret  string
}

// leastSecret is the length of the shortest secret, in bytes.
const leastSecret = 16

// group reads the list of replicas; nil for a server alone.
//
// Each is name=PEERS/CLIENTS, both host:port: where it listens for the other servers, and
// where it takes requests that they hand on. A witness has "+witness" behind its addresses, and
// may have no second one.
func (e *environment) group() *group {
	list := e.get("ISURIDE_REPLICAS", "")
	g := &group{self: e.get("ISURIDE_NODE", ""), clients: map[string]string{}, secret: e.secret("ISURIDE_REPLICA_SECRET")}
	switch {
	case list == "" && g.self != "":
		e.fail("ISURIDE_NODE", "is %q, and ISURIDE_REPLICAS names no servers: set both, or none", g.self)
		return nil
	case list == "":
		return nil
	case g.self == "":
		e.fail("ISURIDE_NODE", "is missing: it says which of ISURIDE_REPLICAS this server is")
		return nil
	case len(g.secret) < leastSecret:
		e.fail("ISURIDE_REPLICA_SECRET", "names a file with %d bytes; all servers of ISURIDE_REPLICAS need the same secret of at least %d", len(g.secret), leastSecret)
	}
	peers := g.splitClients(e, list)
	var err error
	if g.members, err = replica.ParseMembers(peers, g.self); err != nil {
		e.fail("ISURIDE_REPLICAS", "does not fit: %v", err)
	}
	return g
}

// secret reads a file of one line, if it is given.
func (e *environment) secret(name string) string {
	path := e.existing(name)
	if path == "" {
		return ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		e.fail(name, "names %q, which cannot be read: %v", path, err)
	}
	return strings.TrimSpace(string(text))
}

// splitClients takes the addresses for clients out of the list.
func (g *group) splitClients(e *environment, list string) (peers string) {
	var parts []string
	for _, part := range strings.Split(list, ",") {
		part = strings.TrimSpace(part)
		part, witness := strings.CutSuffix(part, "+witness")
		peer, client, ok := strings.Cut(part, "/")
		name, _, _ := strings.Cut(peer, "=")
		if _, port, err := net.SplitHostPort(client); ok && (err != nil || port == "") {
			e.fail("ISURIDE_REPLICAS", "has %q for the clients of %s; it must be host:port", client, name)
		}
		if !ok && !witness {
			e.fail("ISURIDE_REPLICAS", "says only where %s listens for the other servers; write %s/host:port with the address for clients", name, peer)
		}
		if client != "" {
			g.clients[name] = client
		}
		if witness {
			peer += "+witness"
		}
		parts = append(parts, peer)
	}
	return strings.Join(parts, ",")
}

// check refuses what replicas cannot promise.
func (g *group) check(e *environment, d journal.Durability) {
	if d == journal.None {
		e.fail("ISURIDE_DURABILITY", "is none, which keeps no journal that ISURIDE_REPLICAS could make equal: choose crash or power")
	}
}

// engine is the part of the engine.
func (g *group) engine(db sqlstore.Config, log *slog.Logger) *engine.Group {
	e := &engine.Group{Self: g.self, Members: g.members, Secret: []byte(g.secret), Shared: db.Dialect == sqlstore.MySQL}
	db.Shared = e.Shared
	e.OpenTables = func(ctx context.Context) (*sqlstore.Store, error) { return sqlstore.Open(ctx, db, log) }
	return e
}
