package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"isuride/tools/ops/fleet/topology"
)

// services checks the units, and that each may have the files open that it needs.
func services(e *examination) {
	for _, key := range e.facts.under("unit.") {
		unit, ok := strings.CutSuffix(key, ".active")
		if !ok {
			continue
		}
		fact := func(name string) string { return e.facts["unit."+unit+"."+name] }
		e.demand(unit, fact("active") == "active", Bad, cmp.Or(fact("active"), "not known"), "journalctl -u "+unit+" -n 50; then sudo systemctl start "+unit)
		e.demand(unit+" at boot", fact("enabled") == "enabled", Bad, cmp.Or(fact("enabled"), "not known"), "sudo systemctl enable "+unit)
		if n, ok := e.facts.number("unit." + unit + ".restarts"); ok && n > 0 {
			e.add(unit+" restarts", Warning, fmt.Sprintf("%.0f since it was started", n), "it fails now and then: fleet logs")
		}
		if need := e.files(unit); need > 0 && fact("active") == "active" {
			e.least(unit+" open files", "unit."+unit+".nofile", float64(need), Bad, "LimitNOFILE in a drop-in of the unit; "+again)
		}
	}
}

// files is the number of files a service must be able to open, 0 for few. A client costs the server
// one and a front two, its own connection and that to the server. A front that spreads
// connections over all fronts has each of them twice more.
func (e *examination) files(unit string) int {
	const spare = 1000
	switch unit {
	case "isuride-go.service":
		return e.Clients + spare
	case "nginx.service":
		if fronts := e.With(topology.Front); len(fronts) > 1 && fronts[0].Name == e.host.Name {
			return 4*e.Clients + spare
		}
		return 2*e.Clients + spare
	}
	return 0
}

// listeners checks that nothing listens where strangers could come.
func listeners(e *examination) {
	for _, key := range e.facts.under("listen.") {
		word, program, _ := strings.Cut(e.facts["listen."+key], " ")
		at := strings.LastIndex(word, ":")
		if at < 0 {
			continue
		}
		address, port := strings.Trim(word[:at], "[]"), word[at+1:]
		address, _, _ = strings.Cut(address, "%") // an interface
		name := cmp.Or(program, "something") + " on " + word
		switch {
		case port == "8081" && program != "nginx":
			e.demand("internal listener", loopback(address), Bad, name, "set ISURIDE_INTERNAL=127.0.0.1:8081 in /home/isucon/env.sh; metrics and profiles are nobody else's")
		case port == "8080" && program != "nginx":
			e.demand("server's listener", e.private(address), Bad, name, "set ISURIDE_LISTEN in /home/isucon/env.sh to the address of the hosts file; only fronts should reach it")
		case strings.HasPrefix(program, "mariadbd") || strings.HasPrefix(program, "mysqld"):
			e.demand("database's listener", e.private(address), Bad, name, "set bind-address to the address of the hosts file; only the server should reach it")
		}
	}
}

func loopback(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && a.Unmap().IsLoopback()
}

// private reports whether only this host or the others use the address.
func (e *examination) private(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && (a.Unmap().IsLoopback() || a.Unmap() == e.host.Address)
}

// healthy ends the answer of a healthy server: its status.
const healthy = " 200"

// server checks the application itself.
func server(e *examination) {
	health := e.facts["server.health"]
	e.demand("health", strings.HasSuffix(health, healthy), Bad, cmp.Or(health, "not known"), "fleet logs shows why; 127.0.0.1:8081 is ISURIDE_INTERNAL")
	release(e)
	if e.facts["server.connections_max"] != "" {
		e.least("connections", "server.connections_max", float64(e.Clients), Warning, "the server derives it from its file limit: LimitNOFILE in isuride-go.service")
	}
	mode := e.facts["env.mode"]
	permissions, _, _ := strings.Cut(mode, " ")
	e.demand("env.sh", strings.HasSuffix(permissions, "0"), Bad, cmp.Or(mode, "missing"), "it has a password: sudo chmod 640 /home/isucon/env.sh; fleet setup makes a missing one")
	databaseReachable(e)
}

// databaseReachable takes the server's word for it when there is no connection at the
// moment; it opens them as it needs them.
func databaseReachable(e *examination) {
	if e.facts["server.running"] == "" {
		return
	}
	n, _ := e.facts.number("server.database")
	e.demand("database reachable", n > 0 || strings.HasSuffix(e.facts["server.health"], healthy), Bad,
		fmt.Sprintf("%s:%s, %.0f connections", e.facts["env.ISUCON_DB_HOST"], e.facts["env.ISUCON_DB_PORT"], n),
		"see the db host's bind-address and firewall, and the host part of the account isucon")
}

// release checks that the server is that of the release that was deployed last.
func release(e *examination) {
	running, deployed := e.facts["server.running"], e.facts["server.deployed"]
	if running == "" {
		return // which is a finding about its unit
	}
	same := strings.HasPrefix(running, deployed+"/") && !strings.HasSuffix(running, " (deleted)")
	e.demand("release", same, Warning, running+", revision "+cmp.Or(e.facts["server.revision"], "not known"),
		"what runs is not what was deployed, "+cmp.Or(deployed, "nothing")+": fleet restart")
}
