package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"isuride/tools/ops/fleet/hostscript"
	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// Member is what a server of a group says of itself.
type Member struct {
	Leads bool
	Says  string // one sentence, or why there is none
}

// LookAtMember asks a server of a group.
func LookAtMember(ctx context.Context, r *remote.Remote, h topology.Host) (m Member, err error) {
	text, err := r.LookAsRoot(ctx, h, "ask the server who leads", script("member", "internal", layout.Internal))
	for key, value := range remote.Answers(text) {
		switch key {
		case "leads":
			m.Leads = value == "yes"
		case "says":
			m.Says = value
		}
	}
	return m, err
}

// Leader finds the server that leads its group; ok is false if none does.
func Leader(ctx context.Context, r *remote.Remote, t *topology.Topology) (leader topology.Host, ok bool, err error) {
	servers := t.Servers()
	found := make([]Member, len(servers))
	if err := remote.OnAll(servers, func(i int, h topology.Host) (err error) {
		found[i], err = LookAtMember(ctx, r, h)
		return err
	}); err != nil {
		return leader, false, err
	}
	i := slices.IndexFunc(found, func(m Member) bool { return m.Leads })
	if i < 0 {
		return leader, false, nil
	}
	return servers[i], true, nil
}

// HandOver has the leader make another server the leader, "" for the best, and returns what the
// former one says then.
func HandOver(ctx context.Context, r *remote.Remote, leader topology.Host, to string) (string, error) {
	step := "hand over the leadership"
	if to != "" {
		step += " to " + to
	}
	return r.ChangeAsRoot(ctx, leader, step, script("handover", "to", to, "internal", layout.Internal))
}

// behindLimit is how many events a server may lack and count as caught up: it applies a hundred
// times as many in the time in which leaders change.
const behindLimit = 1000

// CaughtUp waits until the server has what its leader has.
func CaughtUp(ctx context.Context, r *remote.Remote, t *topology.Topology, h topology.Host, wait time.Duration) error {
	if r.DryRun {
		return nil
	}
	leader, err := AwaitLeader(ctx, r, t, wait)
	switch {
	case err != nil:
		return &remote.Error{Host: h.Name, Step: "catch up", Err: err}
	case leader.Name == h.Name:
		return nil
	}
	_, err = r.ChangeAsRoot(ctx, leader, "wait until "+h.Name+" has caught up", script("caughtup", "peer", h.Name, "most", strconv.Itoa(behindLimit),
		"limit", strconv.Itoa(int(wait.Seconds())), "internal", layout.Internal))
	return err
}

// ErrNoLeader says that no server of the group leads.
var ErrNoLeader = errors.New("no server of the group leads; fleet status says what each of them knows")

// AwaitLeader returns who leads, for which there may be nobody for a moment.
func AwaitLeader(ctx context.Context, r *remote.Remote, t *topology.Topology, wait time.Duration) (topology.Host, error) {
	for deadline := time.Now().Add(wait); ; {
		leader, ok, err := Leader(ctx, r, t)
		switch {
		case err != nil || ok:
			return leader, err
		case time.Now().After(deadline):
			return leader, ErrNoLeader
		}
		select {
		case <-time.After(leaderPause):
		case <-ctx.Done():
			return leader, context.Cause(ctx)
		}
	}
}

// leaderPause is the time between two questions who leads; an election takes 0.3 s.
const leaderPause = 300 * time.Millisecond

// oneByOne changes the servers of a group without anybody noticing: the standbys one after the other,
// each only when the one before it has caught up, and the leader last, after it has handed over. If
// nobody leads, as before the first start, there is nobody to wait for, and all are changed at once.
// With skip, a server is left out.
func oneByOne(ctx context.Context, r *remote.Remote, t *topology.Topology, wait time.Duration, skip func(topology.Host) bool,
	change, await func(topology.Host) error) error {
	servers := slices.DeleteFunc(t.Servers(), skip)
	leader, led, err := Leader(ctx, r, t)
	if err != nil {
		return err
	}
	if !led {
		return atOnce(servers, change, await)
	}
	slices.SortStableFunc(servers, func(a, b topology.Host) int {
		return map[bool]int{true: 1}[a.Name == leader.Name] - map[bool]int{true: 1}[b.Name == leader.Name]
	})
	for _, h := range servers {
		if h.Name == leader.Name {
			if _, err := HandOver(ctx, r, leader, ""); err != nil {
				return err
			}
		}
		if err := change(h); err != nil {
			return err
		}
		if err := await(h); err != nil {
			return err
		}
		if err := CaughtUp(ctx, r, t, h, wait); err != nil {
			return err
		}
	}
	return nil
}

func atOnce(hosts []topology.Host, steps ...func(topology.Host) error) error {
	for _, step := range steps {
		for _, h := range hosts {
			if err := step(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// Kinds of data that a host has, see facts.sh.
const (
	alone = "alone" // of a server without replicas
	group = "group" // of a member of a group
)

// CheckData refuses hosts whose data do not fit what is to run on them, before anything is
// touched. founder is the host whose data, of a server alone, the group is to begin with; nil if
// there is none.
func CheckData(t *topology.Topology, facts map[string]Facts) (founder *topology.Host, err error) {
	var lone, members []topology.Host
	for _, h := range t.Hosts {
		switch f := facts[h.Name]; {
		case f.Data == alone || f.Founding:
			lone = append(lone, h)
		case f.Data == group:
			members = append(members, h)
		}
	}
	move := func(h topology.Host) string { return "move " + facts[h.Name].Journal + " away" }
	switch {
	case !t.IsGroup() && len(members) > 0:
		return nil, fmt.Errorf("%s: has the data of a group of replicas, and the hosts file names one server: name the others as well, or %s if they are not needed",
			members[0].Name, move(members[0]))
	case !t.IsGroup():
		return nil, nil
	case len(lone) == 0:
		return nil, errors.Join(sameMembers(t, facts), enoughMembers(t, facts, members))
	case len(lone) > 1:
		return nil, fmt.Errorf("%s and %s both have the data of a server alone, and a group begins with those of one: %s on the host whose data are not needed",
			lone[0].Name, lone[1].Name, move(lone[1]))
	case len(members) > 0 && !facts[lone[0].Name].Founding:
		return nil, fmt.Errorf("%s: has the data of a server alone, and %s those of a group: %s on %s, which then gets a copy",
			lone[0].Name, members[0].Name, move(lone[0]), lone[0].Name)
	case !lone[0].Has(topology.App):
		return nil, fmt.Errorf("%s: has the data of a server alone, and without the role app it would not serve them: give it the role app, or %s",
			lone[0].Name, move(lone[0]))
	}
	return &lone[0], nil
}

// enoughMembers refuses a group most of whose servers have no data: they would begin from nothing, and
// shut the others out.
func enoughMembers(t *topology.Topology, facts map[string]Facts, members []topology.Host) error {
	if n, all := len(members), len(t.Servers()); n > 0 && n <= all/2 {
		folder := facts[members[0].Name].Journal + "/group-0"
		return fmt.Errorf("%s: is one of %d servers with the group's data, out of %d, and those without would begin from nothing: copy %s to one of the others while no server runs",
			members[0].Name, n, all, folder)
	}
	return nil
}

// sameMembers refuses another list of members than that of the group that has run.
func sameMembers(t *topology.Topology, facts map[string]Facts) error {
	var now []string
	for _, h := range t.Servers() {
		now = append(now, h.Name)
	}
	slices.Sort(now)
	for _, h := range t.Servers() {
		before := facts[h.Name].Members
		if slices.Sort(before); len(before) > 0 && facts[h.Name].Data == group && !slices.Equal(before, now) {
			return fmt.Errorf("%s: is one of the group %s, and the hosts file makes it one of %s: the names in a group stay, and a new host for a lost one takes its name",
				h.Name, strings.Join(before, ", "), strings.Join(now, ", "))
		}
	}
	return nil
}

func dataScript(name string, vars ...string) string {
	return hostscript.InstallData(scripts, name, vars...)
}

// found makes the data of a server alone those of all members of the group.
func (c *Change) found(ctx context.Context) error {
	first := *c.Founder
	if _, err := c.ChangeAsRoot(ctx, first, "stop the server, and make its data the first of the group", dataScript("found", "id", c.To)); err != nil {
		return err
	}
	for _, h := range c.Servers() {
		if h.Name == first.Name || c.facts[h.Name].Data == group { // of a deploy that did not get further
			continue
		}
		if err := c.copyData(ctx, first, h); err != nil {
			return err
		}
	}
	return nil
}

// copyData brings the log of the group from one host to another.
func (c *Change) copyData(ctx context.Context, from, to topology.Host) error {
	archive, w := io.Pipe()
	read := make(chan error, 1)
	go func() {
		var err error
		if !c.DryRun {
			err = c.StreamAsRoot(ctx, from, "read the data", dataScript("copydata", "action", "read"), w)
		}
		w.CloseWithError(err)
		read <- err
	}()
	// The script is an argument here, since standard input has the data; it holds no secret.
	command := "bash -c " + remote.Quote("set -euo pipefail\n"+dataScript("copydata", "action", "write"))
	err := c.Send(ctx, to, "copy the data from "+from.Name, remote.AsRoot(command), archive)
	archive.CloseWithError(errors.New("the copy was broken off"))
	if failed := <-read; err == nil {
		err = failed
	}
	return err
}

// unfound makes the data those of a server alone again. Once the group has led there may be changes
// that only it knows, so that nobody goes back.
func (c *Change) unfound(ctx context.Context) error {
	leader, led, err := Leader(ctx, c.Remote, c.Topology)
	switch {
	case err != nil:
		return err
	case led:
		return fmt.Errorf("%s leads the new group already, and a server alone would lack what it has acknowledged", leader.Name)
	}
	for _, h := range c.Servers() {
		if _, err := c.quietly(ctx, h, "make the data those of a server alone again", dataScript("unfound")); err != nil {
			return err
		}
	}
	return nil
}
