package restore

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"isuride/tools/dev/bound"
	"isuride/webapp/dispatch"
	"isuride/webapp/flush"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/recount"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
	"isuride/webapp/state"
)

var seedFlag = flag.Uint64("seed", 0, "of the random history")

var mariadb mysqltest.Server

// workVariable makes the test binary a restore that is killed in its middle.
const workVariable = "ISURIDE_TEST_RESTORE"

func TestMain(m *testing.M) {
	if args := os.Getenv(workVariable); args != "" {
		parts := strings.Split(args, "|")
		o := Options{To: isuride.Moment{Position: 1 << 40}, Copy: lite(parts[0]), Journal: parts[1], Into: parts[2],
			Tell: func(string, ...any) {}, Log: quiet}
		if m, err := isuride.ParseMoment(parts[3]); err == nil {
			o.To = m
		}
		fmt.Println("begins")
		fmt.Println(Run(context.Background(), o))
		os.Exit(0)
	}
	code := m.Run()
	mariadb.Close()
	os.Exit(code)
}

var quiet = slog.New(slog.DiscardHandler)

func lite(path string) sqlstore.Config {
	return sqlstore.Config{Dialect: sqlstore.SQLite, Path: path}
}

// past is a small history: a database that has all of it, copies made on the way, and its
// journal.
type past struct {
	t       testing.TB
	dir     string
	live    sqlstore.Config
	journal string
	copies  map[uint64]string // SQLite files by position
	events  []isuride.Event   // the first one has number 1
	base    *isuride.Tables
}

const generationNumber = 4

// newPast lives through a history of random calls. Its tables are written by the
// write-behind, as a server's are.
func newPast(t testing.TB, live sqlstore.Config, calls int) *past {
	t.Helper()
	return livePast(t, live, calls, false)
}

// livePast is newPast, with marks among the events if the journal is a group's.
func livePast(t testing.TB, live sqlstore.Config, calls int, replicated bool) *past {
	t.Helper()
	seed := cmp.Or(*seedFlag, rand.Uint64())
	t.Logf("seed %d (repeat with -seed %[1]d)", seed)
	p := &past{t: t, dir: t.TempDir(), live: live, copies: map[uint64]string{}}
	if p.live.Dialect == sqlstore.SQLite {
		p.live.Path = filepath.Join(p.dir, "live", DatabaseName)
	}
	p.journal = filepath.Join(p.dir, "journal")
	rows, err := sqlstore.MasterData()
	p.must(err)
	db := p.open()
	rows.Totals = &recount.Tables(rows).Totals
	p.must(db.Reset(t.Context(), generationNumber, rows))
	p.must(db.Close())
	p.base = p.tables(p.live)
	st := p.state()
	history, err := journal.ParseHistory(st.History)
	p.must(err)
	j, err := journal.Open(journal.Options{Dir: journal.GenerationPath(p.journal, generationNumber), History: history, SegmentBytes: 4096, SyncInterval: time.Millisecond, Keep: 1 << 30, Replicated: replicated, Log: quiet})
	p.must(err)
	if replicated {
		p.must(j.Lead(1))
	}
	c := newCity(t, j, rows, seed)
	p.copies[0] = p.copy()
	for i := range 3 {
		for range calls / 3 {
			c.call()
			p.commit(j)
		}
		if i < 2 {
			p.flush(j)
			p.copies[p.state().Position] = p.copy()
		}
	}
	c.beginCharge()
	p.commit(j)
	p.flush(j)
	p.must(j.Close())
	p.read()
	return p
}

func (p *past) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) open() *sqlstore.Store {
	p.t.Helper()
	db, err := sqlstore.Open(p.t.Context(), p.live, quiet)
	p.must(err)
	return db
}

func (p *past) state() sqlstore.State {
	p.t.Helper()
	db := p.open()
	st, err := db.State(p.t.Context())
	p.must(err)
	p.must(db.Close())
	return st
}

// commit seals what was recorded, if the log is a group's, and has readers see it.
func (p *past) commit(j *journal.Journal) {
	if j.Leads() == 0 {
		return
	}
	_, _, err := j.Seal(j.LastIndex()+1, 1, nil, false)
	p.must(err)
	j.Commit(j.Appended())
}

// flush brings the live tables to the end of the log.
func (p *past) flush(j *journal.Journal) {
	p.t.Helper()
	db := p.open()
	st, err := db.State(p.t.Context())
	p.must(err)
	r, err := j.ReadFrom(st.Position + 1)
	p.must(err)
	defer r.Close()
	totals, err := db.Totals(p.t.Context())
	p.must(err)
	w := flush.New(flush.Options{Source: r, Log: j, Target: db, Generation: st.Generation, Position: st.Position, Skip: journal.IsMark,
		Totals: totals, Worth: worth(p.t.Context(), db), Differs: func(d *recount.Difference) { p.t.Error(d) },
		Now: clock, Transient: func(error) bool { return false }, Logger: quiet})
	go w.Run(p.t.Context())
	p.must(w.Drain(p.t.Context()))
	p.must(db.Close())
}

// copy copies the live SQLite file; a MySQL database is not copied.
func (p *past) copy() string {
	p.t.Helper()
	if p.live.Dialect == sqlstore.MySQL {
		return ""
	}
	to := filepath.Join(p.dir, fmt.Sprintf("copy%d.db", len(p.copies)))
	b, err := os.ReadFile(p.live.Path)
	p.must(err)
	p.must(os.WriteFile(to, b, 0o600))
	return to
}

// read reads the events back.
func (p *past) read() {
	p.t.Helper()
	p.must(journal.Look(journal.GenerationPath(p.journal, generationNumber), func(s journal.Sight) error {
		if s.Remark == "" {
			if journal.IsMark(s.Payload) {
				p.events = append(p.events, isuride.Event{}) // it takes a number
				return nil
			}
			e, err := new(isuride.Decoder).Decode(s.Payload)
			p.events = append(p.events, *e)
			return err
		}
		return nil
	}))
}

// tables reads all rows, in the order of their keys.
func (p *past) tables(c sqlstore.Config) *isuride.Tables {
	p.t.Helper()
	db, err := sqlstore.Open(p.t.Context(), c, quiet)
	p.must(err)
	snapshot, err := db.Load(p.t.Context())
	p.must(err)
	p.must(db.Close())
	driver, source := "sqlite", "file:"+c.Path
	if c.Dialect == sqlstore.MySQL {
		driver, source = "mysql", mysqltest.Source(c)
	}
	plain, err := sqlx.Connect(driver, source)
	p.must(err)
	defer plain.Close()
	var reports []struct {
		ID, Chair           string
		Latitude, Longitude int32
		At                  string
	}
	p.must(plain.Select(&reports, "SELECT id, chair_id AS chair, latitude, longitude, CAST(created_at AS CHAR) AS at FROM chair_locations ORDER BY id"))
	for _, r := range reports {
		at, err := time.Parse("2006-01-02 15:04:05.999999", r.At)
		p.must(err)
		snapshot.ChairLocations = append(snapshot.ChairLocations, isuride.ChairLocation{ID: r.ID, ChairID: r.Chair,
			Coordinate: isuride.Coordinate{Latitude: r.Latitude, Longitude: r.Longitude}, CreatedAt: isuride.TimeOf(at)})
	}
	return &snapshot.Tables
}

// at is the plain twin: the rows after the first n events, one by one.
func (p *past) at(n uint64) *isuride.Tables {
	rows := *p.base
	for i := range p.events[:n] {
		e := &p.events[i]
		put(&rows.Owners, e.Owner, func(r *isuride.Owner) string { return r.ID })
		put(&rows.Chairs, e.Chair, func(r *isuride.Chair) string { return r.ID })
		put(&rows.Users, e.User, func(r *isuride.User) string { return r.ID })
		put(&rows.PaymentTokens, e.Token, func(r *isuride.PaymentToken) string { return r.UserID })
		put(&rows.Rides, e.Ride, func(r *isuride.Ride) string { return r.ID })
		put(&rows.RideStatuses, e.Status, func(r *isuride.RideStatus) string { return r.ID })
		put(&rows.ChairLocations, e.Location, func(r *isuride.ChairLocation) string { return fmt.Sprint(r.CreatedAt, r.ChairID) })
		for k := range e.Coupons {
			put(&rows.Coupons, &e.Coupons[k], func(r *isuride.Coupon) string { return r.UserID + " " + r.Code })
		}
	}
	rows.Totals = &recount.Tables(&rows).Totals
	return &rows
}

// put puts an image in its place, in the order of keys. What is NULL in it stays.
func put[R any](rows *[]R, image *R, key func(*R) string) {
	if image == nil {
		return
	}
	i, there := slices.BinarySearchFunc(*rows, key(image), func(r R, k string) int { return cmp.Compare(key(&r), k) })
	row := *image
	*rows = slices.Clone(*rows)
	if !there {
		*rows = slices.Insert(*rows, i, row)
		return
	}
	from, to := reflect.ValueOf((*rows)[i]), reflect.ValueOf(&row).Elem()
	for k := range to.NumField() {
		if to.Field(k).IsZero() && to.Field(k).Kind() != reflect.Bool {
			to.Field(k).Set(from.Field(k))
		}
	}
	(*rows)[i] = row
}

// comparable makes two sets of rows comparable: positions get their ids from the
// write-behind, which the twin does not know.
func comparable(rows *isuride.Tables) *isuride.Tables {
	same := *rows
	same.ChairLocations = slices.Clone(rows.ChairLocations)
	for i := range same.ChairLocations {
		same.ChairLocations[i].ID = ""
	}
	slices.SortFunc(same.ChairLocations, func(a, b isuride.ChairLocation) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ChairID, b.ChairID))
	})
	v := reflect.ValueOf(&same).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Slice && v.Field(i).Len() == 0 {
			v.Field(i).SetZero()
		}
	}
	return &same
}

func (p *past) compare(what string, got, want *isuride.Tables) {
	p.t.Helper()
	g, w := reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()
	for i := range g.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			p.t.Fatalf("%s: %s are\n%+v\nwant\n%+v", what, g.Type().Field(i).Name, g.Field(i), w.Field(i))
		}
	}
}

// restore restores into a new folder and returns its database.
func (p *past) restore(copy string, to string) (sqlstore.Config, string, error) {
	p.t.Helper()
	m, err := isuride.ParseMoment(to)
	p.must(err)
	into := filepath.Join(p.t.TempDir(), "new")
	var told strings.Builder
	err = Run(p.t.Context(), Options{To: m, Copy: lite(copy), Journal: p.journal, Into: into, Log: quiet,
		Tell: func(format string, args ...any) { fmt.Fprintf(&told, format+"\n", args...) }})
	if left, _ := filepath.Glob(into + "*"); err != nil && len(left) > 0 {
		p.t.Errorf("after %v there is %v", err, left)
	}
	return lite(filepath.Join(into, DatabaseName)), told.String(), err
}

// TestEveryPosition: a restore to any position, from any copy that is not past it, has the
// tables that the events up to there make; to the end, those of the live server.
func TestEveryPosition(t *testing.T) {
	t.Parallel()
	everyPosition(t, newPast(t, lite(""), 18))
}

// TestEveryPositionAmongMarks: the same, with records that are no events.
func TestEveryPositionAmongMarks(t *testing.T) {
	t.Parallel()
	p := livePast(t, lite(""), 12, true)
	if !slices.ContainsFunc(p.events, func(e isuride.Event) bool { return e.Kind == 0 }) {
		t.Fatal("there are no marks")
	}
	everyPosition(t, p)
}

func everyPosition(t *testing.T, p *past) {
	end := uint64(len(p.events))
	for at, copy := range p.copies {
		for to := uint64(0); to <= end; to++ {
			if at > to || at != 0 && to%7 != 0 && to != end {
				continue
			}
			c, told, err := p.restore(copy, fmt.Sprint(to))
			p.must(err)
			p.compare(fmt.Sprintf("position %d from a copy at %d", to, at), comparable(p.tables(c)), comparable(p.at(to)))
			if !strings.Contains(told, fmt.Sprintf("is at position %d (", to)) && to > 0 {
				t.Errorf("it says %q", told)
			}
			if to == end {
				p.compare("the end", p.tables(c), p.tables(p.live))
				if !strings.Contains(told, "was under way there; it is not resumed") {
					t.Errorf("of the open payment it says %q", told)
				}
			}
		}
	}
}

// TestEveryTime: a restore to a time has everything before the first later event.
func TestEveryTime(t *testing.T) {
	t.Parallel()
	p := newPast(t, lite(""), 24)
	for i := range p.events {
		at := p.events[i].At()
		if at == 0 || i%5 != 0 {
			continue
		}
		want := slices.IndexFunc(p.events, func(e isuride.Event) bool { return e.At() > at })
		if want < 0 {
			want = len(p.events)
		}
		c, _, err := p.restore(p.copies[0], at.String())
		p.must(err)
		p.compare(at.String(), comparable(p.tables(c)), comparable(p.at(uint64(want))))
	}
}

// TestNewIdentity: the journal that it was made of is not the restored data's, and a server
// goes on from there by itself.
func TestNewIdentity(t *testing.T) {
	t.Parallel()
	p := newPast(t, lite(""), 30)
	c, _, err := p.restore(p.copies[0], "7")
	p.must(err)
	db, err := sqlstore.Open(t.Context(), c, quiet)
	p.must(err)
	defer db.Close()
	st, err := db.State(t.Context())
	p.must(err)
	if was := p.state(); !st.Ready || st.Position != 7 || st.Generation != was.Generation || st.History == was.History || len(st.History) != 32 {
		t.Errorf("%+v, it was %+v", st, was)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p := newPast(t, lite(""), 60)
	positions := make([]uint64, 0, 3)
	for at := range p.copies {
		positions = append(positions, at)
	}
	slices.Sort(positions)
	middle := positions[1]
	end := uint64(len(p.events))
	before := p.events[middle-2].At() - 1
	refused := func(name, copy, to string, want ...string) {
		t.Helper()
		_, _, err := p.restore(copy, to)
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q", name, err, text)
			}
		}
	}
	refused("a copy that is past it", p.copies[middle], fmt.Sprint(middle-1), fmt.Sprintf("at position %d, past position %d; take an earlier copy", middle, middle-1))
	refused("a copy that is past the time", p.copies[middle], before.String(), fmt.Sprintf("at position %d", middle), "take an earlier copy")
	refused("a position that was never reached", p.copies[0], fmt.Sprint(end+5), fmt.Sprintf("lacks event %d and all after it, up to %d", end+1, end+5), "the log ends after record")
	refused("no copy", filepath.Join(p.dir, "nothing"), "3", "no such")

	segments, err := filepath.Glob(filepath.Join(journal.GenerationPath(p.journal, generationNumber), "0*"))
	if err != nil || len(segments) < 3 {
		t.Fatal(segments, err)
	}
	b, err := os.ReadFile(segments[1])
	p.must(err)
	broken := slices.Clone(b)
	broken[80] ^= 1 // of the first record
	p.must(os.WriteFile(segments[1], broken, 0o600))
	refused("damage", p.copies[0], fmt.Sprint(end), "lacks events", segments[1], "offset", "does not match")
	refused("damage, by time", p.copies[0], p.events[end-2].At().String(), "lacks events", segments[1])
	p.must(os.WriteFile(segments[1], b, 0o600))
	p.must(os.Rename(segments[0], filepath.Join(p.dir, "away")))
	refused("released segments", p.copies[0], fmt.Sprint(end), "at position 0, and the journal", "lacks events 1 to")
	refused("released segments, by an early time", p.copies[middle], p.events[0].At().String(), "take an earlier copy")
	if _, _, err := p.restore(p.copies[positions[2]], fmt.Sprint(end)); err != nil {
		t.Errorf("a later copy does not need them: %v", err)
	}

	p.must(os.Rename(journal.GenerationPath(p.journal, generationNumber), journal.GenerationPath(p.journal, generationNumber+1)))
	refused("another generation", p.copies[0], "3", "is of generation 4, and the journal", "has generation 5")
}

func TestForeignJournal(t *testing.T) {
	t.Parallel()
	p, other := newPast(t, lite(""), 30), newPast(t, lite(""), 30)
	was, foreign := p.state().History, other.state().History
	p.journal = other.journal
	if _, _, err := p.restore(p.copies[0], "3"); err == nil || !strings.Contains(err.Error(), was) || !strings.Contains(err.Error(), foreign) {
		t.Error(err)
	}
}

// TestCopyInUse: the database of a running server is not copied, and neither that nor the
// journal of one is touched.
func TestCopyInUse(t *testing.T) {
	t.Parallel()
	p := newPast(t, lite(""), 30)
	db := p.open()
	if _, _, err := p.restore(p.live.Path, fmt.Sprint(len(p.events))); !errors.Is(err, sqlstore.ErrInUse) {
		t.Error(err)
	}
	p.must(db.Close())
	before := files(t, p.dir)
	lock, err := journal.Lock(p.journal)
	p.must(err)
	defer lock.Close()
	os.Remove(filepath.Join(p.journal, "lock"))
	for _, path := range []string{p.copies[0], p.live.Path} {
		if _, _, err := p.restore(path, fmt.Sprint(len(p.events))); err != nil {
			t.Error(err)
		}
	}
	if after := files(t, p.dir); !slices.Equal(before, after) {
		t.Errorf("there was\n%s\nthere is\n%s", before, after)
	}
}

func files(t testing.TB, dir string) (all []string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			all = append(all, fmt.Sprintln(path, info.Size(), info.ModTime()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	p := newPast(t, lite(""), 30)
	for _, make := range []func(string) error{
		func(path string) error { return os.Mkdir(path, 0o700) },
		func(path string) error { return os.WriteFile(path, nil, 0o600) },
		func(path string) error { return os.Symlink("nowhere", path) },
	} {
		into := filepath.Join(t.TempDir(), "there")
		p.must(make(into))
		err := Run(t.Context(), Options{Copy: lite(p.copies[0]), Journal: p.journal, Into: into, Log: quiet, Tell: t.Logf})
		if err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Error(err)
		}
	}
}

// TestKilled: wherever a restore is killed, there is the whole result under the final name
// or nothing.
func TestKilled(t *testing.T) {
	t.Parallel()
	p := newPast(t, lite(""), 60)
	want := comparable(p.tables(p.live))
	whole := 0
	for i := range 8 {
		into := filepath.Join(t.TempDir(), "new")
		cmd := bound.Command(t, os.Args[0])
		cmd.Env = append(os.Environ(), workVariable+"="+strings.Join([]string{p.copies[0], p.journal, into, fmt.Sprint(len(p.events))}, "|"))
		out, err := cmd.StdoutPipe()
		p.must(err)
		p.must(cmd.Start())
		if _, err := out.Read(make([]byte, 6)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(2*i*i) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		if _, err := os.Stat(into); errors.Is(err, os.ErrNotExist) {
			continue
		}
		whole++
		p.compare(fmt.Sprintf("killed after %d ms", 2*i*i), comparable(p.tables(lite(filepath.Join(into, DatabaseName)))), want)
	}
	t.Logf("%d of 8 were complete", whole)
}

// TestEnded: a signal ends it without a trace.
func TestEnded(t *testing.T) {
	t.Parallel()
	p := newPast(t, lite(""), 30)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	err := Run(ctx, Options{To: isuride.Moment{Position: 20}, Copy: lite(p.copies[0]), Journal: p.journal, Into: filepath.Join(dir, "new"), Log: quiet, Tell: t.Logf})
	if left, _ := os.ReadDir(dir); !errors.Is(err, context.Canceled) || len(left) > 0 {
		t.Errorf("%v, %v", err, left)
	}
}

// TestMySQL restores from one database into another one.
func TestMySQL(t *testing.T) {
	t.Parallel()
	live, target := mariadb.Config(t), mariadb.Config(t)
	p := newPast(t, live, 30)
	copied := live
	copied.Name += "_copy"
	source := p.open()
	p.must(source.CopyTo(t.Context(), copied.Name, func(int64, int64) {}))
	p.must(source.Close())
	defer copied.Drop(context.Background())
	end := uint64(len(p.events))
	run := func(from sqlstore.Config, to uint64, into string) error {
		return Run(t.Context(), Options{To: isuride.Moment{Position: to}, Copy: from, Journal: p.journal, Into: into, Log: quiet, Tell: t.Logf})
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a copy past it": {run(copied, end-1, target.Name), "take an earlier copy"},
		"a full target":  {run(copied, end, live.Name), "name a database that is empty or not there"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	missing := copied
	missing.Name = "isuride_nothing"
	if err := run(missing, end, target.Name); !errors.Is(err, sqlstore.ErrMissing) {
		t.Error(err)
	}
	if _, err := target.Tables(t.Context()); !errors.Is(err, sqlstore.ErrMissing) {
		t.Errorf("a refused restore has made the database: %v", err)
	}
	p.must(run(copied, end, target.Name))
	p.compare("the end", p.tables(target), p.tables(live))
	work := target
	work.Name += "_restoring"
	if _, err := work.Tables(t.Context()); !errors.Is(err, sqlstore.ErrMissing) {
		t.Errorf("the database at work is left: %v", err)
	}

	// From the beginning, by way of the fill that a Reset makes.
	fresh := mariadb.Config(t)
	db, err := sqlstore.Open(t.Context(), fresh, quiet)
	p.must(err)
	p.must(db.Reset(t.Context(), generationNumber, p.base))
	p.must(db.Close())
	plain, err := sqlx.Connect("mysql", mysqltest.Source(fresh))
	p.must(err)
	plain.MustExec("UPDATE journal_position SET history = ?", p.state().History)
	p.must(plain.Close())
	for _, to := range []uint64{0, end / 2, end} {
		into := mariadb.Config(t)
		p.must(run(fresh, to, into.Name))
		p.compare(fmt.Sprint("position ", to), comparable(p.tables(into)), comparable(p.at(to)))
	}
}

func clock() isuride.Time { return isuride.TimeOf(time.Now()) }

// BenchmarkRestore restores the copy at position 0 to the end of some 13,000 events.
func BenchmarkRestore(b *testing.B) {
	p := newPast(b, lite(""), 6_000)
	end := uint64(len(p.events))
	for b.Loop() {
		into := filepath.Join(b.TempDir(), fmt.Sprint("new", b.Elapsed()))
		p.must(Run(b.Context(), Options{To: isuride.Moment{Position: end}, Copy: lite(p.copies[0]), Journal: p.journal, Into: into, Log: quiet, Tell: b.Logf}))
	}
	b.ReportMetric(float64(end)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// city makes random calls on a store that writes to the journal.
type city struct {
	*state.Store
	*rand.Rand
	t       testing.TB
	match   *dispatch.Dispatcher
	owners  []*state.Owner
	chairs  []*state.Chair
	users   []*state.User
	rides   []*state.Ride
	charged map[*state.Ride]bool
}

func newCity(t testing.TB, log state.EventLog, rows *isuride.Tables, seed uint64) *city {
	c := &city{t: t, Rand: rand.New(rand.NewPCG(seed, 1)), charged: map[*state.Ride]bool{}}
	c.Store = state.New(state.Options{Log: log, Now: clock, Describe: func(*isuride.Chair) []byte { return nil }}, rows, nil)
	c.match = dispatch.New(c.Store, 0, new(match.Workspace), dispatch.DefaultParams(), clock)
	for range 2 {
		c.register()
	}
	return c
}

func (c *city) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *city) register() {
	o, err := c.RegisterOwner(fmt.Sprint("owner", len(c.owners)))
	c.must(err)
	c.owners = append(c.owners, o)
	chair, err := c.RegisterChair(o.ChairRegisterToken, "chair", "SitEase")
	c.must(err)
	c.must(c.SetActivity(chair, true))
	_, err = c.Report(chair, c.place())
	c.must(err)
	c.chairs = append(c.chairs, chair)
	code := ""
	if n := len(c.users); n > 0 && c.IntN(2) == 0 {
		code = c.users[n-1].InvitationCode
	}
	u, err := c.RegisterUser(state.NewUser{Username: fmt.Sprint("user", len(c.users)), Firstname: "Ann", Lastname: "O'Neil", DateOfBirth: "2000-01-01", InvitationCode: code})
	c.must(err)
	c.must(c.SetPaymentToken(u, "token"))
	c.users = append(c.users, u)
}

func (c *city) place() isuride.Coordinate {
	return isuride.Coordinate{Latitude: c.Int32N(40), Longitude: c.Int32N(40)}
}

// call does something; what the rules refuse is nothing.
func (c *city) call() {
	switch c.IntN(10) {
	case 0:
		c.register()
	case 1, 2:
		if r, err := c.RequestRide(c.users[c.IntN(len(c.users))], c.place(), c.place()); err == nil {
			c.rides = append(c.rides, r)
		}
		_, err := c.match.Round()
		c.must(err)
	case 3:
		c.Report(c.chairs[c.IntN(len(c.chairs))], c.place())
	case 4:
		chair := c.chairs[c.IntN(len(c.chairs))]
		deliver(c.Store, &chair.Log, state.ToChair)
		deliver(c.Store, &c.users[c.IntN(len(c.users))].Log, state.ToUser)
	default:
		if len(c.rides) > 0 {
			c.drive(c.rides[c.IntN(len(c.rides))])
		}
	}
}

// drive takes a ride one step on.
func (c *city) drive(r *state.Ride) {
	chair := r.Chair()
	if chair == nil {
		return
	}
	if c.Advance(chair, r.ID, isuride.Enroute) == nil {
		c.Report(chair, r.Pickup)
	}
	if c.Advance(chair, r.ID, isuride.Carrying) == nil {
		c.Report(chair, r.Destination)
	}
	if c.charged[r] || c.IntN(3) == 0 {
		return
	}
	if ch, _, err := c.BeginCharge(r.User, r.ID, 1+c.IntN(5)); err == nil {
		c.charged[r] = true
		_, err := c.Complete(ch)
		c.must(err)
		c.Release(r)
	}
}

// beginCharge ends the history with a payment under way.
func (c *city) beginCharge() {
	for range 50 {
		c.register()
		u := c.users[len(c.users)-1]
		r, err := c.RequestRide(u, c.place(), c.place())
		c.must(err)
		_, err = c.match.Round()
		c.must(err)
		if chair := r.Chair(); chair != nil {
			c.must(c.Advance(chair, r.ID, isuride.Enroute))
			c.Report(chair, r.Pickup)
			c.must(c.Advance(chair, r.ID, isuride.Carrying))
			c.Report(chair, r.Destination)
			_, _, err := c.BeginCharge(u, r.ID, 4)
			c.must(err)
			return
		}
	}
	c.t.Fatal("no ride was assigned")
}

func deliver(s *state.Store, log *state.Log, side state.Side) {
	stream := log.Open(func() {})
	defer stream.Close()
	for {
		_, n, ok := stream.Next()
		if !ok {
			return
		}
		s.Delivered(log, side, n)
	}
}
