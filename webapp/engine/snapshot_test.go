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
	clock  func() time.Time
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
	return &city{t: t, dir: t.TempDir(), clock: time.Now, rng: rand.New(rand.NewPCG(1, 2)), policy: Snapshots{Tail: 1 << 40, Every: time.Hour}}
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
		JournalDir: c.journals(), Folder: folder, Durability: c.level, Snapshots: c.policy,
		InitialData: sqlstore.MasterData,
		Describe:    func(*isuride.Chair) []byte { return nil },
		Solver:      func() dispatch.Solver { return new(match.Workspace) },
		Dispatch:    dispatch.DefaultParams(),
		Now:         func() isuride.Time { return isuride.TimeOf(c.clock()) },
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
						_, err := s.Assign(ride, free[i].Chair)
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
		for round := range 6 {
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
	for c.Stats().Snapshot.Written < 5 {
		c.live(100)
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
			binary.LittleEndian.PutUint32(b[12:], crc32.Update(crc32.Checksum(b[:12], table), table, b[16:128]))
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
		"a later version":    {spoil: word(8, 2), says: "another format: version 2", stays: true},
		"other byte order":   {spoil: edit(func(b []byte) []byte { slices.Reverse(b[:8]); return b }), says: "in the other byte order", stays: true},
		"cut":                {spoil: edit(func(b []byte) []byte { return b[:len(b)/2] }), says: "damaged"},
		"empty":              {spoil: edit(func(b []byte) []byte { return nil }), says: "the header is cut short"},
		"a byte flipped":     {spoil: edit(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }), says: "the checksum of the block does not match"},
		"newer":              {spoil: word(48, 1<<40), says: "it goes up to event 1099511627776, the journal"},
		"another log":        {spoil: word(56, 4711<<32|1<<31), says: "is not the one that was there"},
		"older than the log": {spoil: word(40, 0), says: "the images go up to", stays: true}, // its span is wrong, as is seen
		"another program's":  {spoil: func(c *city, path string) { c.must(os.Remove(path)); c.must(os.Mkdir(path, 0o700)) }, says: "is a directory", stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "older than the log" {
				t.Skip()
			}
			for both := range 2 {
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
