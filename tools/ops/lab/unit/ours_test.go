package unit_test

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/topology"
	"isuride/tools/ops/lab/unit"
)

// withoutEffect are directives in our units that the stand-in leaves out on purpose: they
// take rights away, or matter only on a host that is short of something.
var withoutEffect = []string{
	"CapabilityBoundingSet", "LockPersonality", "MemoryDenyWriteExecute", "OOMScoreAdjust", "PrivateDevices",
	"ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
	"ProtectProc", "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
	"SystemCallArchitectures", "SystemCallErrorNumber", "SystemCallFilter",
}

// TestOurUnits reads all units and drop-ins that fleet makes: whatever decides how a
// service starts, stops and comes back must be understood.
func TestOurUnits(t *testing.T) {
	for entrance, want := range map[topology.Role]int{topology.Front: 4, topology.TLS: 3} {
		l := &layout.Layout{Database: "mariadb", Project: filepath.Join("..", "..", "..", ".."), Topology: &topology.Topology{Hosts: []topology.Host{{
			Name: "s1", Login: "s1", Address: netip.MustParseAddr("10.77.0.1"), Roles: []topology.Role{entrance, topology.App, topology.DB}}}}}
		files, err := l.Files(l.Hosts[0])
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, f := range files {
			if strings.HasPrefix(f.Path, "/etc/systemd/system/") {
				seen++
				understood(t, f)
			}
		}
		if seen != want {
			t.Errorf("%d unit files seen with the role %s, not %d", seen, entrance, want)
		}
	}
}

func understood(t *testing.T, f layout.File) {
	t.Helper()
	u, err := unit.Parse(f.Unit, f.Content)
	if err != nil {
		t.Errorf("%s: %v", f.Path, err)
		return
	}
	for _, name := range u.Ignored {
		if !slices.Contains(withoutEffect, strings.TrimPrefix(name, "Service.")) {
			t.Errorf("%s: %s is not understood", f.Path, name)
		}
	}
}
