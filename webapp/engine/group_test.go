package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/replica"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// trio is a group of three members in one process, each with a SQLite database of its own.
type trio struct {
	t       *testing.T
	wire    *wire
	dir     string
	members []replica.Member
	said    lines        // all logs
	lost    atomic.Bool  // no database can be opened
	gate    sync.RWMutex // of all solvers
	passed  atomic.Int64
	engines map[string]*Engine
}

func newTrio(t *testing.T) *trio {
	t.Helper()
	return newTrioOn(t, "")
}

// newTrioOn begins with a copy of a folder for each, if it is named.
func newTrioOn(t *testing.T, data string) *trio {
	t.Helper()
	return newTrioOf(t, data, []replica.Member{{Name: "a", Address: "a:1"}, {Name: "b", Address: "b:1"}, {Name: "c", Address: "c:1"}})
}

func newTrioOf(t *testing.T, data string, members []replica.Member) *trio {
	t.Helper()
	g := &trio{t: t, wire: newWire(t), dir: t.TempDir(), engines: map[string]*Engine{}, members: members}
	for _, m := range g.members {
		if data != "" {
			g.must(os.CopyFS(filepath.Join(g.dir, m.Name), os.DirFS(data)))
		}
		g.start(m.Name)
	}
	t.Cleanup(func() {
		for name := range g.engines {
			g.stop(name)
		}
	})
	return g
}

func (g *trio) start(name string) {
	g.t.Helper()
	dir := filepath.Join(g.dir, name)
	e, err := StartMember(g.t.Context(), Config{
		JournalDir: filepath.Join(dir, "journal"), Durability: journal.Crash,
		InitialData: sqlstore.MasterData,
		Describe:    func(*isuride.Chair) []byte { return nil },
		Solver:      func() dispatch.Solver { return &gatedSolver{gate: &g.gate, passed: &g.passed} },
		Dispatch:    dispatch.DefaultParams(),
		Now:         func() isuride.Time { return isuride.TimeOf(time.Now()) },
		Log:         slog.New(slog.NewTextHandler(&g.said, nil)),
		Group: &Group{Self: name, Members: g.members, start: g.wire.start, OpenTables: func(ctx context.Context) (*sqlstore.Store, error) {
			if g.lost.Load() {
				return nil, errors.New("no such host")
			}
			return sqlstore.Open(ctx, sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(dir, "isuride.db")}, quiet())
		}},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.engines[name] = e
}

// stop ends a member; those of wireNode do that without a word to the others.
func (g *trio) stop(name string) {
	g.t.Helper()
	if err := g.engines[name].Stop(); err != nil {
		g.t.Error(err)
	}
	delete(g.engines, name)
}

// await waits until something holds.
func (g *trio) await(what string, holds func() bool) {
	g.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			for name, e := range g.engines {
				s := e.Stats()
				g.t.Logf("%s: %s; %v; generation %d, tables at %d, %d events and %v behind, outage %+v", name, e.Describe(), e.Health(), s.Generation,
					s.Flush.Position, s.Flush.Lag.Events, s.Flush.Lag.Age, s.Flush.Outage)
			}
			g.t.Fatalf("%s: not within a minute", what)
		}
	}
}

// leader waits for one among some members; all by default.
func (g *trio) leader(among ...string) (string, *Engine) {
	g.t.Helper()
	if len(among) == 0 {
		among = []string{"a", "b", "c"}
	}
	var leader string
	g.await("a leader", func() bool {
		for _, name := range among {
			if e := g.engines[name]; e != nil && e.Current() != nil {
				leader = name
				return true
			}
		}
		return false
	})
	return leader, g.engines[leader]
}

// but are the names of all members but one.
func (g *trio) but(name string) (rest []string) {
	for _, m := range g.members {
		if m.Name != name {
			rest = append(rest, m.Name)
		}
	}
	return rest
}

// enlist registers a user, as a request would: without an error it is acknowledged.
func enlist(e *Engine, name string) error {
	gen := e.Current()
	if gen == nil {
		return ErrElsewhere
	}
	since := gen.Begin()
	if _, err := gen.Store.RegisterUser(state.NewUser{Username: name, Firstname: "f", Lastname: "l", DateOfBirth: "d"}); err != nil {
		return err
	}
	return gen.Barrier(since, false)
}

// enlist registers a user with the one that leads by then: on a busy machine that may change.
func (g *trio) enlist(name string) {
	g.t.Helper()
	for {
		_, e := g.leader()
		err := enlist(e, name)
		if err == nil {
			return
		}
		if !errors.Is(err, ErrElsewhere) {
			g.t.Fatalf("%s: %v", name, err)
		}
	}
}

func (g *trio) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// users is the number of users in the state of a member, whatever it is.
func users(e *Engine) int { return e.Stats().State.Users }

func (g *trio) everybodyHas(n int) {
	g.t.Helper()
	for name, e := range g.engines {
		g.await(fmt.Sprintf("%s has %d users", name, n), func() bool { return users(e) == n })
	}
}

// TestGroupFollows: what the leader acknowledges comes to all, into state and tables; after the
// loss of the leader another one has it, and goes on; and one that comes back catches up.
func TestGroupFollows(t *testing.T) {
	g := newTrio(t)
	for i := range 20 {
		g.enlist(fmt.Sprint("first", i))
	}
	g.everybodyHas(20)
	name, _ := g.leader()
	g.stop(name)
	second, e := g.leader()
	if second == name || users(e) != 20 {
		t.Fatalf("%s leads with %d users after the loss of %s", second, users(e), name)
	}
	for i := range 20 {
		g.enlist(fmt.Sprint("second", i))
	}
	g.start(name)
	g.everybodyHas(40)
	for name, e := range g.engines {
		g.await(name+" has written its tables", func() bool { return e.Stats().Flush.Lag.Events == 0 && e.Stats().Flush.Position > 0 })
	}
	for _, e := range g.engines {
		if s := e.Stats().Replica; s.Different > 0 {
			t.Errorf("%s differs from its leader", s.Name)
		}
	}
}

// TestGroupWithoutDatabases: servers that find no database serve, and write what has happened when
// the databases are there.
func TestGroupWithoutDatabases(t *testing.T) {
	g := newTrio(t)
	g.lost.Store(true)
	for _, m := range g.members {
		g.stop(m.Name)
		g.start(m.Name)
	}
	g.enlist("before")
	g.everybodyHas(1)
	for name, e := range g.engines {
		g.await(name+" misses its database", func() bool { return e.Stats().Flush.Outage != nil })
	}
	g.lost.Store(false)
	for name, e := range g.engines {
		g.await(name+" has written its tables", func() bool {
			s := e.Stats().Flush
			return s.Outage == nil && s.Lag.Events == 0 && s.Position > 0
		})
	}
}

// TestDeposedLeader is cut off from the others: it acknowledges nothing, and takes back what
// nobody else has.
func TestDeposedLeader(t *testing.T) {
	g := newTrio(t)
	name, old := g.leader()
	g.must(enlist(old, "before"))
	g.wire.setCut(name, true)
	var wait sync.WaitGroup
	results := make(chan error, 8)
	for i := range 8 {
		wait.Go(func() { results <- enlist(old, fmt.Sprint("lost", i)) })
	}
	_, e := g.leader(g.but(name)...)
	g.must(enlist(e, "after"))
	wait.Wait()
	close(results)
	for err := range results {
		if err == nil {
			t.Error("a leader without a majority has acknowledged a change")
		}
	}
	if gen := old.Current(); gen != nil {
		if err := gen.Barrier(gen.Begin(), false); err == nil {
			t.Error("a leader without a majority has answered a read")
		}
	}
	g.await("the old leader has stepped down", func() bool { return old.Current() == nil })
	g.wire.setCut(name, false)
	g.everybodyHas(2)
}

// TestHandOver moves the leadership without losing or refusing anything that is under way.
func TestHandOver(t *testing.T) {
	g := newTrio(t)
	name, e := g.leader()
	g.must(enlist(e, "before"))
	acknowledged := make(chan int)
	stop := make(chan struct{})
	go func() {
		n := 0
		defer func() { acknowledged <- n }()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			for _, m := range []string{"a", "b", "c"} {
				if err := enlist(g.engines[m], fmt.Sprintf("%s%d", m, i)); err == nil {
					n++
				} else if !errors.Is(err, ErrElsewhere) {
					t.Errorf("during a hand-over: %v", err)
				}
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	g.must(e.HandOver(ctx, ""))
	g.await("the leader has gone", func() bool { return e.Current() == nil })
	next, e := g.leader()
	if next == name {
		t.Fatalf("%s still leads", name)
	}
	g.must(enlist(e, "after"))
	close(stop)
	g.everybodyHas(2 + <-acknowledged)
}

// gatedSolver solves while its gate is open: not held for writing.
type gatedSolver struct {
	match.Workspace
	gate   *sync.RWMutex
	passed *atomic.Int64
}

func (s *gatedSolver) Solve(rows, cols int, cost []int32, assign []int32) int64 {
	s.gate.RLock()
	defer s.gate.RUnlock()
	s.passed.Add(1)
	return s.Workspace.Solve(rows, cols, cost, assign)
}

// TestHandOverThatFails: a leader whom nobody succeeds goes on with all that it did, also with what found the
// log shut meanwhile: matching, and telling where it is.
func TestHandOverThatFails(t *testing.T) {
	g := newTrio(t)
	_, e := g.leader()
	g.gate.Lock()
	open := sync.OnceFunc(g.gate.Unlock)
	t.Cleanup(open) // if it fails, nobody waits for ever
	store := e.Current().Store
	owner, err := store.RegisterOwner("owner")
	g.must(err)
	chair, err := store.RegisterChair(owner.ChairRegisterToken, "chair", "リラックスシート NEO")
	g.must(err)
	g.must(store.SetActivity(chair, true))
	_, err = store.Report(chair, isuride.Coordinate{})
	g.must(err)
	user, err := store.RegisterUser(state.NewUser{Username: "rider", Firstname: "f", Lastname: "l", DateOfBirth: "d"})
	g.must(err)
	ride, err := store.RequestRide(user, isuride.Coordinate{}, isuride.Coordinate{Latitude: 1})
	g.must(err)

	name := e.member.group.Self
	deaf := g.but(name)[0]
	t.Cleanup(g.wire.freeze(deaf))
	g.wire.ticking.Lock() // so that the hand-over lasts
	tick := sync.OnceFunc(g.wire.ticking.Unlock)
	t.Cleanup(tick)
	failed := make(chan error, 1)
	go func() { failed <- e.HandOver(t.Context(), deaf) }()
	g.await("the leader hands over", func() bool { return e.member.node.Status().Handing })
	if err := enlist(e, "late"); !errors.Is(err, ErrElsewhere) {
		t.Errorf("a leader that hands over takes a record: %v", err)
	}
	open()
	g.await("matching is tried again", func() bool { return g.passed.Load() > 1 })
	if ride.Chair() != nil {
		t.Error("a leader that hands over has matched")
	}
	tick()
	if err := <-failed; err == nil {
		t.Error("the leader has handed over to a server that stands still")
	}
	g.await("the ride has a chair", func() bool { return ride.Chair() == chair })
	at := e.member.journal.Appended()
	g.await("the leader tells where it is", func() bool { return e.member.journal.Appended() > at })
}

// TestGroupInitializes: an initialize is an event that all follow, into state and tables.
func TestGroupInitializes(t *testing.T) {
	g := newTrio(t)
	_, e := g.leader()
	g.must(enlist(e, "before"))
	g.must(e.Initialize("http://localhost:1", func() bool { return false }))
	g.must(enlist(e, "after"))
	g.everybodyHas(1)
	for name, e := range g.engines {
		g.await(name+" is in generation 2", func() bool { s := e.Stats(); return s.Generation == 2 && s.Flush.Lag.Events == 0 })
	}
	first, _ := g.leader()
	g.stop(first)
	_, e = g.leader()
	g.must(enlist(e, "later"))
	if got := setting(e.Current().base.Settings, isuride.PaymentGatewayURL); got != "http://localhost:1" {
		t.Errorf("the next leader pays at %q", got)
	}
	g.start(first)
	g.everybodyHas(2)
}

// TestGroupInitializesDuringSnapshot: a standby that is writing a snapshot when an initialize comes follows it at
// once. The snapshot reads a state that the initialize must not touch meanwhile, so the one would wait for the other.
func TestGroupInitializesDuringSnapshot(t *testing.T) {
	g := newTrio(t)
	name, e := g.leader()
	standby := g.engines[g.but(name)[0]]
	g.await("there is a standby", func() bool { return standby.member.standby.Load() != nil })
	writing := &standby.member.pen.writing
	writing.Lock()
	written := sync.OnceFunc(writing.Unlock)
	t.Cleanup(written)
	g.must(e.Initialize("http://localhost:1", func() bool { return false }))
	begun := e.Current().base.Position
	g.await("the standby is in the next generation", func() bool { return standby.member.applied.Load() >= begun })
	written()
	g.enlist("later")
	g.everybodyHas(1)
}

// TestGroupInitializesOnAFullDisk: the leader, and a standby, whose disk has no room for what a generation begins
// with, begin it when there is room.
func TestGroupInitializesOnAFullDisk(t *testing.T) {
	g := newTrio(t)
	name, e := g.leader()
	standby := g.but(name)[0]
	g.await("there is a standby", func() bool { return g.engines[standby].member.standby.Load() != nil })
	for _, full := range []struct{ name, says string }{{name, "this server waits for room"}, {standby, "this replica waits for room"}} {
		part := g.engines[full.name].member.bases.path + ".new"
		g.must(os.Symlink("/dev/full", part))
		before := g.engines[full.name].Stats().Generation
		initialized := make(chan error, 1)
		go func() { initialized <- e.Initialize("http://localhost:1", func() bool { return false }) }()
		g.await(full.name+" waits for room", func() bool { return strings.Contains(g.said.String(), full.says) })
		if now := g.engines[full.name].Stats().Generation; now != before {
			t.Errorf("%s is in generation %d, and has no room to begin it", full.name, now)
		}
		g.must(os.Remove(part))
		g.must(<-initialized)
		g.enlist("later")
		g.everybodyHas(1)
	}
}

// TestGroupCountsItsLogOnce: what a member's journal has counted is not counted again when its role changes.
func TestGroupCountsItsLogOnce(t *testing.T) {
	g := newTrio(t)
	for i := range 3 {
		g.enlist(fmt.Sprint("user", i))
		_, e := g.leader()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		g.must(e.HandOver(ctx, ""))
		cancel()
	}
	g.leader()
	for name, e := range g.engines {
		least := e.member.journal.Stats().Added
		got := e.Stats().Journal.Added
		if most := e.member.journal.Stats().Added; got < least || got > most {
			t.Errorf("%s counts %d records, not %d to %d", name, got, least, most)
		}
	}
}

// TestLeadingWithALogThatHasStopped: who looks for a leader is not sent to one that can record nothing.
func TestLeadingWithALogThatHasStopped(t *testing.T) {
	g := newTrio(t)
	name, e := g.leader()
	g.must(e.Leading())
	if g.engines[g.but(name)[0]].Leading() == nil {
		t.Error("a standby is said to lead")
	}
	broken := errors.New("the disk is broken")
	e.Current().tenure.queue.end(broken)
	if err := e.Leading(); err != broken {
		t.Errorf("with a log that has stopped: %v", err)
	}
}

// TestStandbyRecountedTwice: an operator's recount of a standby, which waits for the one under way, does not keep
// events out meanwhile: the one under way would wait for them when it has rested.
func TestStandbyRecountedTwice(t *testing.T) {
	g := newTrio(t)
	name, _ := g.leader()
	m := g.engines[g.but(name)[0]].member
	g.await("there is a standby", func() bool { return m.standby.Load() != nil })
	s := m.standby.Load()
	counting := &s.gen.Load().audit.counting
	counting.Lock() // as one has that rests
	rested := sync.OnceFunc(counting.Unlock)
	t.Cleanup(rested)
	recounted := make(chan error, 1)
	go func() {
		_, _, err := s.recount(newWork(t.Context(), false))
		recounted <- err
	}()
	const more = 20
	for i := range more {
		g.enlist(fmt.Sprint("user", i))
	}
	g.everybodyHas(more)
	rested()
	if err := <-recounted; err != nil {
		t.Error(err)
	}
}

// TestGroupMemberFromSnapshot: a member that lost its folder gets a snapshot and the log behind
// it, when the others no longer have the beginning of the log.
func TestGroupMemberFromSnapshot(t *testing.T) {
	g := newTrio(t)
	registered := 0
	for range 3 { // each term begins a segment, and only whole ones go
		for range 10 {
			g.enlist(fmt.Sprint("user", registered))
			registered++
		}
		_, e := g.leader()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		g.must(e.HandOver(ctx, ""))
		cancel()
		g.await("the next leader", func() bool { return e.Current() == nil })
	}
	name, _ := g.leader()
	lost := "a"
	if name == lost {
		lost = "b"
	}
	g.stop(lost)
	g.must(os.RemoveAll(filepath.Join(g.dir, lost)))
	for name, e := range g.engines { // either may lead by then
		_, err := e.Snapshot()
		g.must(err)
		g.await("the beginning of the log has gone from "+name, func() bool { return e.member.journal.Oldest() > 10 })
	}
	g.start(lost)
	g.everybodyHas(registered)
	if s := g.engines[lost].Stats().Snapshot; s.Bytes == 0 {
		t.Error("the member that lost its folder has no snapshot")
	}
	g.enlist("later")
	g.everybodyHas(registered + 1)
}

// TestGroupWithWitness: two servers with data and a witness survive the loss of either of the
// two; the witness keeps no more of the log than the leader needs.
func TestGroupWithWitness(t *testing.T) {
	g := newTrioOf(t, "", []replica.Member{{Name: "a", Address: "a:1"}, {Name: "b", Address: "b:1"}, {Name: "c", Address: "c:1", Witness: true}})
	witness := g.engines["c"]
	registered := 0
	for range 3 {
		for range 5 {
			g.enlist(fmt.Sprint("user", registered))
			registered++
		}
		name, _ := g.leader()
		g.stop(name)
		g.enlist(fmt.Sprint("user", registered)) // with the other one and the witness
		registered++
		g.start(name)
		g.await(name+" has caught up", func() bool { return users(g.engines[name]) == registered })
	}
	if s := witness.Stats(); witness.Current() != nil || !s.Replica.Witness || s.Replica.Lag != 0 || s.State.Users != 0 {
		t.Errorf("the witness has a state: %+v", s.Replica)
	}
	if err := witness.Health(); len(err) > 0 {
		t.Error(err)
	}
	for _, name := range []string{"a", "b"} {
		_, err := g.engines[name].Snapshot()
		g.must(err)
	}
	g.await("the witness lets go of the log's beginning", func() bool { return witness.member.journal.Oldest() > 5 })
}

// TestGroupMemberThatDiffers stops: its state is not the leader's.
func TestGroupMemberThatDiffers(t *testing.T) {
	g := newTrio(t)
	name, e := g.leader()
	gen := e.Current()
	position, h := gen.Store.Hash()
	event := isuride.Event{Kind: isuride.StateHashed, Hash: &isuride.StateHash{At: gen.Now(), Position: position, Form: state.HashForm, Hi: h.Hi, Lo: h.Lo + 1}}
	_, err := gen.tenure.AppendNoted(event.Append(nil), unnoted{})
	g.must(err)
	for other, e := range g.engines {
		if other == name {
			continue
		}
		select {
		case err := <-e.Failed():
			if s := e.Stats().Replica; !strings.Contains(err.Error(), "must not go on") || s.Different != 1 {
				t.Errorf("%s has stopped with %v, and counts %d differences", other, err, s.Different)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s goes on with a state that is not the leader's", other)
		}
	}
}
