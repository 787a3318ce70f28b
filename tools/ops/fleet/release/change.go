package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// keep is the number of releases that stay on a host.
const keep = 5

// undoLimit bounds how long putting things back may take: a stop that writes all to the
// database, and a start.
const undoLimit = 5 * time.Minute

// Change is the step from one release to another on all hosts.
type Change struct {
	*remote.Remote
	*layout.Layout
	Out io.Writer
	// To is the release to run.
	To string
	// Back has the release to go back to, by host: an ID or Original.
	Back map[string]string
	// From has the releases with files in place, by host: Back, and the one that a change
	// that was broken off has brought.
	From map[string][]string
	// Phases are those that Back has files of, by host.
	Phases map[string][]string
	// Wait is the time services may take to become healthy.
	Wait time.Duration
	// Founder is the host whose data, of a server alone, a group begins with; nil for none. See
	// CheckData.
	Founder *topology.Host

	facts   map[string]Facts
	touched []topology.Host // servers of a group that were made to run To, or may have been, in that order
}

// NewChange goes from what the facts say to the release.
func NewChange(r *remote.Remote, l *layout.Layout, out io.Writer, facts map[string]Facts, to string, wait time.Duration) *Change {
	c := &Change{
		Remote: r, Layout: l, Out: out, To: to, Wait: wait,
		Back: make(map[string]string), From: make(map[string][]string), Phases: make(map[string][]string),
		facts: facts,
	}
	for name, f := range facts {
		c.Back[name] = cmp.Or(f.Replaced, f.Current, Original)
		c.From[name] = []string{c.Back[name]}
		if f.Replacing != "" {
			c.From[name] = append(c.From[name], f.Replacing)
		}
		c.Phases[name] = f.Phases
	}
	return c
}

// Prepare keeps what the change would overwrite and nobody has kept, and asks nginx what
// it thinks of its configuration.
func (c *Change) Prepare(ctx context.Context) error {
	for _, h := range c.Hosts {
		if _, err := c.quietly(ctx, h, "keep what was there before the first deploy", script("capture", "id", c.To)); err != nil {
			return err
		}
	}
	for _, h := range c.With(topology.Front) {
		if _, err := c.ChangeAsRoot(ctx, h, "check nginx's configuration", script("check", "id", c.To)); err != nil {
			return err
		}
	}
	return nil
}

// Do makes the change, phase by phase, and undoes it if something fails or does not become
// healthy, or ctx ends.
func (c *Change) Do(ctx context.Context) error {
	err := c.run(ctx)
	if err == nil {
		return c.commit(context.WithoutCancel(ctx)) // on all hosts or none
	}
	if c.again() {
		return fmt.Errorf("%w; this release ran before already, so there is nothing to go back to", err)
	}
	calm, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	c.showLog(calm)
	fmt.Fprintln(c.Out, "fleet: undoing the change:", err)
	if undone := c.undo(calm); undone != nil {
		return fmt.Errorf("%w; undoing it failed, too: %w; mend that and deploy again", err, undone)
	}
	return fmt.Errorf("%w; the change is undone, what ran before runs again", err)
}

func (c *Change) run(ctx context.Context) error {
	for _, p := range layout.Phases() {
		if p == layout.App && c.IsGroup() {
			if err := c.runGroup(ctx); err != nil {
				return err
			}
			continue
		}
		for _, h := range c.Hosts {
			if err := c.activate(ctx, h, p, c.To, c.From[h.Name]...); err != nil {
				return err
			}
		}
		for _, h := range c.Hosts {
			if err := c.await(ctx, h, p, c.To); err != nil {
				return err
			}
		}
	}
	return nil
}

// runGroup is the phase of the servers of a group.
func (c *Change) runGroup(ctx context.Context) error {
	change := func(h topology.Host) error {
		c.touched = append(c.touched, h)
		return c.activate(ctx, h, layout.App, c.To, c.From[h.Name]...)
	}
	await := func(h topology.Host) error { return c.await(ctx, h, layout.App, c.To) }
	if c.Founder != nil {
		if err := c.found(ctx); err != nil {
			return err
		}
	}
	if err := atOnce(c.others(), change); err != nil {
		return err
	}
	return oneByOne(ctx, c.Remote, c.Topology, c.Wait, func(topology.Host) bool { return false }, change, await)
}

// undoGroup goes back in the same way, on the servers that were changed.
func (c *Change) undoGroup(ctx context.Context) error {
	change := func(h topology.Host) error { return c.activate(ctx, h, layout.App, c.Back[h.Name], c.To) }
	await := func(h topology.Host) error { return c.await(ctx, h, layout.App, c.Back[h.Name]) }
	if c.Founder != nil {
		if err := c.unfound(ctx); err != nil {
			return err
		}
		return atOnce(c.Hosts, change, func(h topology.Host) error {
			if !c.wasServer(h) {
				return nil
			}
			return await(h)
		})
	}
	if err := atOnce(c.others(), change); err != nil {
		return err
	}
	untouched := func(h topology.Host) bool {
		return !slices.ContainsFunc(c.touched, func(t topology.Host) bool { return t.Name == h.Name })
	}
	return oneByOne(ctx, c.Remote, c.Topology, c.Wait, untouched, change, await)
}

// wasServer reports whether the server ran on the host before the group was founded.
func (c *Change) wasServer(h topology.Host) bool { return h.Name == c.Founder.Name }

// others are the hosts without the server, from which an earlier one may have to go.
func (c *Change) others() []topology.Host {
	return slices.DeleteFunc(slices.Clone(c.Hosts), topology.Host.Serves)
}

// again reports whether no host changes its release.
func (c *Change) again() bool {
	for _, back := range c.Back {
		if back != c.To {
			return false
		}
	}
	return true
}

// undo goes back, from wherever the change was left, on all hosts that can be reached.
func (c *Change) undo(ctx context.Context) error {
	failed := make(map[string]error)
	do := func(h topology.Host, step func() error) {
		if failed[h.Name] == nil {
			failed[h.Name] = step()
		}
	}
	for _, p := range layout.Phases() {
		if p == layout.App && c.IsGroup() {
			if err := c.undoGroup(ctx); err != nil {
				return errors.Join(c.sentence(failed), err)
			}
			continue
		}
		for _, h := range c.Hosts {
			do(h, func() error { return c.activate(ctx, h, p, c.Back[h.Name], c.To) })
		}
		for _, h := range c.Hosts {
			do(h, func() error { return c.await(ctx, h, p, c.Back[h.Name]) })
		}
	}
	for _, h := range c.Hosts {
		do(h, func() error {
			_, err := c.quietly(ctx, h, "note the undo", script("undone"))
			return err
		})
	}
	return c.sentence(failed)
}

// sentence makes one error of those of the hosts, in one line.
func (c *Change) sentence(failed map[string]error) error {
	var parts []string
	for _, h := range c.Hosts {
		if err := failed[h.Name]; err != nil {
			parts = append(parts, err.Error())
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return errors.New(strings.Join(parts, "; "))
}

// activate makes a phase of the release count on the host, also where the host has no
// role in it any more.
func (c *Change) activate(ctx context.Context, h topology.Host, p layout.Phase, to string, from ...string) error {
	if !p.On(h) && !slices.Contains(c.Phases[h.Name], string(p)) && len(c.From[h.Name]) == 1 {
		return nil
	}
	link := "no"
	if p == layout.App || p == layout.Kernel && !h.Serves() {
		link = "yes"
	}
	step := fmt.Sprintf("change over to %s: %s", to, p)
	_, err := c.ChangeAsRoot(ctx, h, step, script("activate", "id", to, "from", strings.Join(from, " "), "phase", string(p), "link", link))
	return err
}

// quietly makes a change that is not worth a line of output.
func (c *Change) quietly(ctx context.Context, h topology.Host, step, text string) (string, error) {
	if c.DryRun {
		return "", nil
	}
	return c.LookAsRoot(ctx, h, step, text)
}

// await waits until what the phase has started on the host is healthy. What a host had
// before the first deploy is not known well enough to say when it is.
func (c *Change) await(ctx context.Context, h topology.Host, p layout.Phase, id string) error {
	if !p.On(h) || id == Original {
		return nil
	}
	return AwaitHealth(ctx, c.Remote, c.Layout, h, p, id, c.Wait)
}

// AwaitHealth waits until the host does what the phase is about. id is the release that
// the server must be of, "" for any.
func AwaitHealth(ctx context.Context, r *remote.Remote, l *layout.Layout, h topology.Host, p layout.Phase, id string, limit time.Duration) error {
	seconds := strconv.Itoa(int(limit.Seconds()))
	var err error
	switch p {
	case layout.App:
		_, err = r.ChangeAsRoot(ctx, h, "wait for the server", script("server", "id", id, "limit", seconds, "internal", layout.Internal))
	case layout.Front:
		step := "wait for nginx"
		if h.Has(topology.TLS) {
			step = "wait for TLS"
		}
		_, err = r.ChangeAsRoot(ctx, h, step, script("front", "probe", strings.Join(l.Probe(h), "\n"), "limit", seconds))
	case layout.Stream:
		_, err = r.ChangeAsRoot(ctx, h, "wait for the sink", script("sink", "limit", seconds, "internal", layout.SinkInternal))
	}
	return err
}

// showLog prints the end of the server's log.
func (c *Change) showLog(ctx context.Context) {
	if c.DryRun {
		return
	}
	h := c.App()
	if n := len(c.touched); n > 0 {
		h = c.touched[n-1] // which has failed
	}
	text, err := c.LookAsRoot(ctx, h, "read the server's log", script("log"))
	if err != nil || text == "" {
		return
	}
	fmt.Fprintf(c.Out, "the end of the server's log on %s:\n", h.Name)
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintln(c.Out, "    "+line)
	}
}

// commit confirms the release, and so makes it what a rollback of a later one goes back to.
func (c *Change) commit(ctx context.Context) error {
	failed := make(map[string]error)
	for _, h := range c.Hosts {
		_, failed[h.Name] = c.quietly(ctx, h, "confirm the release", script("commit", "id", c.To, "keep", strconv.Itoa(keep)))
	}
	return c.sentence(failed)
}
