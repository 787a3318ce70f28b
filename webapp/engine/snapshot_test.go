package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/snapshot"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// city is an engine on a folder, with some that ride and drive.
type city struct {
	*Engine
	t      testing.TB
	dir    string
	db     *tricky
	level  journal.Durability
	policy Snapshots
	behind atomic.Int64 // nanoseconds that the clock has gone back
	log    *lines

	rng    *rand.Rand
	owner  *state.Owner
	users  []*state.User
	chairs []*state.Chair
}

// lines is a log that can be read.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newCity(t testing.TB) *city {
	return &city{t: t, dir: t.TempDir(), rng: rand.New(rand.NewPCG(1, 2)), policy: Snapshots{Tail: 1 << 40, Every: time.Hour}}
}

func (c *city) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// start opens the generation and runs nothing of it but the write-behind, so that nothing
// happens by itself.
func (c *city) start() {
	c.t.Helper()
	c.must(c.tryStart())
}

func (c *city) tryStart() error {
	store, err := sqlstore.Open(context.Background(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(c.dir, "isuride.db")}, quiet())
	c.must(err)
	c.db, c.log = &tricky{Store: store}, new(lines)
	folder, err := LockFolder(c.journals())
	c.must(err)
	c.Engine = &Engine{db: c.db, failed: make(chan error, 1), cfg: Config{
		JournalDir: c.journals(), Folder: folder, Durability: c.level, Snapshots: c.policy, KeepJournal: 256 << 20,
		InitialData: sqlstore.MasterData,
		Describe:    func(*isuride.Chair) []byte { return nil },
		Solver:      func() dispatch.Solver { return new(match.Workspace) },
		Dispatch:    dispatch.DefaultParams(),
		Now:         func() isuride.Time { return isuride.TimeOf(time.Now().Add(-time.Duration(c.behind.Load()))) },
		Log:         slog.New(slog.NewTextHandler(c.log, nil)),
	}}
	g, err := c.first(context.Background())
	if err != nil {
		c.must(errors.Join(store.Close(), folder.Close()))
		return err
	}
	c.current.Store(g)
	g.startFlush()
	c.owner, c.users, c.chairs = nil, nil, nil
	return nil
}

func (c *city) journals() string { return filepath.Join(c.dir, "journal") }

func (c *city) snapshots() []string {
	c.t.Helper()
	paths, err := snapshot.List(c.cfg.Folder.journal(c.Current().number))
	c.must(err)
	return paths
}

// halt ends the engine without writing what is not written yet, as a kill does.
func (c *city) halt() {
	c.t.Helper()
	c.Current().discard()
	c.must(c.cfg.Folder.Close())
	c.must(c.db.Close())
}

func (c *city) stop() {
	c.t.Helper()
	c.must(c.Stop())
	c.must(c.db.Close())
}

// live has accounts come and rides be driven, some of them to an end.
func (c *city) live(steps int) {
	c.t.Helper()
	s := c.Current().Store
	for range steps {
		switch c.rng.IntN(8) {
		case 0:
			u, err := s.RegisterUser(state.NewUser{Username: fmt.Sprint("user", c.rng.Uint64()), Firstname: "Ann", Lastname: "Lee", DateOfBirth: "2000-01-01"})
			c.must(err)
			c.must(s.SetPaymentToken(u, "token"))
			c.users = append(c.users, u)
		case 1:
			if c.owner == nil {
				o, err := s.RegisterOwner(fmt.Sprint("owner", c.rng.Uint64()))
				c.must(err)
				c.owner = o
			}
			chair, err := s.RegisterChair(c.owner.ChairRegisterToken, "AB", "SitEase")
			c.must(err)
			c.must(s.SetActivity(chair, true))
			c.chairs = append(c.chairs, chair)
		case 2, 3:
			if len(c.users) > 0 {
				s.RequestRide(c.users[c.rng.IntN(len(c.users))], isuride.Coordinate{}, isuride.Coordinate{Latitude: 1})
			}
		case 4:
			for r := range isuride.Region(isuride.Regions) {
				region := s.Region(r)
				free := region.Free(nil)
				for i, ride := range region.Waiting(nil) {
					if i < len(free) {
						_, err := s.Assign(ride, free[i].Chair, nil)
						c.must(err)
					}
				}
			}
			if len(c.users) > 0 {
				deliverAll(s, &c.users[c.rng.IntN(len(c.users))].Log, state.ToUser)
			}
		default:
			if len(c.chairs) > 0 {
				c.drive(s, c.chairs[c.rng.IntN(len(c.chairs))])
			}
		}
	}
}

// drive does with a chair what comes next; calls that make no sense are refused.
func (c *city) drive(s *state.Store, chair *state.Chair) {
	_, err := s.Report(chair, isuride.Coordinate{Latitude: int32(c.rng.IntN(2))})
	c.must(err)
	if m, _, ok := chair.Log.Current(); ok {
		s.Advance(chair, m.Ride.ID, isuride.Enroute)
		s.Advance(chair, m.Ride.ID, isuride.Carrying)
		if ch, first, err := s.BeginCharge(m.Ride.User, m.Ride.ID, 4); err == nil && first && c.rng.IntN(4) > 0 {
			_, err := s.Complete(ch)
			c.must(err)
			s.Release(m.Ride)
		}
	}
	if c.rng.IntN(2) == 0 {
		deliverAll(s, &chair.Log, state.ToChair)
	}
}

// portrait writes down everything that must survive.
func (c *city) portrait() string {
	c.t.Helper()
	var list []string
	_, err := c.Current().Store.Walk(func(i *state.Image) error {
		switch {
		case i.Owner != nil:
			list = append(list, fmt.Sprintf("%+v", *i.Owner))
		case i.Chair != nil:
			plain(&i.Chair.Log)
			list = append(list, fmt.Sprintf("%+v", *i.Chair))
		default:
			for r := range i.User.Rides {
				if ride := &i.User.Rides[r]; ride.Done {
					ride.MatchingID, ride.MatchingAt = "", 0
				}
			}
			plain(&i.User.Log)
			list = append(list, fmt.Sprintf("%+v", *i.User))
		}
		return nil
	})
	c.must(err)
	_, hash := c.Current().Store.Hash()
	list = append(list, fmt.Sprint("the hash is ", hash))
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// plain leaves out what tables do not keep, and nobody is told.
func plain(l *state.LogImage) {
	for i := range l.Messages {
		l.Messages[i].UpdatedAt, l.Messages[i].Stats = 0, state.Stats{}
	}
}

func (c *city) snapshot() snapshot.Info {
	c.t.Helper()
	info, err := c.Current().snapshots.write(context.Background(), false)
	c.must(err)
	return info
}

func (c *city) flushed() {
	c.t.Helper()
	for g := c.Current(); g.writer.Lag().Events > 0; {
		time.Sleep(time.Millisecond)
	}
}

func (c *city) recovered() Recovered { return c.Current().recovered }

// expect compares the city with what it was before a restart.
func (c *city) expect(when, before string) {
	c.t.Helper()
	w, g := strings.Split(before, "\n"), strings.Split(c.portrait(), "\n")
	if slices.Equal(w, g) {
		return
	}
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			c.t.Fatalf("%s:\nwas %s\nis  %s\n%s", when, w[i], g[i], c.log)
		}
	}
	c.t.Fatalf("%s: %d lines were, %d are", when, len(w), len(g))
}

// TestRestartFromSnapshot: what a snapshot and the end of the log make is what was there,
// wherever the tables are: before the snapshot, or after it.
func TestRestartFromSnapshot(t *testing.T) {
	for _, level := range []journal.Durability{journal.Crash, journal.Power} {
		c := newCity(t)
		c.level = level
		c.start()
		for round := range 4 {
			c.db.noCuts.Store(round%2 == 1) // the tables are behind
			c.live(300)
			info := c.snapshot()
			c.live(100)
			if round%2 == 0 {
				c.flushed() // the tables are ahead
			}
			before := c.portrait()
			c.halt()
			c.start()
			if got := c.recovered(); got.Snapshot != info.Path || got.Bytes != info.Bytes || got.Events == 0 {
				t.Fatalf("recovered from %+v, want %s\n%s", got, info.Path, c.log)
			}
			c.expect(fmt.Sprint("round ", round), before)
			c.flushed()
		}
		before := c.portrait()
		c.halt()
		for _, path := range c.snapshots() {
			c.must(os.Remove(path))
		}
		c.start()
		if got := c.recovered(); got.Snapshot != "" || got.Rows < 100 {
			t.Fatalf("recovered from %+v", got)
		}
		c.expect("from the tables", before)
		c.halt()
	}
}

// TestSnapshotDuringLife: the same with snapshots that are written while everything goes on.
func TestSnapshotDuringLife(t *testing.T) {
	c := newCity(t)
	c.start()
	c.live(500)
	ended := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
				if _, err := c.Engine.Snapshot(); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for c.Stats().Snapshot.Written < 3 { // each waits for a sync of the journal
		c.live(10)
		time.Sleep(time.Millisecond)
	}
	close(ended)
	writer.Wait()
	c.live(50)
	before := c.portrait()
	for _, path := range c.snapshots() { // each of those that are kept
		if c.recovered().Snapshot == path {
			t.Fatal("used before")
		}
		c.halt()
		c.start()
		if c.recovered().Snapshot != path {
			t.Fatalf("recovered from %+v\n%s", c.recovered(), c.log)
		}
		c.expect(path, before)
		c.must(os.Remove(path))
	}
	c.halt()
}

// TestBadSnapshots: each is named, and an older way works: the snapshot before, or the tables.
func TestBadSnapshots(t *testing.T) {
	edit := func(change func(b []byte) []byte) func(c *city, path string) {
		return func(c *city, path string) {
			b, err := os.ReadFile(path)
			c.must(err)
			c.must(os.WriteFile(path, change(b), 0o600))
		}
	}
	word := func(at int, value uint64) func(c *city, path string) {
		return edit(func(b []byte) []byte {
			binary.LittleEndian.PutUint64(b[at:], value)
			table := crc32.MakeTable(crc32.Castagnoli)
			binary.LittleEndian.PutUint32(b[12:], crc32.Update(crc32.Checksum(b[:12], table), table, b[16:152]))
			return b
		})
	}
	for name, bad := range map[string]struct {
		spoil func(c *city, path string)
		says  string
		stays bool
	}{
		"another history":    {spoil: word(16, 4711), says: "it is of history"},
		"another generation": {spoil: word(32, 4711), says: "it is of generation 4711"},
		"a later version":    {spoil: word(8, 3), says: "another format: version 3", stays: true},
		"another state":      {spoil: word(136, 4711), says: "has the hash"},
		"other byte order":   {spoil: edit(func(b []byte) []byte { slices.Reverse(b[:8]); return b }), says: "in the other byte order", stays: true},
		"cut":                {spoil: edit(func(b []byte) []byte { return b[:len(b)/2] }), says: "damaged"},
		"empty":              {spoil: edit(func(b []byte) []byte { return nil }), says: "the header is cut short"},
		"a byte flipped":     {spoil: edit(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }), says: "the checksum of the block does not match"},
		"newer":              {spoil: word(48, 1<<40), says: "it goes up to event 1099511627776, the journal"},
		"another log":        {spoil: word(56, 4711<<32|1<<31), says: "is not the one that was there"},
		"another program's":  {spoil: func(c *city, path string) { c.must(os.Remove(path)); c.must(os.Mkdir(path, 0o700)) }, says: "is a directory", stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for the disk
			for both := range 2 {
				if both > 0 && name != "cut" && name != "newer" {
					continue
				}
				c := newCity(t)
				c.start()
				c.live(200)
				first := c.snapshot()
				c.live(100)
				second := c.snapshot()
				c.live(50)
				before := c.portrait()
				c.halt()
				bad.spoil(c, second.Path)
				want := first.Path
				if both > 0 {
					bad.spoil(c, first.Path)
					want = ""
				}
				c.start()
				log := c.log.String()
				if !strings.Contains(log, bad.says) || !strings.Contains(log, second.Path) {
					t.Errorf("the log does not say %q of %s:\n%s", bad.says, second.Path, log)
				}
				if c.recovered().Snapshot != want {
					t.Errorf("recovered from %+v, want %q\n%s", c.recovered(), want, log)
				}
				c.expect(name, before)
				if _, err := os.Stat(second.Path); (err == nil) != bad.stays {
					t.Errorf("it stays: %v, want %v", err == nil, bad.stays)
				}
				c.live(50)
				c.snapshot() // goes on as ever
				before = c.portrait()
				c.halt()
				c.start()
				c.expect(name+", after another one", before)
				c.halt()
			}
		})
	}
}

// TestRestartDoesNotGrow: what a restart reads does not depend on how many position reports there
// ever were. (The bar in time is that of BenchmarkRestart.)
func TestRestartDoesNotGrow(t *testing.T) {
	c := newCity(t)
	c.policy = Snapshots{Tail: 50 << 10, Every: time.Hour}
	c.start()
	c.live(400)
	for len(c.chairs) == 0 {
		c.live(100)
	}
	var read [2]Recovered
	for i, reports := range []int{1_500, 15_000} {
		for range reports {
			chair := c.chairs[c.rng.IntN(len(c.chairs))]
			if _, err := c.Current().Store.Report(chair, isuride.Coordinate{Latitude: 500}); err != nil {
				t.Fatal(err)
			}
			if c.Current().snapshots.due(0) { // as run does each second
				c.snapshot()
			}
		}
		chairs := c.chairs
		c.flushed()
		c.halt()
		c.start()
		read[i] = c.recovered()
		for _, chair := range chairs {
			again, ok := c.Current().Store.ChairByToken([]byte(chair.AccessToken()))
			if !ok {
				t.Fatal("a chair is gone")
			}
			c.chairs = append(c.chairs, again)
		}
	}
	c.halt()
	few, many := read[0], read[1]
	if few.Snapshot == "" || many.Snapshot == "" || few.Rows != many.Rows || many.Bytes > few.Bytes*6/5 || many.Replayed > 55<<10 {
		t.Errorf("after 1,500 reports a restart read %+v, after 16,500 %+v", few, many)
	}
}

// TestStopWritesSnapshot: an orderly stop leaves nothing to replay, at any level, if it is worth
// it. At level none such a snapshot is good only as long as nothing has happened since.
func TestStopWritesSnapshot(t *testing.T) {
	for _, level := range []journal.Durability{journal.Crash, journal.Power, journal.None} {
		c := newCity(t)
		c.level, c.policy = level, Snapshots{Least: 1000}
		c.start()
		c.live(300)
		before := c.portrait()
		c.stop()
		c.start()
		if got := c.recovered(); got.Snapshot == "" || got.Events > 0 {
			t.Fatalf("%v: recovered from %+v\n%s", level, got, c.log)
		}
		c.expect(level.String(), before)
		c.stop() // nothing has happened: the same is kept
		c.start()
		if got := c.recovered(); got.Snapshot == "" || len(c.snapshots()) != 1 {
			t.Fatalf("%v: recovered from %+v, there are %v", level, got, c.snapshots())
		}
		c.live(100)
		c.flushed()
		before = c.portrait()
		c.halt()
		c.start()
		if got := c.recovered(); (got.Snapshot == "") != (level == journal.None) {
			t.Fatalf("%v: recovered from %+v\n%s", level, got, c.log)
		}
		if level == journal.None && !strings.Contains(c.log.String(), "it needs the events after") {
			t.Errorf("the log is silent:\n%s", c.log)
		}
		if level != journal.None { // whose charges under way go with the process
			c.expect(level.String()+", after a kill", before)
		}
		c.halt()
	}
}

// TestLittleIsNotWorthASnapshot: a small server is stopped and started as ever.
func TestLittleIsNotWorthASnapshot(t *testing.T) {
	c := newCity(t)
	c.policy = Snapshots{}
	c.start()
	c.live(100)
	c.stop()
	if paths := c.snapshots(); len(paths) > 0 {
		t.Errorf("there are %v", paths)
	}
}

// TestSnapshotsAreDue at once if there is none, so that the past can be replayed from then on, later by tail and
// by time, and after a start that took long.
func TestSnapshotsAreDue(t *testing.T) {
	c := newCity(t)
	c.policy = Snapshots{Tail: 20_000, Every: time.Minute, Least: 2_000}
	c.start()
	k := c.Current().snapshots
	if !k.due(0) {
		t.Error("a new generation's first one is not due")
	}
	c.snapshot()
	for _, want := range []struct{ now, later bool }{{false, false}, {false, true}, {true, true}} {
		if now, later := k.due(time.Second), k.due(time.Minute); now != want.now || later != want.later {
			t.Errorf("after %d bytes: due %v, after a minute %v, want %+v", k.tail(), now, later, want)
		}
		for enough := k.tail() + 4_000; k.tail() < enough || want.later && k.tail() < 20_000; {
			c.live(1)
		}
	}
	c.snapshot()
	if k.due(time.Second) || k.tail() > 0 {
		t.Error("due at once again")
	}
	c.live(50)
	tail := k.tail()
	c.halt()
	c.start()
	if k := c.Current().snapshots; k.due(time.Second) || k.tail() != c.recovered().Replayed || k.tail() > tail || k.tail() == 0 {
		t.Errorf("after a restart the tail is %d, was %d, replayed %+v", k.tail(), tail, c.recovered())
	}
	c.halt()
}

// TestClockGoesBack: the newest snapshot is the one that goes furthest, whatever its time.
func TestClockGoesBack(t *testing.T) {
	c := newCity(t)
	c.start()
	c.live(100)
	c.snapshot()
	c.behind.Store(int64(time.Hour))
	c.live(100)
	newest := c.snapshot()
	if s := c.Stats().Snapshot; s.Age < 0 || s.Age > time.Minute {
		t.Errorf("its age is %v", s.Age)
	}
	before := c.portrait()
	c.halt()
	c.start()
	if c.recovered().Snapshot != newest.Path {
		t.Errorf("recovered from %+v", c.recovered())
	}
	c.expect("after the restart", before)
	c.halt()
}

// TestInitializeEndsSnapshots: those of the generation before go with its journal.
func TestInitializeEndsSnapshots(t *testing.T) {
	l := begin(t, t.TempDir())
	l.register("before")
	info, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Initialize("http://localhost", waiting); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(info.Path)); !os.IsNotExist(err) {
		t.Errorf("the folder of generation 1: %v", err)
	}
	l.register("after")
	if again, err := l.Snapshot(); err != nil || again.Generation != 2 || filepath.Dir(again.Path) == filepath.Dir(info.Path) {
		t.Errorf("%+v, %v", again, err)
	}
	l.stop()
}

// TestSnapshotWithoutDatabase: the journal refuses a database that is not its own, as ever, and
// the snapshots stay with it.
func TestSnapshotWithoutDatabase(t *testing.T) {
	c := newCity(t)
	c.start()
	c.live(100)
	c.snapshot()
	c.halt()
	before := c.snapshots()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(c.dir, "isuride.db"+suffix))
	}
	if err := c.tryStart(); err == nil || !strings.Contains(err.Error(), "not of this database") {
		t.Fatal(err)
	}
	if after, err := snapshot.List(filepath.Dir(before[0])); err != nil || !slices.Equal(before, after) {
		t.Errorf("there were %v, there are %v, %v", before, after, err)
	}
}

// TestSnapshotCannotBeWritten: the server goes on, and the log and a metric say why.
func TestSnapshotCannotBeWritten(t *testing.T) {
	c := newCity(t)
	c.policy = Snapshots{Tail: 1}
	c.start()
	c.live(50)
	k := c.Current().snapshots
	c.must(os.Mkdir(filepath.Join(k.dir, "snapshot.new"), 0o700)) // in the place of a full disk
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { k.run(ctx) })
	for c.Stats().Snapshot.Failed == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	for !strings.Contains(c.log.String(), "no snapshot can be written") {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	loop.Wait()
	c.live(50)
	before := c.portrait()
	c.must(os.Remove(filepath.Join(k.dir, "snapshot.new")))
	c.snapshot()
	c.halt()
	c.start()
	c.expect("after a restart", before)
	c.halt()
}
