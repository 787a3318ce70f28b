// Package supervisor runs services from systemd's unit files, as PID 1 of a host in the
// laboratory: it starts them in order, restarts them by their policy, stops them with
// their signal, collects what has no parent, and keeps what they say in a journal.
//
// It has no control groups: the processes of a service are those in sessions that the
// service began, and those that carry its invocation id in their environment. Of the
// hardening it knows what makes services fail: files and rights that they do not have.
// Package unit reads the files, package systemctl talks to people.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"isuride/tools/ops/lab/journal"
	"isuride/tools/ops/lab/unit"
)

// Config says where things are. Tests put them below a folder of their own.
type Config struct {
	Units   []string // folders of unit files; an earlier one hides a later one. Links of enabled units are in the first
	Runtime string   // RuntimeDirectory= is below it, and the sockets of sd_notify
	State   string   // StateDirectory=
	Cache   string
	Logs    string
	Journal *journal.Journal
	Helper  []string // a command that calls Launch
}

// Supervisor has any number of services. Its methods may be called at the same time.
type Supervisor struct {
	Config
	reaper *reaper

	mu       sync.Mutex
	services map[string]*service // by the name of their unit
	env      []string            // of systemctl set-environment
}

// New takes over all children of this process, until Close.
func New(c Config) *Supervisor {
	return &Supervisor{Config: c, reaper: newReaper(), services: map[string]*service{}}
}

// Close gives the children of this process up. Services should have been stopped.
func (s *Supervisor) Close() { s.reaper.close() }

// MultiUser is the target that a boot reaches.
const MultiUser = "multi-user.target"

// Boot starts what is enabled, and returns when all of it has started or failed.
func (s *Supervisor) Boot(ctx context.Context) error {
	return s.Start(ctx, s.wantedBy(MultiUser)...)
}

func (s *Supervisor) wantedBy(target string) []string {
	var names []string
	for _, kind := range []string{".wants", ".requires"} {
		links, _ := filepath.Glob(filepath.Join(s.Units[0], target+kind, "*.service"))
		for _, link := range links {
			names = append(names, filepath.Base(link))
		}
	}
	return names
}

// service gives the service of that name; its unit is read when it is not known yet.
func (s *Supervisor) service(name string) (*service, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.services[name]; v != nil {
		return v, nil
	}
	u, err := unit.Load(s.Units, name)
	if err != nil {
		return nil, err
	}
	if v := s.services[u.Name]; v != nil { // name is an alias
		return v, nil
	}
	v := newService(s, u)
	s.services[u.Name] = v
	return v, nil
}

// Reread takes over changed unit files (daemon-reload). Services that run are not
// touched; one whose file is gone stays as it was.
func (s *Supervisor) Reread() error {
	var errs []error
	for _, v := range s.all() {
		u, err := unit.Load(s.Units, v.name)
		if errors.Is(err, unit.ErrNotFound) {
			s.forget(v)
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		v.replace(u)
	}
	return errors.Join(errs...)
}

// forget drops a service without file, unless it runs.
func (s *Supervisor) forget(v *service) {
	if v.Snapshot().Active == Inactive {
		s.mu.Lock()
		delete(s.services, v.name)
		s.mu.Unlock()
	}
}

func (s *Supervisor) all() []*service {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*service, 0, len(s.services))
	for _, v := range s.services {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b *service) int { return strings.Compare(a.name, b.name) })
	return all
}

// Start starts services and what they need, in the order that the units ask for.
func (s *Supervisor) Start(ctx context.Context, names ...string) error {
	t := &transaction{jobs: map[string]*job{}}
	var errs []error
	for _, name := range names {
		if err := t.add(s, name); err != nil {
			errs = append(errs, err)
		}
	}
	t.order()
	errs = append(errs, t.run(ctx, func(j *job) error { return j.service.start(ctx, true) }))
	return errors.Join(errs...)
}

// Stop stops services, and before them those that require them.
func (s *Supervisor) Stop(ctx context.Context, names ...string) error {
	t := &transaction{jobs: map[string]*job{}}
	for _, name := range names {
		v, err := s.service(name)
		if err != nil {
			return err
		}
		t.addStop(v)
		for _, other := range s.all() {
			if slices.Contains(other.current().Requires, v.name) {
				t.addStop(other)
			}
		}
	}
	t.order()
	t.reverse()
	return t.run(ctx, func(j *job) error { return j.service.stop(ctx) })
}

// Restart stops and starts services.
func (s *Supervisor) Restart(ctx context.Context, names ...string) error {
	if err := s.Stop(ctx, names...); err != nil {
		return err
	}
	return s.Start(ctx, names...)
}

// Reload makes a service read its settings again.
func (s *Supervisor) Reload(ctx context.Context, name string) error {
	v, err := s.service(name)
	if err != nil {
		return err
	}
	return v.reload(ctx)
}

// Shutdown stops everything that runs.
func (s *Supervisor) Shutdown(ctx context.Context) error {
	var names []string
	for _, v := range s.all() {
		names = append(names, v.name)
	}
	return s.Stop(ctx, names...)
}

// ResetFailed forgets failures and counted starts.
func (s *Supervisor) ResetFailed(names ...string) error {
	if len(names) == 0 {
		for _, v := range s.all() {
			v.resetFailed()
		}
	}
	for _, name := range names {
		v, err := s.service(name)
		if err != nil {
			return err
		}
		v.resetFailed()
	}
	return nil
}

// SetEnvironment adds variables, KEY=value, to those of all services from now on.
func (s *Supervisor) SetEnvironment(env ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.env = append(slices.Clip(s.env), env...)
}

// UnsetEnvironment takes variables back.
func (s *Supervisor) UnsetEnvironment(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.env = slices.DeleteFunc(slices.Clone(s.env), func(pair string) bool {
		key, _, _ := strings.Cut(pair, "=")
		return slices.Contains(names, key)
	})
}

func (s *Supervisor) environment() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.env
}

// Snapshot tells about a service. It fails for a unit that cannot be read.
func (s *Supervisor) Snapshot(name string) (Snapshot, error) {
	v, err := s.service(name)
	if err != nil {
		return Snapshot{}, err
	}
	return v.Snapshot(), nil
}

// Snapshots tells about all services known.
func (s *Supervisor) Snapshots() []Snapshot {
	var all []Snapshot
	for _, v := range s.all() {
		all = append(all, v.Snapshot())
	}
	return all
}

// Kill sends a signal to a service's processes.
func (s *Supervisor) Kill(name string, how Signal) error {
	v, err := s.service(name)
	if err != nil {
		return err
	}
	return v.kill(how)
}

// Enable makes services start at boot.
func (s *Supervisor) Enable(name string) error {
	u, err := unit.Load(s.Units, name)
	if err != nil {
		return err
	}
	links := s.links(u)
	if len(links) == 0 {
		return fmt.Errorf("the unit files have no installation config (WantedBy=, RequiredBy=, Alias= settings in the [Install] section)")
	}
	for _, link := range links {
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return err
		}
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.Symlink(u.Path, link); err != nil {
			return err
		}
	}
	return nil
}

// Disable takes Enable back.
func (s *Supervisor) Disable(name string) error {
	u, err := unit.Load(s.Units, name)
	if err != nil {
		return err
	}
	for _, link := range s.links(u) {
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// links are those that enabling makes.
func (s *Supervisor) links(u *unit.Unit) []string {
	var links []string
	for _, target := range u.WantedBy {
		links = append(links, filepath.Join(s.Units[0], target+".wants", u.Name))
	}
	for _, target := range u.RequiredBy {
		links = append(links, filepath.Join(s.Units[0], target+".requires", u.Name))
	}
	for _, alias := range u.Alias {
		links = append(links, filepath.Join(s.Units[0], alias))
	}
	return links
}

// FileState is what systemctl is-enabled prints.
func (s *Supervisor) FileState(name string) (string, error) {
	u, err := unit.Load(s.Units, name)
	if errors.Is(err, unit.ErrMasked) {
		return "masked", nil
	}
	if err != nil {
		return "", err
	}
	links := s.links(u)
	if len(links) == 0 {
		return "static", nil
	}
	if _, err := os.Lstat(links[0]); err != nil {
		return "disabled", nil
	}
	return "enabled", nil
}
