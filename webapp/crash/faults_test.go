package crash

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/webapp/servertest"
	"isuride/webapp/sqlstore/mysqltest"
)

var (
	roundsFlag = flag.Int("rounds", 1, "how often TestClusterFaults makes each fault")
	heldFlag   = flag.Duration("held", 0, "how long it holds each fault, beyond what the fault needs to show; 10 s for a stopped leader, for instance")
	recordFlag = flag.String("record", "", "`file` to which it adds a line for each fault")
)

// fault is something that happens to a group, and what is to come of it.
type fault struct {
	name string
	// strike makes it happen to the server that leads. It returns when the fault can be seen, and how
	// it is healed.
	strike func(t *trial, leader *servertest.Process) (heal func())
	moves  bool // another server leads then
	still  bool // nothing is accepted meanwhile: no majority is left
}

// TestClusterFaults: a group under load suffers one fault after the other. Whatever happens, nothing
// that was accepted is lost, all answers fit one order of the calls (porcupine), and changes are
// accepted again while the fault lasts, unless it leaves no majority.
func TestClusterFaults(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	t.Run("processes", func(t *testing.T) {
		t.Parallel()
		g := servertest.NewGroup(t, (*servertest.Process).Bare)
		newTrial(t, g, seed).suffer(fault{"kill", (*trial).kill, true, false}, fault{"stop", (*trial).freeze, true, false},
			fault{"leader alone", (*trial).part, true, false}, fault{"leader with one", (*trial).partOther, false, false},
			fault{"leader hears nothing", (*trial).deafen, true, false}, fault{"leader is not heard", (*trial).mute, true, false},
			fault{"old disk", (*trial).oldDisk, false, false}, fault{"unreadable SQLite file", (*trial).unreadable, false, false})
	})
	t.Run("witness", func(t *testing.T) {
		t.Parallel()
		g := servertest.NewGroupWithWitness(t, (*servertest.Process).Bare)
		newTrial(t, g, seed).suffer(fault{"witness cut off", (*trial).partWitness, false, false}, fault{"leader killed beside a witness", (*trial).kill, true, false},
			fault{"witness cut off, standby lost", (*trial).leaveAlone, false, true})
	})
	t.Run("database", func(t *testing.T) {
		t.Parallel()
		newDatabaseTrial(t, seed).suffer(fault{"database lost", (*trial).loseDatabase, false, false}, fault{"database lost at a promotion", (*trial).loseBoth, true, false})
	})
	t.Run("full disk", func(t *testing.T) {
		t.Parallel()
		newDiskTrial(t, seed).suffer(fault{"full disk", (*trial).fill, false, false})
	})
	for _, kind := range []string{"slow", "failing"} {
		t.Run(kind+" disk", func(t *testing.T) { t.Parallel(); badDisk(t, seed, kind) })
	}
}

// trial is a group under load.
type trial struct {
	t       *testing.T
	g       *servertest.Group
	servers []*servertest.Process // those with data
	seed    uint64
	crowd   *crowd
	history *history
	own     *mysqltest.Server // nil with SQLite
	disk    string            // of the first server, "" for the machine's
}

// pauses of the load, which must leave CPU to what is tested.
const (
	crowdPause   = 10 * time.Millisecond
	historyPause = 20 * time.Millisecond
)

func newTrial(t *testing.T, g *servertest.Group, seed uint64) *trial {
	t.Helper()
	g.Start()
	g.Leader()
	tr := &trial{t: t, g: g, servers: g.Members, seed: seed}
	if g.Members[2].Witness {
		tr.servers = g.Members[:2]
	}
	tr.load()
	return tr
}

func (tr *trial) load() {
	tr.crowd = gatherAt(tr.servers, "rider", crowdPause)
	tr.history = newHistory(tr.t, tr.g)
	tr.history.servers, tr.history.pause = tr.servers, historyPause
	for i := range 6 {
		tr.history.client(i, rand.New(rand.NewPCG(tr.seed, uint64(i))))
	}
}

// newDatabaseTrial begins while the database that all share is away.
func newDatabaseTrial(t *testing.T, seed uint64) *trial {
	t.Helper()
	own := new(mysqltest.Server)
	t.Cleanup(own.Close)
	c := own.Config(t)
	if own.Foreign() {
		t.Skip("the database of ISURIDE_TEST_MYSQL is not ours to stop")
	}
	own.Stop(t)
	tr := newTrial(t, servertest.NewGroup(t, func(p *servertest.Process) {
		p.Bare()
		p.UseMySQL(c)
	}), seed)
	tr.own = own
	tr.crowd.grows(t, 30)
	own.Restart(t)
	tr.written()
	return tr
}

// newDiskTrial has the first server on a small disk of its own, and leading.
func newDiskTrial(t *testing.T, seed uint64) *trial {
	t.Helper()
	g := servertest.NewGroup(t, (*servertest.Process).Bare)
	p := g.Members[0]
	if err := syscall.Mount("none", p.Data, "tmpfs", 0, "size=208m"); err != nil { // two segments, and a third for the next term
		t.Skipf("only root can make a small disk: %v", err)
	}
	t.Cleanup(func() {
		p.Kill()
		syscall.Unmount(p.Data, syscall.MNT_DETACH)
	})
	tr := newTrial(t, g, seed)
	tr.disk = p.Data
	promote(tr.t, tr.g, p)
	return tr
}

// ask asks a leader to hand over, and returns what it says.
func ask(leader, to *servertest.Process) error {
	r, err := http.Post(leader.Inside+"/promote?to="+to.Node, "", nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(text)))
	}
	return nil
}

// suffer makes the faults, in an order of chance, and then looks for all that was accepted.
func (tr *trial) suffer(faults ...fault) {
	tr.t.Helper()
	rng := rand.New(rand.NewPCG(tr.seed, 1000))
	for range *roundsFlag {
		rng.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		for _, f := range faults {
			tr.once(f)
		}
	}
	tr.history.check()
	tr.crowd.disperse(tr.t, tr.g.Leader())
	if tr.own != nil {
		tr.written()
	}
}

// outcome is a line of the records.
type outcome struct {
	Fault    string  `json:"fault"`
	Seed     uint64  `json:"seed"`
	Cores    int     `json:"cores"`
	First    float64 `json:"first_accepted_ms"` // after the strike
	Gap      float64 `json:"longest_gap_ms"`    // between two acceptances, from the strike until all is healed
	Accepted int     `json:"accepted"`          // by then, since the trial began
	Moved    bool    `json:"moved"`
}

// once makes one fault.
func (tr *trial) once(f fault) {
	tr.t.Helper()
	leader := tr.g.Leader()
	tr.crowd.grows(tr.t, 20)
	tr.t.Logf("%s: to %s", f.name, leader.Node)
	began := time.Now()
	heal := f.strike(tr, leader)
	next := leader
	switch {
	case f.moves:
		next = tr.g.Leader(tr.g.Others(leader)...)
	case !f.still:
		next = tr.g.Leader()
	}
	if !f.still {
		tr.crowd.grows(tr.t, 20)
	}
	for end := time.Now().Add(*heldFlag); time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if heal != nil {
		heal()
	}
	tr.crowd.grows(tr.t, 20)
	tr.level()
	tr.record(f, began, next != leader)
}

// level waits until all servers follow the one that leads.
func (tr *trial) level() {
	tr.t.Helper()
	servertest.Within(tr.t, flushLimit, func() error {
		leader := tr.g.Leader()
		s := leader.Scrape()
		for _, p := range tr.g.Others(leader) {
			if !s.Has("isuride_replica_peer_behind", "peer", p.Node) {
				return fmt.Errorf("%s leads no more", leader.Node)
			}
			if behind := s.Value("isuride_replica_peer_behind", "peer", p.Node); p.Cmd == nil || behind > 1000 {
				return fmt.Errorf("%s is %v events behind", p.Node, behind)
			}
		}
		return nil
	})
}

// written waits until the shared tables have what is committed by now.
func (tr *trial) written() {
	tr.t.Helper()
	servertest.Within(tr.t, 2*flushLimit, func() error {
		if s := tr.g.Leader().Scrape(); s.Value("isuride_flush_backlog") > 1000 {
			return fmt.Errorf("the tables are %v events behind", s.Value("isuride_flush_backlog"))
		}
		return nil
	})
}

func (tr *trial) record(f fault, began time.Time, moved bool) {
	tr.t.Helper()
	tr.crowd.mu.Lock()
	o := outcome{Fault: f.name, Seed: tr.seed, Cores: runtime.NumCPU(), Accepted: len(tr.crowd.times), Moved: moved}
	for i, at := range tr.crowd.times {
		if !at.After(began) {
			continue
		}
		if o.First == 0 {
			o.First = ms(at.Sub(began))
		}
		if i > 0 {
			o.Gap = max(o.Gap, ms(at.Sub(tr.crowd.times[i-1])))
		}
	}
	tr.crowd.mu.Unlock()
	line, err := json.Marshal(o)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.t.Logf("%s", line)
	if *recordFlag == "" {
		return
	}
	file, err := os.OpenFile(*recordFlag, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err == nil {
		_, err = file.Write(append(line, '\n'))
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		tr.t.Fatal(err)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// The faults.

func (tr *trial) kill(leader *servertest.Process) func() {
	leader.Kill()
	return leader.Start
}

func (tr *trial) freeze(leader *servertest.Process) func() {
	tr.history.away.Store(leader) // a client that calls it waits
	leader.Cmd.Process.Signal(syscall.SIGSTOP)
	return func() {
		leader.Cmd.Process.Signal(syscall.SIGCONT)
		tr.history.away.Store(nil)
	}
}

func (tr *trial) part(leader *servertest.Process) func() {
	tr.g.Cut(leader, true)
	return func() { tr.g.Cut(leader, false) }
}

// partOther leaves the leader with one other.
func (tr *trial) partOther(leader *servertest.Process) func() {
	return tr.part(tr.g.Others(leader)[0])
}

func (tr *trial) partWitness(*servertest.Process) func() { return tr.part(tr.g.Members[2]) }

func (tr *trial) deafen(leader *servertest.Process) func() {
	tr.g.Deafen(leader, true)
	return func() { tr.g.Deafen(leader, false) }
}

func (tr *trial) mute(leader *servertest.Process) func() {
	tr.g.Mute(leader, true)
	return func() { tr.g.Mute(leader, false) }
}

// leaveAlone takes the witness and the standby, without which nothing can be accepted.
func (tr *trial) leaveAlone(leader *servertest.Process) func() {
	standby := tr.g.Others(leader)[0]
	tr.g.Cut(tr.g.Members[2], true)
	standby.Kill()
	servertest.Eventually(tr.t, func() error {
		if leader.Leads() {
			return errors.New("it leads without a majority")
		}
		return nil
	})
	return func() {
		tr.g.Cut(tr.g.Members[2], false)
		standby.Start()
	}
}

// oldDisk has a standby come back with its folder of before, while the leader is killed: what the
// folder lacks must not be lost by its vote.
func (tr *trial) oldDisk(leader *servertest.Process) func() {
	p := tr.g.Others(leader)[0]
	backup := filepath.Join(tr.t.TempDir(), "backup")
	p.Kill()
	copyFolder(tr.t, p.Data, backup)
	p.Start()
	tr.crowd.grows(tr.t, 50)
	tr.level()
	p.Kill()
	if err := os.RemoveAll(p.Data); err != nil {
		tr.t.Fatal(err)
	}
	copyFolder(tr.t, backup, p.Data)
	p.Start()
	leader = tr.g.Leader()
	leader.Kill()
	leader.Start()
	return nil
}

// copyFolder keeps what a server looks at: who may read its files.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if out, err := bound.Command(t, "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// unreadable has a standby start with something that is no database.
func (tr *trial) unreadable(leader *servertest.Process) func() {
	p := tr.g.Others(leader)[0]
	path := p.DB.Path
	p.Kill()
	hidden := path + ".hidden"
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, hidden+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			tr.t.Fatal(err)
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		tr.t.Fatal(err)
	}
	p.Start()
	p.Says("the tables are not written; the log keeps everything")
	return func() {
		if err := os.Remove(path); err != nil {
			tr.t.Fatal(err)
		}
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Rename(hidden+suffix, path+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
				tr.t.Fatal(err)
			}
		}
		inTables(p, tr.g.Leader())
	}
}

func (tr *trial) loseDatabase(*servertest.Process) func() {
	tr.own.Stop(tr.t)
	return func() { tr.own.Restart(tr.t) }
}

// loseBoth loses the leader as well.
func (tr *trial) loseBoth(leader *servertest.Process) func() {
	tr.own.Stop(tr.t)
	leader.Kill()
	return func() {
		tr.own.Restart(tr.t)
		leader.Start()
		tr.written()
	}
}

// fill fills the disk of the first server, whichever server leads. It goes on with what room it has, but once another one leads
// it has no room for another segment: it does not lead again, and holds nobody up.
func (tr *trial) fill(*servertest.Process) func() {
	p := tr.g.Members[0]
	promote(tr.t, tr.g, p)
	junk := filepath.Join(tr.disk, "junk")
	stop := fillUp(tr.t, junk)
	others := tr.g.Others(p)
	servertest.Within(tr.t, flushLimit, func() error { // each term takes a segment, and gives back what the one before has not used
		leader, to := tr.g.Leader(), others[0]
		if leader == to {
			to = others[1]
		}
		if err := ask(leader, to); err != nil {
			return err
		}
		if status, says := p.Operator("GET", "/healthz"); status != 503 || !strings.Contains(string(says), "this server should not lead: its disk has no room") {
			return fmt.Errorf("of its health the server says %d %s", status, says)
		}
		return nil
	})
	servertest.Eventually(tr.t, func() error { // what a term gives back may be room for one more
		if err := ask(tr.g.Leader(), p); err != nil && !p.Leads() {
			return nil
		}
		return errors.Join(errors.New("a server whose disk is full was given the lead"), ask(p, others[0]))
	})
	tr.g.Leader(others...)
	return func() {
		stop()
		if err := os.Remove(junk); err != nil {
			tr.t.Fatal(err)
		}
		promote(tr.t, tr.g, p)         // there is room again
		promote(tr.t, tr.g, others[0]) // or it is another's already: so small a disk may be full again for a moment
	}
}

// fillUp is a program that takes all room of a disk, and what comes free.
func fillUp(t *testing.T, path string) (stop func()) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer f.Close()
		for chunk := make([]byte, 1<<20); ; {
			select {
			case <-end:
				return
			default:
			}
			if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
				time.Sleep(time.Millisecond)
			} else if err != nil {
				t.Error(err)
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

// badDisk gives the first server a disk whose syncs take long, or fail, after a while, and has it lead:
// another one leads soon, and nothing that was accepted is lost.
func badDisk(t *testing.T, seed uint64, kind string) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed, which makes disks slow (Debian package strace)")
	}
	inject := map[string]string{"slow": "delay_enter=150000:when=60+", "failing": "error=EIO:when=60+"}[kind]
	g := servertest.NewGroup(t, func(p *servertest.Process) {
		p.Bare()
		p.Env = append(p.Env, "ISURIDE_DURABILITY=power")
	})
	p := g.Members[0]
	p.Under = []string{strace, "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:" + inject}
	others := g.Others(p)
	for _, p := range others {
		if err := p.Launch(); err != nil {
			t.Fatal(err)
		}
	}
	p.Start()
	for _, p := range others {
		if err := p.Listening(); err != nil {
			t.Fatal(err)
		}
	}
	servertest.Eventually(t, func() error { // the load begins at one that goes on to lead
		if g.Leader() == p {
			return errors.Join(errors.New("the server with the bad disk leads first"), ask(p, others[0]))
		}
		return nil
	})
	tr := &trial{t: t, g: g, servers: others, seed: seed}
	tr.load()
	tr.crowd.grows(t, 20)
	began := time.Now()
	servertest.Within(t, flushLimit, func() error { // its disk may fail before
		leader := g.Leader()
		if leader == p || p.Ended() {
			return nil
		}
		return ask(leader, p)
	})
	var next *servertest.Process
	servertest.Within(t, flushLimit, func() error {
		i := slices.IndexFunc(others, (*servertest.Process).Leads)
		if i < 0 || p.Leads() {
			return errors.New("the server with the bad disk goes on to lead")
		}
		next = others[i]
		return nil
	})
	tr.crowd.grows(t, 100)
	tr.record(fault{name: kind + " disk"}, began, next != p)
	tr.history.check()
	tr.crowd.disperse(t, g.Leader())
}
