package supervisor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"isuride/tools/ops/lab/unit"
)

// Active is systemd's ActiveState.
type Active string

const (
	Inactive     Active = "inactive"
	Activating   Active = "activating"
	Running      Active = "active"
	Reloading    Active = "reloading"
	Deactivating Active = "deactivating"
	Failed       Active = "failed"
)

// autoRestart is the Sub state of a service that waits for its restart.
const autoRestart = "auto-restart"

// Results of a service, as systemd calls them.
const (
	success   = "success"
	exitCode  = "exit-code"
	bySignal  = "signal"
	timedOut  = "timeout"
	tooOften  = "start-limit-hit"
	protocol  = "protocol" // it did not do what its type demands
	resources = "resources"
)

// Snapshot is what there is to know about a service at a moment.
type Snapshot struct {
	Unit       *unit.Unit
	Active     Active
	Sub        string
	Result     string
	Status     string // of sd_notify
	Main       int    // pid, 0 if there is none
	LastMain   int
	Exit       syscall.WaitStatus // of LastMain, when it has ended
	Ended      bool
	Restarts   int
	Since      time.Time // of this state
	Started    time.Time // zero if it never was active
	Invocation string
}

// service goes from state to state. Starting, stopping, reloading and dealing with an
// unexpected end take turns; stopping interrupts starting.
type service struct {
	super *Supervisor
	name  string
	turn  chan struct{} // holds a token; whoever has it changes the service

	mu       sync.Mutex
	unit     *unit.Unit
	shown    Snapshot // Unit, Main and the like are filled in by Snapshot
	main     *process
	notifier *notifier    // nil for other types than notify
	sessions map[int]bool // begun by this invocation
	starts   []time.Time  // within the limit's interval
	cancel   context.CancelCauseFunc
	again    *time.Timer // the restart to come, nil if none is
}

func newService(s *Supervisor, u *unit.Unit) *service {
	v := &service{super: s, name: u.Name, turn: make(chan struct{}, 1), unit: u}
	v.shown = Snapshot{Active: Inactive, Sub: "dead", Result: success, Since: time.Now()}
	v.turn <- struct{}{}
	v.mention()
	return v
}

// mention says once what this stand-in does not do.
func (v *service) mention() {
	if len(v.unit.Ignored) > 0 {
		v.log("without effect here: %s", strings.Join(v.unit.Ignored, ", "))
	}
}

func (v *service) log(format string, args ...any) {
	v.super.Journal.Add(v.name, "systemd[1]", fmt.Sprintf(format, args...))
}

// Snapshot copies the state.
func (v *service) Snapshot() Snapshot {
	v.mu.Lock()
	defer v.mu.Unlock()
	shown := v.shown
	shown.Unit = v.unit
	if v.main != nil {
		shown.Main = v.main.pid
	}
	return shown
}

func (v *service) current() *unit.Unit {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.unit
}

func (v *service) replace(u *unit.Unit) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unit = u
}

func (v *service) set(active Active, sub string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shown.Active, v.shown.Sub, v.shown.Since = active, sub, time.Now()
	if active == Running {
		v.shown.Started = v.shown.Since
	}
}

func (v *service) result() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.shown.Result
}

// fail keeps the first reason.
func (v *service) fail(result string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.shown.Result == success {
		v.shown.Result = result
	}
}

func (v *service) setMain(p *process) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.main = p
	if p != nil {
		v.shown.LastMain, v.shown.Ended = p.pid, false
	}
}

// setNotifier replaces the socket and closes the one before.
func (v *service) setNotifier(n *notifier) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.notifier != nil {
		v.notifier.conn.Close()
	}
	v.notifier = n
}

func (v *service) lock(ctx context.Context) error {
	select {
	case <-v.turn:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (v *service) unlock() { v.turn <- struct{}{} }

// errStopped ends a start that a stop has overtaken.
var errStopped = errors.New("canceled")

// start starts the service unless it runs. A person's start, unlike a restart by policy,
// begins the counting of restarts anew.
func (v *service) start(ctx context.Context, byPerson bool) error {
	if err := v.lock(ctx); err != nil {
		return err
	}
	defer v.unlock()
	shown := v.Snapshot()
	if shown.Active == Running || !byPerson && shown.Sub != autoRestart { // a stop has overtaken the restart
		return nil
	}
	v.disarm()
	u := v.current()
	if !v.mayStart(u) {
		v.fail(tooOften)
		v.log("%s: Start request repeated too quickly.", v.name)
		v.set(Failed, "failed")
		return v.jobFailed(tooOften)
	}
	limited, cancel := v.begin(u, byPerson)
	defer cancel(nil)
	err := v.bringUp(limited, u)
	if err == nil {
		return nil
	}
	v.log("%s: %v", v.name, err)
	if errors.Is(context.Cause(limited), context.DeadlineExceeded) {
		v.fail(timedOut)
	}
	v.fail(protocol) // unless something better is known
	v.finish(u, context.Cause(limited) == errStopped)
	if context.Cause(limited) == errStopped {
		return fmt.Errorf("Job for %s canceled.", v.name)
	}
	return v.jobFailed(v.result())
}

// disarm calls off a restart that is to come.
func (v *service) disarm() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.again != nil {
		v.again.Stop()
		v.again = nil
	}
}

// mayStart counts starts in the unit's interval.
func (v *service) mayStart(u *unit.Unit) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	var recent []time.Time
	for _, at := range v.starts {
		if now.Sub(at) < u.Service.LimitInterval {
			recent = append(recent, at)
		}
	}
	v.starts = recent
	if u.Service.LimitBurst > 0 && u.Service.LimitInterval > 0 && len(recent) >= u.Service.LimitBurst {
		return false
	}
	v.starts = append(v.starts, now)
	return true
}

// begin resets what belongs to one invocation and returns the time it has for starting.
func (v *service) begin(u *unit.Unit, byPerson bool) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	if limit := u.Service.StartTimeout; limit != unit.Forever {
		expiry := time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
		context.AfterFunc(ctx, func() { expiry.Stop() })
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancel = cancel
	v.sessions = map[int]bool{}
	v.shown.Result, v.shown.Status, v.shown.Invocation = success, "", newInvocation()
	if byPerson {
		v.shown.Restarts = 0
	}
	v.shown.Active, v.shown.Sub, v.shown.Since = Activating, "start", time.Now()
	return ctx, cancel
}

// newInvocation is 128 random bits, as systemd's.
func newInvocation() string {
	var id [16]byte
	rand.Read(id[:])
	return fmt.Sprintf("%x", id)
}

// jobFailed is what systemctl prints.
func (v *service) jobFailed(result string) error {
	reason := map[string]string{
		exitCode:  "the control process exited with error code",
		bySignal:  "a fatal signal was delivered to the control process",
		timedOut:  "a timeout was exceeded",
		tooOften:  "start of the service was attempted too often",
		protocol:  "the service did not take the steps required by its unit configuration",
		resources: "of unavailable resources or another system error",
	}[result]
	return fmt.Errorf("Job for %s failed because %s.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for details.",
		v.name, reason, v.name, v.name)
}

// bringUp does what the type of the service asks for until it counts as started.
func (v *service) bringUp(ctx context.Context, u *unit.Unit) error {
	s := &u.Service
	v.log("Starting %s - %s...", v.name, u.Description)
	if err := v.makeDirectories(s); err != nil {
		v.fail(resources)
		return err
	}
	n, err := v.listen(s)
	if err != nil {
		v.fail(resources)
		return err
	}
	v.setNotifier(n)
	if err := v.runAll(ctx, u, s.StartPre, n); err != nil {
		return err
	}
	if s.Type == unit.Oneshot {
		return v.oneshot(ctx, u, n)
	}
	main, err := v.launchMain(ctx, u, n)
	if err != nil {
		return err
	}
	if err := v.runAll(ctx, u, s.StartPost, n); err != nil {
		return err
	}
	v.set(Running, "running")
	v.log("Started %s - %s.", v.name, u.Description)
	go v.watch(u, main)
	return nil
}

func (v *service) oneshot(ctx context.Context, u *unit.Unit, n *notifier) error {
	if err := v.runAll(ctx, u, u.Service.Start, n); err != nil {
		return err
	}
	if err := v.runAll(ctx, u, u.Service.StartPost, n); err != nil {
		return err
	}
	v.log("Finished %s - %s.", v.name, u.Description)
	if u.Service.RemainAfterExit {
		v.set(Running, "exited")
		return nil
	}
	v.finish(u, true)
	return nil
}

func (v *service) launchMain(ctx context.Context, u *unit.Unit, n *notifier) (*process, error) {
	s := &u.Service
	if len(s.Start) != 1 {
		return nil, fmt.Errorf("a service of type %s has one ExecStart, not %d", s.Type, len(s.Start))
	}
	p, err := v.spawn(u, s.Start[0], n)
	if err != nil && (p == nil || s.Type != unit.Simple) {
		v.fail(exitCode)
		return nil, err
	}
	if s.Type == unit.Forking {
		return v.forked(ctx, u, p)
	}
	v.setMain(p)
	if s.Type == unit.Notify {
		return p, v.awaitReady(ctx, p, n)
	}
	return p, nil
}

func (v *service) awaitReady(ctx context.Context, p *process, n *notifier) error {
	select {
	case <-n.ready:
		return nil
	case <-p.ended:
		v.noteEnd(p)
		return fmt.Errorf("the main process ended before it was ready")
	case <-ctx.Done():
		return fmt.Errorf("start operation timed out or was canceled")
	}
}

// pollEvery is how often files and processes that send no event are looked at.
const pollEvery = 20 * time.Millisecond

// forked waits for the end of the first process, and takes the one in the PID file for
// the main one.
func (v *service) forked(ctx context.Context, u *unit.Unit, first *process) (*process, error) {
	if err := v.await(ctx, first); err != nil {
		return nil, err
	}
	for {
		p, err := v.daemon(u)
		if err == nil {
			v.setMain(p)
			return p, nil
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// watch deals with an end that nobody asked for.
func (v *service) watch(u *unit.Unit, p *process) {
	<-p.ended
	if v.lock(context.Background()) != nil {
		return
	}
	defer v.unlock()
	v.mu.Lock()
	ours := v.main == p
	v.mu.Unlock()
	if !ours { // somebody has stopped it
		return
	}
	v.noteEnd(p)
	v.finish(u, false)
}

// noteEnd keeps how the main process ended.
func (v *service) noteEnd(p *process) {
	v.mu.Lock()
	v.shown.Exit, v.shown.Ended = p.status, true
	v.mu.Unlock()
	if result := resultOf(p.status); result != success {
		v.fail(result)
	}
	v.log("%s: Main process exited, %s", v.name, Describe(p.status))
}

// resultOf judges an end; the signals that ask for one are a good end.
func resultOf(status syscall.WaitStatus) string {
	switch {
	case status.Exited() && status.ExitStatus() == 0:
		return success
	case status.Exited():
		return exitCode
	}
	switch status.Signal() {
	case syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE:
		return success
	}
	return bySignal
}

// Describe says how a process ended.
func Describe(status syscall.WaitStatus) string {
	if status.Exited() {
		return fmt.Sprintf("code=exited, status=%d", status.ExitStatus())
	}
	return fmt.Sprintf("code=killed, status=%d (%v)", int(status.Signal()), status.Signal())
}

// finish clears away what is left of an invocation, and restarts by the policy unless
// the end was wanted.
func (v *service) finish(u *unit.Unit, wanted bool) {
	v.killRest(u)
	v.setMain(nil)
	ctx, cancel := context.WithTimeout(context.Background(), u.Service.StopTimeout)
	_ = v.runAll(ctx, u, u.Service.StopPost, nil) // its failure changes nothing
	cancel()
	v.killRest(u)
	v.setNotifier(nil)
	v.removeFiles(&u.Service)
	result := v.result()
	switch {
	case !wanted && restarts(u.Service.Restart, result):
		v.restartLater(u)
	case result == success:
		v.set(Inactive, "dead")
	default:
		v.log("%s: Failed with result '%s'.", v.name, result)
		v.set(Failed, "failed")
	}
}

// restarts is the table in systemd.service(5) about Restart=.
func restarts(policy unit.Restart, result string) bool {
	switch policy {
	case unit.RestartAlways:
		return true
	case unit.RestartOnSuccess:
		return result == success
	case unit.RestartOnFailure:
		return result != success
	case unit.RestartOnAbnormal:
		return result == bySignal || result == timedOut
	case unit.RestartOnAbort:
		return result == bySignal
	}
	return false
}

func (v *service) restartLater(u *unit.Unit) {
	v.log("%s: Failed with result '%s'; restart in %v.", v.name, v.result(), u.Service.RestartDelay)
	v.set(Activating, autoRestart)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shown.Restarts++
	v.again = time.AfterFunc(u.Service.RestartDelay, func() {
		_ = v.start(context.Background(), false) // the journal tells
	})
}

// stop stops the service if it runs, or starts, or waits for a restart.
func (v *service) stop(ctx context.Context) error {
	v.mu.Lock()
	if v.cancel != nil {
		v.cancel(errStopped) // no effect on a start that is through
	}
	v.mu.Unlock()
	v.disarm()
	if err := v.lock(ctx); err != nil {
		return err
	}
	defer v.unlock()
	v.disarm()
	shown := v.Snapshot()
	switch shown.Active {
	case Inactive, Failed:
		return nil
	case Activating: // a restart was to come
		v.set(Inactive, "dead")
		return nil
	}
	u := shown.Unit
	v.set(Deactivating, "stop")
	v.log("Stopping %s - %s...", v.name, u.Description)
	v.bringDown(u)
	v.finish(u, true)
	v.log("Stopped %s - %s.", v.name, u.Description)
	return nil
}

// bringDown asks the service to end, first in its own words, then with its signal, and
// waits as long as the unit allows.
func (v *service) bringDown(u *unit.Unit) {
	v.mu.Lock()
	main := v.main
	v.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), u.Service.StopTimeout)
	defer cancel()
	if main == nil || main.alive() {
		_ = v.runAll(ctx, u, u.Service.Stop, nil) // the signal comes in any case
	}
	if !v.terminate(ctx, u, main) {
		v.fail(timedOut)
		v.log("%s: State 'stop-sigterm' timed out.", v.name)
	}
	if main != nil && main.alive() && !u.Service.NeverKill {
		v.log("%s: Killing process %d with signal SIGKILL.", v.name, main.pid)
		_ = syscall.Kill(main.pid, syscall.SIGKILL)
		<-main.ended
	}
	if main != nil && !main.alive() {
		v.noteEnd(main)
	}
}

// reload runs ExecReload.
func (v *service) reload(ctx context.Context) error {
	if err := v.lock(ctx); err != nil {
		return err
	}
	defer v.unlock()
	shown := v.Snapshot()
	if shown.Active != Running {
		return fmt.Errorf("%s is not active, cannot reload.", v.name)
	}
	if len(shown.Unit.Service.Reload) == 0 {
		return fmt.Errorf("Failed to reload %s: Job type reload is not applicable for unit %s.", v.name, v.name)
	}
	v.set(Reloading, "reload")
	err := v.runAll(ctx, shown.Unit, shown.Unit.Service.Reload, nil)
	v.mu.Lock()
	v.shown.Active, v.shown.Sub = Running, shown.Sub
	v.mu.Unlock()
	if err != nil {
		v.log("%s: reload failed: %v", v.name, err)
		return v.jobFailed(exitCode)
	}
	v.log("Reloaded %s - %s.", v.name, shown.Unit.Description)
	return nil
}

func (v *service) resetFailed() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.starts = nil
	if v.shown.Active == Failed {
		v.shown.Active, v.shown.Sub, v.shown.Result, v.shown.Since = Inactive, "dead", success, time.Now()
	}
}
