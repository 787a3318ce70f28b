package supervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"isuride/tools/ops/lab/unit"
)

// runAll runs commands one after the other, until one fails whose failure matters.
func (v *service) runAll(ctx context.Context, u *unit.Unit, commands []unit.Command, n *notifier) error {
	for _, c := range commands {
		p, err := v.spawn(u, c, n)
		if err == nil {
			err = v.await(ctx, p)
		}
		if err != nil && !c.IgnoreFailure {
			v.fail(exitCode)
			return err
		}
	}
	return nil
}

// await waits for the end of a process that should end well, and kills it when the time
// is up.
func (v *service) await(ctx context.Context, p *process) error {
	select {
	case <-p.ended:
	case <-ctx.Done():
		_ = syscall.Kill(-p.pid, syscall.SIGKILL) // it leads its session and group
		<-p.ended
		return errors.New("operation timed out or was canceled")
	}
	if result := resultOf(p.status); result != success {
		v.fail(result)
		v.log("%s: Control process exited, %s", v.name, Describe(p.status))
		return fmt.Errorf("control process %d: %s", p.pid, Describe(p.status))
	}
	return nil
}

// spawn starts a command of the unit in a session of its own. With an error there may be
// a process nevertheless, which ends at once.
func (v *service) spawn(u *unit.Unit, c unit.Command, n *notifier) (*process, error) {
	l, err := v.prepare(u, c, n)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p, err := l.run(v.super.reaper, v.super.Helper, w)
	w.Close()
	if p != nil {
		v.mu.Lock()
		v.sessions[p.pid] = true
		v.mu.Unlock()
	}
	go func() {
		defer r.Close()
		pid := 0
		if p != nil {
			pid = p.pid
		}
		v.super.Journal.Copy(v.name, fmt.Sprintf("%s[%d]", u.Service.Identifier, pid), r)
	}()
	if err != nil {
		v.log("%s: Failed to execute %s: %v", v.name, c, err)
	}
	return p, err
}

// OpenFiles is the limit of open files that a unit asks for, or else systemd's default.
func OpenFiles(u *unit.Unit) unit.Limit {
	if l := u.Service.OpenFiles; l.Set {
		return l
	}
	return unit.Limit{Soft: 1024, Hard: 524288}
}

func (v *service) prepare(u *unit.Unit, c unit.Command, n *notifier) (*launch, error) {
	s, limit := &u.Service, OpenFiles(u)
	l := &launch{Dir: "/", UMask: int(s.UMask), Soft: limit.Soft, Hard: limit.Hard}
	if !c.Privileged {
		l.Sandbox = v.newSandbox(s)
	}
	var who *account
	if (s.User != "" || s.Group != "") && !c.Privileged {
		a, err := lookup(s)
		if err != nil {
			return nil, err
		}
		who = a
		l.ChangeUser, l.UID, l.GID, l.Groups = true, a.uid, a.gid, a.groups
		l.Ambient = s.Ambient
	}
	switch dir := s.WorkingDirectory; {
	case dir == "~" && who != nil:
		l.Dir = who.home
	case dir != "" && dir != "~":
		l.Dir = dir
	}
	env, err := v.environ(s, who, n)
	if err != nil {
		return nil, err
	}
	l.Env, l.Args = env, c.Args(env)
	return l, nil
}

// environ is what a process of the service finds; what comes later in the list counts.
func (v *service) environ(s *unit.Service, who *account, n *notifier) ([]string, error) {
	shown := v.Snapshot()
	env := []string{
		"LANG=C.UTF-8",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"INVOCATION_ID=" + shown.Invocation,
	}
	if who != nil {
		env = append(env, "USER="+who.name, "LOGNAME="+who.name, "HOME="+who.home, "SHELL="+who.shell())
	}
	for _, d := range v.directories(s) {
		if len(d.Names) > 0 {
			env = append(env, d.variable+"="+strings.Join(d.paths(), ":"))
		}
	}
	if n != nil {
		env = append(env, "NOTIFY_SOCKET="+n.path)
	}
	if shown.Main != 0 {
		env = append(env, "MAINPID="+strconv.Itoa(shown.Main))
	}
	env = append(env, v.super.environment()...)
	env = append(env, s.Environment...)
	for _, f := range s.EnvironmentFiles {
		more, bad, err := unit.ReadEnvironmentFile(f.Path)
		if err != nil && !f.Optional {
			return nil, fmt.Errorf("Failed to load environment files: %w", err)
		}
		if len(bad) > 0 {
			v.log("%s: %s: ignoring %d lines that are no assignments, the first is %q", v.name, f.Path, len(bad), bad[0])
		}
		env = append(env, more...)
	}
	return env, nil
}

// account is the user that a service runs as.
type account struct {
	name, home string
	uid, gid   int
	groups     []int
}

func (a *account) shell() string {
	text, _ := os.ReadFile("/etc/passwd")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) == 7 && fields[0] == a.name {
			return fields[6]
		}
	}
	return "/bin/sh"
}

func lookup(s *unit.Service) (*account, error) {
	name := s.User
	if name == "" {
		name = "root"
	}
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return nil, fmt.Errorf("Failed to determine user credentials: no user %s", name)
		}
	}
	a := &account{name: u.Username, home: u.HomeDir}
	a.uid, _ = strconv.Atoi(u.Uid)
	a.gid, _ = strconv.Atoi(u.Gid)
	ids, _ := u.GroupIds()
	if s.Group != "" {
		g, err := user.LookupGroup(s.Group)
		if err != nil {
			return nil, fmt.Errorf("Failed to determine group credentials: no group %s", s.Group)
		}
		a.gid, _ = strconv.Atoi(g.Gid)
	}
	for _, id := range ids {
		n, _ := strconv.Atoi(id)
		a.groups = append(a.groups, n)
	}
	return a, nil
}

// directory is one of RuntimeDirectory=, StateDirectory= and so on.
type directory struct {
	unit.Directory
	base, variable string
}

func (d directory) paths() []string {
	var paths []string
	for _, name := range d.Names {
		paths = append(paths, filepath.Join(d.base, name))
	}
	return paths
}

func (v *service) directories(s *unit.Service) []directory {
	return []directory{
		{s.Runtime, v.super.Runtime, "RUNTIME_DIRECTORY"},
		{s.State, v.super.State, "STATE_DIRECTORY"},
		{s.Cache, v.super.Cache, "CACHE_DIRECTORY"},
		{s.Logs, v.super.Logs, "LOGS_DIRECTORY"},
	}
}

// makeDirectories gives them to the service's user; what is in them keeps its owner.
func (v *service) makeDirectories(s *unit.Service) error {
	for _, d := range v.directories(s) {
		for _, path := range d.paths() {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
			if err := os.Chmod(path, d.Mode); err != nil {
				return err
			}
			if s.User == "" && s.Group == "" {
				continue
			}
			a, err := lookup(s)
			if err != nil {
				return err
			}
			if err := os.Chown(path, a.uid, a.gid); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeFiles removes what must not outlive an invocation.
func (v *service) removeFiles(s *unit.Service) {
	if s.PIDFile != "" {
		os.Remove(s.PIDFile)
	}
	if s.Runtime.Preserve {
		return
	}
	for _, path := range v.directories(s)[0].paths() {
		os.RemoveAll(path)
	}
}

// daemon finds the main process of a forking service.
func (v *service) daemon(u *unit.Unit) (*process, error) {
	pid, err := v.daemonPID(u)
	if err != nil {
		return nil, err
	}
	p, err := v.super.reaper.adopt(pid)
	if err != nil {
		return nil, err
	}
	session := ownSession(pid)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sessions[session] = true
	return p, nil
}

// ownSession waits until a daemon has begun a session of its own: Debian's nginx writes
// its PID file before. One that never does stays in the session that it was started in.
func ownSession(pid int) int {
	const tries = 50
	s, err := readStat(pid)
	for i := 0; i < tries && err == nil && s.session != pid; i++ {
		time.Sleep(pollEvery)
		s, err = readStat(pid)
	}
	return s.session
}

func (v *service) daemonPID(u *unit.Unit) (int, error) {
	if u.Service.PIDFile != "" {
		text, err := os.ReadFile(u.Service.PIDFile)
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(string(text)))
	}
	if left := v.members(); len(left) > 0 {
		return slices.Min(left), nil
	}
	return 0, errors.New("no process is left")
}

// members are the processes of this invocation.
func (v *service) members() []int {
	v.mu.Lock()
	mark := []byte("INVOCATION_ID=" + v.shown.Invocation)
	sessions := make(map[int]bool, len(v.sessions))
	for id := range v.sessions {
		sessions[id] = true
	}
	v.mu.Unlock()
	var found []int
	for _, pid := range pids() {
		s, err := readStat(pid)
		if err != nil || s.state == 'Z' || pid == os.Getpid() {
			continue
		}
		if sessions[s.session] || carries(pid, mark) {
			found = append(found, pid)
		}
	}
	return found
}

func carries(pid int, mark []byte) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && slices.ContainsFunc(bytes.Split(env, []byte{0}), func(pair []byte) bool { return bytes.Equal(pair, mark) })
}

// terminate sends the signals that KillMode says and waits; false means that the time
// was not enough.
func (v *service) terminate(ctx context.Context, u *unit.Unit, main *process) bool {
	mode := u.Service.KillMode
	var targets []int
	switch {
	case mode == unit.KillNone:
	case mode == unit.KillAll:
		targets = v.members()
	case main != nil && main.alive():
		targets = []int{main.pid}
	}
	for _, pid := range targets {
		_ = syscall.Kill(pid, u.Service.KillSignal)
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	for {
		gone := main == nil || !main.alive()
		if mode == unit.KillAll {
			gone = gone && len(v.members()) == 0
		}
		if gone || mode == unit.KillNone {
			return true
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return false
		}
	}
}

// killRest kills what is left over, where the unit allows.
func (v *service) killRest(u *unit.Unit) {
	if mode := u.Service.KillMode; u.Service.NeverKill || mode == unit.KillMain || mode == unit.KillNone {
		return
	}
	for {
		left := v.members()
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(pollEvery)
	}
}

// Signal is what systemctl kill sends, and to whom.
type Signal struct {
	Number   syscall.Signal
	MainOnly bool
}

func (v *service) kill(how Signal) error {
	targets := v.members()
	if how.MainOnly {
		targets = nil
		if main := v.Snapshot().Main; main != 0 {
			targets = []int{main}
		}
	}
	if len(targets) == 0 {
		return fmt.Errorf("Failed to kill unit %s: No main process to kill", v.name)
	}
	for _, pid := range targets {
		_ = syscall.Kill(pid, how.Number)
	}
	return nil
}

// Memory is what the processes of a service hold in RAM, in bytes; shared pages count for
// each of them.
func (s *Supervisor) Memory(name string) uint64 {
	v, err := s.service(name)
	if err != nil {
		return 0
	}
	var sum uint64
	for _, pid := range v.members() {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		var size, resident uint64
		if _, err := fmt.Sscan(string(text), &size, &resident); err == nil {
			sum += resident * uint64(os.Getpagesize())
		}
	}
	return sum
}
