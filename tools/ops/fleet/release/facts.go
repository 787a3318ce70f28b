package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// Original names what a host had before the first deploy, as if it were a release.
const Original = "original"

// Facts describe what is on a host.
type Facts struct {
	Machine  string   // as uname -m says
	Setup    string   // the fingerprint of the setup that was done, or ""
	Current  string   // ID of the release that runs, or ""
	Previous string   // ID of the one that ran before, or ""
	Phases   []string // that the current release has files of
	Releases []string // all that are complete

	// If a change was broken off, the IDs of the release that it was to, and of the one to
	// go back to.
	Replacing, Replaced string

	// Of the server's data: whose they are, alone, group, or "" for none; their folder, of the
	// journals; and if a group was being founded on them.
	Data     string
	Journal  string
	Founding bool
	// Members are the names of the group that the current release is for, if any.
	Members []string

	Database string // mariadb or mysql, or "" if there is none
	Public   bool   // if there is a front end in webapp/public
	Dump     string // name of the data set in webapp/sql, or ""
}

// Look finds the facts of all hosts, by name.
func Look(ctx context.Context, r *remote.Remote, t *topology.Topology) (map[string]Facts, error) {
	found := make([]Facts, len(t.Hosts))
	err := remote.OnAll(t.Hosts, func(i int, h topology.Host) (err error) {
		found[i], err = LookAt(ctx, r, h)
		return err
	})
	if err != nil {
		return nil, err
	}
	facts := make(map[string]Facts)
	for i, h := range t.Hosts {
		facts[h.Name] = found[i]
	}
	return facts, nil
}

// LookAt finds the facts of one host.
func LookAt(ctx context.Context, r *remote.Remote, h topology.Host) (Facts, error) {
	text, err := r.LookAsRoot(ctx, h, "look around", dataScript("facts"))
	return parseFacts(text), err
}

func parseFacts(text string) (f Facts) {
	for key, value := range remote.Answers(text) {
		switch key {
		case "machine":
			f.Machine = value
		case "setup":
			f.Setup = value
		case "current":
			f.Current = value
		case "replacing":
			f.Replacing = value
		case "replaced":
			f.Replaced = value
		case "previous":
			f.Previous = value
		case "phase":
			f.Phases = append(f.Phases, value)
		case "release":
			f.Releases = append(f.Releases, value)
		case "data":
			f.Data = value
		case "journal":
			f.Journal = value
		case "founding":
			f.Founding = true
		case "member":
			f.Members = append(f.Members, value)
		case "database":
			f.Database = value
		case "public":
			f.Public = true
		case "dump":
			f.Dump = value
		}
	}
	return f
}

// Target is the release to go back to: the one named, or what a change that was broken off
// has replaced, or what ran before. It must be complete on all hosts.
func Target(t *topology.Topology, facts map[string]Facts, named string) (string, error) {
	app := facts[t.App().Name]
	target := cmp.Or(named, app.Replaced, app.Previous)
	if target == "" || target == Original && named == "" {
		return "", errors.New("no release ran before this one; -to names another, and -to original is what was there before the first deploy")
	}
	for _, h := range t.Hosts {
		if !slices.Contains(facts[h.Name].Releases, target) {
			return "", fmt.Errorf("%s: has no release %s; it has %s", h.Name, target, strings.Join(facts[h.Name].Releases, ", "))
		}
	}
	return target, nil
}
