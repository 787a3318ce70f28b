// Package systemctl answers command lines of systemd's systemctl for a supervisor. The
// program that people call only carries the words to PID 1 and the answer back.
//
// It knows the verbs that the project's tools use, and says so about others.
package systemctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"isuride/tools/ops/lab/journal"
	"isuride/tools/ops/lab/supervisor"
	"isuride/tools/ops/lab/unit"
)

// Power is what a command asks of the whole host.
type Power int

const (
	StayOn Power = iota
	Reboot
	PowerOff
)

// Answer is what the caller prints and returns.
type Answer struct {
	Out, Complaints string
	Exit            int
	Power           Power `json:"-"`
}

// Server answers.
type Server struct {
	Supervisor *supervisor.Supervisor
	Journal    string        // folder, for the last lines in status
	Booted     chan struct{} // closed when the boot is through
}

// Exit statuses, as systemd's and LSB's.
const (
	failed      = 1
	notActive   = 3
	notFound    = 4
	accessLevel = 4
)

// call is one command line being answered.
type call struct {
	*Server
	ctx     context.Context
	options options
	args    []string // after the verb
	out     bytes.Buffer
	errs    bytes.Buffer
	exit    int
	power   Power
}

// verb is a word that systemctl knows. Those that change something are root's.
type verb struct {
	do      func(*call)
	changes bool
}

var verbs = map[string]verb{
	"daemon-reload":         {(*call).daemonReload, true},
	"start":                 {(*call).start, true},
	"stop":                  {(*call).stop, true},
	"restart":               {(*call).restart, true},
	"reload":                {(*call).reload, true},
	"try-restart":           {(*call).tryRestart, true},
	"reload-or-restart":     {(*call).reloadOrRestart, true},
	"try-reload-or-restart": {(*call).tryReloadOrRestart, true},
	"kill":                  {(*call).kill, true},
	"enable":                {(*call).enable, true},
	"disable":               {(*call).disable, true},
	"reset-failed":          {(*call).resetFailed, true},
	"set-environment":       {(*call).setEnvironment, true},
	"unset-environment":     {(*call).unsetEnvironment, true},
	"reboot":                {func(c *call) { c.power = Reboot }, true},
	"poweroff":              {func(c *call) { c.power = PowerOff }, true},
	"is-active":             {(*call).isActive, false},
	"is-failed":             {(*call).isFailed, false},
	"is-enabled":            {(*call).isEnabled, false},
	"is-system-running":     {(*call).isSystemRunning, false},
	"show":                  {(*call).show, false},
	"status":                {(*call).status, false},
	"list-units":            {(*call).listUnits, false},
}

// Answer does what the words, without the program's name, ask for.
func (s *Server) Answer(ctx context.Context, args []string, root bool) Answer {
	c := &call{Server: s, ctx: ctx}
	words, err := c.options.parse(args)
	if err != nil {
		return Answer{Complaints: err.Error() + "\n", Exit: failed}
	}
	name := "list-units"
	if len(words) > 0 {
		name, c.args = words[0], words[1:]
	}
	v, ok := verbs[name]
	switch {
	case !ok:
		c.fail(failed, "Unknown command verb '%s' (of those the laboratory knows).", name)
	case v.changes && !root:
		c.fail(accessLevel, "Failed to %s: Interactive authentication required.", strings.Join(words, " "))
	default:
		v.do(c)
	}
	a := Answer{Out: c.out.String(), Complaints: c.errs.String(), Exit: c.exit, Power: c.power}
	if c.options.quiet {
		a.Out = ""
	}
	return a
}

func (c *call) fail(exit int, format string, args ...any) {
	fmt.Fprintf(&c.errs, format+"\n", args...)
	c.exit = exit
}

// units are the arguments with .service at names that have no kind.
func (c *call) units() []string {
	var units []string
	for _, name := range c.args {
		units = append(units, full(name))
	}
	return units
}

func full(name string) string {
	switch filepath.Ext(name) {
	case ".service", ".target", ".socket", ".timer":
		return name
	}
	return name + ".service"
}

// unknown is systemctl's sentence about a unit that cannot be read.
func unknown(verb, name string, err error) (string, int) {
	switch {
	case errors.Is(err, unit.ErrNotFound) && verb == "":
		return fmt.Sprintf("Unit %s could not be found.", name), notFound
	case errors.Is(err, unit.ErrNotFound):
		return fmt.Sprintf("Failed to %s %s: Unit %s not found.", verb, name, name), 5
	case errors.Is(err, unit.ErrMasked):
		return fmt.Sprintf("Failed to %s %s: Unit %s is masked.", verb, name, name), failed
	}
	return fmt.Sprintf("Failed to %s %s: Unit %s has a bad unit file setting: %v", verb, name, name, err), failed
}

// each does something with each unit, and goes on after a failure.
func (c *call) each(verb string, do func(name string) error) {
	if len(c.args) == 0 {
		c.fail(failed, "Too few arguments.")
	}
	for _, name := range c.units() {
		if _, err := c.Supervisor.Snapshot(name); err != nil {
			text, exit := unknown(verb, name, err)
			c.fail(exit, "%s", text)
			continue
		}
		if err := do(name); err != nil {
			c.fail(failed, "%v", err)
		}
	}
}

func (c *call) daemonReload() {
	if err := c.Supervisor.Reread(); err != nil {
		c.fail(failed, "%v", err)
	}
}

func (c *call) start() {
	if c.options.noBlock {
		go c.Supervisor.Start(context.WithoutCancel(c.ctx), c.units()...)
		return
	}
	c.each("start", func(name string) error { return c.Supervisor.Start(c.ctx, name) })
}

func (c *call) stop() {
	c.each("stop", func(name string) error { return c.Supervisor.Stop(c.ctx, name) })
}

func (c *call) restart() {
	if c.options.noBlock {
		go c.Supervisor.Restart(context.WithoutCancel(c.ctx), c.units()...)
		return
	}
	c.each("restart", func(name string) error { return c.Supervisor.Restart(c.ctx, name) })
}

func (c *call) reload() {
	c.each("reload", func(name string) error { return c.Supervisor.Reload(c.ctx, name) })
}

func (c *call) active(name string) bool {
	s, err := c.Supervisor.Snapshot(name)
	return err == nil && s.Active == supervisor.Running
}

func (c *call) tryRestart() {
	c.each("restart", func(name string) error {
		if !c.active(name) {
			return nil
		}
		return c.Supervisor.Restart(c.ctx, name)
	})
}

func (c *call) reloadOrRestart() {
	c.each("reload", c.reloadIfPossible)
}

func (c *call) tryReloadOrRestart() {
	c.each("reload", func(name string) error {
		if !c.active(name) {
			return nil
		}
		return c.reloadIfPossible(name)
	})
}

func (c *call) reloadIfPossible(name string) error {
	s, err := c.Supervisor.Snapshot(name)
	if err == nil && s.Active == supervisor.Running && len(s.Unit.Service.Reload) > 0 {
		return c.Supervisor.Reload(c.ctx, name)
	}
	return c.Supervisor.Restart(c.ctx, name)
}

func (c *call) kill() {
	how := supervisor.Signal{Number: syscall.SIGTERM, MainOnly: c.options.killWhom == "main"}
	if c.options.signal != "" {
		n, err := unit.ParseSignal(c.options.signal)
		if err != nil {
			c.fail(failed, "Failed to parse signal string %s.", c.options.signal)
			return
		}
		how.Number = n
	}
	c.each("kill", func(name string) error { return c.Supervisor.Kill(name, how) })
}

func (c *call) enable() {
	c.each("enable", func(name string) error {
		if err := c.Supervisor.Enable(name); err != nil {
			return err
		}
		if c.options.now {
			return c.Supervisor.Start(c.ctx, name)
		}
		return nil
	})
}

func (c *call) disable() {
	c.each("disable", func(name string) error {
		if err := c.Supervisor.Disable(name); err != nil {
			return err
		}
		if c.options.now {
			return c.Supervisor.Stop(c.ctx, name)
		}
		return nil
	})
}

func (c *call) resetFailed() {
	if len(c.args) == 0 {
		_ = c.Supervisor.ResetFailed()
		return
	}
	c.each("reset-failed", func(name string) error { return c.Supervisor.ResetFailed(name) })
}

func (c *call) setEnvironment()   { c.Supervisor.SetEnvironment(c.args...) }
func (c *call) unsetEnvironment() { c.Supervisor.UnsetEnvironment(c.args...) }

// state is the word that is-active prints; a unit without file is inactive.
func (c *call) state(name string) string {
	s, err := c.Supervisor.Snapshot(name)
	if err != nil {
		return string(supervisor.Inactive)
	}
	return string(s.Active)
}

// isActive succeeds if one of the units is.
func (c *call) isActive() {
	c.exit = notActive
	for _, name := range c.units() {
		state := c.state(name)
		fmt.Fprintln(&c.out, state)
		if state == string(supervisor.Running) || state == string(supervisor.Reloading) {
			c.exit = 0
		}
	}
}

func (c *call) isFailed() {
	c.exit = failed
	for _, name := range c.units() {
		state := c.state(name)
		fmt.Fprintln(&c.out, state)
		if state == string(supervisor.Failed) {
			c.exit = 0
		}
	}
}

func (c *call) isEnabled() {
	for _, name := range c.units() {
		state, err := c.Supervisor.FileState(name)
		if err != nil {
			c.fail(failed, "Failed to get unit file state for %s: No such file or directory", name)
			continue
		}
		fmt.Fprintln(&c.out, state)
		if state == "disabled" || state == "masked" {
			c.exit = failed
		}
	}
}

func (c *call) isSystemRunning() {
	state := "running"
	for _, s := range c.Supervisor.Snapshots() {
		if s.Active == supervisor.Failed {
			state = "degraded"
		}
	}
	select {
	case <-c.Booted:
	default:
		state = "starting"
	}
	fmt.Fprintln(&c.out, state)
	if state != "running" {
		c.exit = failed
	}
}

func (c *call) status() {
	for _, name := range c.units() {
		s, err := c.Supervisor.Snapshot(name)
		if err != nil {
			text, exit := unknown("", name, err)
			c.fail(exit, "%s", text)
			continue
		}
		c.statusOf(s)
		if s.Active != supervisor.Running {
			c.exit = notActive
		}
	}
}

func (c *call) statusOf(s supervisor.Snapshot) {
	file, _ := c.Supervisor.FileState(s.Unit.Name)
	fmt.Fprintf(&c.out, "● %s - %s\n", s.Unit.Name, s.Unit.Description)
	fmt.Fprintf(&c.out, "     Loaded: loaded (%s; %s)\n", s.Unit.Path, file)
	fmt.Fprintf(&c.out, "     Active: %s (%s) since %s\n", s.Active, s.Sub, s.Since.Format("Mon 2006-01-02 15:04:05 MST"))
	if s.Main != 0 {
		fmt.Fprintf(&c.out, "   Main PID: %d\n", s.Main)
	} else if s.Ended {
		fmt.Fprintf(&c.out, "   Main PID: %d (%s)\n", s.LastMain, supervisor.Describe(s.Exit))
	}
	if s.Status != "" {
		fmt.Fprintf(&c.out, "     Status: %q\n", s.Status)
	}
	now := time.Now()
	entries, err := journal.Read(c.Journal, []string{s.Unit.Name}, time.Time{}, now)
	if err != nil {
		return
	}
	fmt.Fprintln(&c.out)
	for _, e := range entries[max(0, len(entries)-10):] {
		fmt.Fprintf(&c.out, "%s %s: %s\n", e.Time.Local().Format("Jan 02 15:04:05"), e.Speaker, e.Text)
	}
}

func (c *call) listUnits() {
	for _, s := range c.Supervisor.Snapshots() {
		if len(c.options.states) > 0 {
			if !slices.Contains(c.options.states, string(s.Active)) && !slices.Contains(c.options.states, s.Sub) {
				continue
			}
		} else if s.Active == supervisor.Inactive && !c.options.all {
			continue
		}
		fmt.Fprintf(&c.out, "  %s loaded %s %s %s\n", s.Unit.Name, s.Active, s.Sub, s.Unit.Description)
	}
}
