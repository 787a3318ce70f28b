package sqlstore_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

const hour = isuride.Time(3600 * 1e6)

// fleet makes position reports and knows what they sum up to.
type fleet struct {
	random *rand.Rand
	now    isuride.Time
	seq    uint64
	all    []isuride.ChairLocation
}

var seedFlag = flag.Uint64("seed", 0, "of the random tests; 0: another one each time")

func newFleet(t *testing.T) *fleet {
	seed := cmp.Or(*seedFlag, rand.Uint64())
	t.Logf("seed %d (repeat with -seed %[1]d)", seed)
	return &fleet{random: rand.New(rand.NewPCG(seed, 0)), now: at}
}

func (c *fleet) clock() isuride.Time { return c.now }

// report makes reports over a time, as the write-behind writes them.
func (c *fleet) report(n int, over isuride.Time) *isuride.Tables {
	var rows isuride.Tables
	for range n {
		c.now += max(over/isuride.Time(n), 1000)
		c.seq++
		var id ulid.ULID
		id.SetTime(uint64(c.now.Milli()))
		id[14], id[15] = byte(c.seq>>8), byte(c.seq)
		rows.ChairLocations = append(rows.ChairLocations, isuride.ChairLocation{ID: id.String(), ChairID: fmt.Sprint("chair", c.random.IntN(7)),
			Coordinate: isuride.Coordinate{Latitude: c.random.Int32N(1000), Longitude: -c.random.Int32N(1000)}, CreatedAt: c.now})
	}
	c.all = append(c.all, rows.ChairLocations...)
	return &rows
}

// tracks follow the definition (S2.4).
func (c *fleet) tracks() map[string]sqlstore.Track {
	sorted := slices.Clone(c.all)
	slices.SortStableFunc(sorted, func(a, b isuride.ChairLocation) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	tracks := map[string]sqlstore.Track{}
	for _, l := range sorted {
		track, ok := tracks[l.ChairID]
		if ok {
			track.Total += int64(track.Last.Distance(l.Coordinate))
		}
		track.Last, track.At = l.Coordinate, l.CreatedAt
		tracks[l.ChairID] = track
	}
	return tracks
}

func (c *fleet) check(t *testing.T, when string, s *sqlstore.Store) {
	t.Helper()
	if got, want := load(t, s).Tracks, c.tracks(); !maps.Equal(got, want) {
		t.Fatalf("%s:\ngot  %v\nwant %v", when, got, want)
	}
}

func left(t *testing.T, c sqlstore.Config) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(directText(t, c, "SELECT COUNT(*) FROM chair_locations"), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// keeping opens a store that keeps positions for an hour of the fleet's time.
func keeping(t *testing.T, c sqlstore.Config, fleet *fleet) *sqlstore.Store {
	c.KeepPositions = time.Hour
	s := openOnly(t, c)
	sqlstore.SetClock(s, fleet.clock)
	return s
}

// Whenever old positions go, over restarts and failed cuts, the sums stay what they were.
func TestSumsOutliveTheirRows(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		fleet := newFleet(t)
		s := keeping(t, c, fleet)
		reset(t, s, 1, &isuride.Tables{})
		fleet.seq, fleet.all = 0, nil
		position := uint64(0)
		for round := range 25 {
			rows := fleet.report(fleet.random.IntN(700), hour/isuride.Time(1+fleet.random.IntN(4)))
			position++
			write(t, s, 1, position, rows)
			write(t, s, 1, position, rows) // again, as after a lost answer
			if round%4 == 0 {
				fleet.check(t, fmt.Sprint("round ", round), s)
			}
			if fleet.random.IntN(5) == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = keeping(t, c, fleet)
				fleet.check(t, "after a restart", s)
			}
		}
		for n := left(t, c); ; n = left(t, c) {
			position++
			write(t, s, 1, position, &isuride.Tables{})
			if now := left(t, c); now < n-sqlstore.PruneRows {
				t.Errorf("a cut without reports has deleted %d rows", n-now)
			}
			if position > 60 {
				break
			}
		}
		recent := slices.DeleteFunc(slices.Clone(fleet.all), func(l isuride.ChairLocation) bool { return l.CreatedAt < fleet.now-hour })
		if n := left(t, c); n < len(recent) || n > len(recent)+2 {
			t.Errorf("%d rows are left of %d, %d are recent", n, len(fleet.all), len(recent))
		}
		// All go, and the sums are all that is left.
		fleet.now += 5 * hour
		for left(t, c) > 0 && position < 100 {
			position++
			write(t, s, 1, position, &isuride.Tables{})
		}
		if n := left(t, c); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		fleet.check(t, "without rows", s)
		position++
		write(t, s, 1, position, fleet.report(50, hour/2))
		fleet.check(t, "at the seam", s)
		// Without the setting nothing goes, and the sums count.
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, c)
		fleet.now += 5 * hour
		position++
		write(t, s, 1, position, fleet.report(50, hour/2))
		if n := left(t, c); n != 100 {
			t.Errorf("%d rows are left", n)
		}
		fleet.check(t, "with everything kept", s)
	})
}

// The rows of another program may have ids that do not grow with time. Such chairs keep
// theirs, and the sums stay right.
func TestUnorderedRowsStay(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		fleet := newFleet(t)
		s := keeping(t, c, fleet)
		rows := fleet.report(300, 2*hour)
		numbers := fleet.random.Perm(100_000)
		for i := range rows.ChairLocations {
			l := &rows.ChairLocations[i]
			switch l.ChairID {
			case "chair1": // any order
				l.ID = fmt.Sprintf("%05d", numbers[i])
			case "chair2": // in order, but no ULIDs, and before all of those
				l.ID = fmt.Sprintf("0%05d", i)
			}
		}
		fleet.all = slices.Clone(rows.ChairLocations)
		reset(t, s, 1, rows)
		fleet.now += hour / 2
		for position := range uint64(5) {
			write(t, s, 1, position+1, fleet.report(20, hour/10))
			fleet.check(t, "while rows go", s)
		}
		counts := map[string]int{}
		for _, id := range []string{"chair0", "chair1", "chair2"} {
			var n int
			fmt.Sscan(directText(t, c, "SELECT COUNT(*) FROM chair_locations WHERE chair_id = '"+id+"'"), &n)
			counts[id] = n
		}
		if all := len(slices.DeleteFunc(slices.Clone(fleet.all), func(l isuride.ChairLocation) bool { return l.ChairID != "chair1" })); counts["chair1"] != all {
			t.Errorf("%d of %d unordered rows are left", counts["chair1"], all)
		}
		if counts["chair0"] > 30 {
			t.Errorf("%d ordered rows are left", counts["chair0"])
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = keeping(t, c, fleet)
		fleet.now += 5 * hour
		for position := range uint64(5) {
			write(t, s, 1, position+6, fleet.report(20, hour/10))
			fleet.check(t, "later", s)
		}
		if n, err := s.Refused(), s.Close(); n != 0 || err != nil {
			t.Error(n, err)
		}
	})
}

// A report that the database refuses comes to its place in time once it is taken, so its
// chair keeps its rows until then.
func TestChairsOfRefusedRowsKeepTheirs(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		fleet := newFleet(t)
		s := keeping(t, c, fleet)
		reset(t, s, 1, &isuride.Tables{})
		position := uint64(0)
		cut := func(rows *isuride.Tables) {
			t.Helper()
			position++
			write(t, s, 1, position, rows)
			fleet.check(t, fmt.Sprint("cut ", position), s)
		}
		cut(fleet.report(100, hour/2))
		cut(&isuride.Tables{})
		heal := refusing(t, c)
		rows := fleet.report(30, hour/3)
		rows.ChairLocations[5].Latitude = 5000
		fleet.all[105].Latitude = 5000
		chair := rows.ChairLocations[5].ChairID
		cut(rows)
		for range 5 {
			fleet.now += hour / 2
			cut(fleet.report(5, hour/10))
		}
		if s.Refused() != 1 {
			t.Fatalf("%d rows are refused", s.Refused())
		}
		if n := left(t, c); n > 60 || directText(t, c, "SELECT COUNT(*) FROM chair_locations WHERE chair_id = '"+chair+"'") == "0" {
			t.Errorf("%d rows are left", n)
		}
		heal()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = keeping(t, c, fleet)
		fleet.check(t, "once it is taken", s)
		fleet.now += 5 * hour
		for range 3 {
			cut(&isuride.Tables{})
		}
		if n := left(t, c); n != 0 || s.Refused() != 0 {
			t.Errorf("%d rows are left", n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// What a reader finds in one transaction adds up at any time.
func TestReaderWhileRowsGo(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		fleet := newFleet(t)
		s := keeping(t, c, fleet)
		reset(t, s, 1, fleet.report(2000, 2*hour))
		want := fleet.tracks()
		ctx, stop := context.WithCancel(t.Context())
		var reading sync.WaitGroup
		reads, partly := 0, 0
		read := make(chan struct{})
		reading.Go(func() {
			defer close(read)
			db := connect(t, c)
			defer db.Close()
			for ctx.Err() == nil {
				got, rows, err := readTracks(t.Context(), db.DB)
				if err != nil {
					t.Error(err)
					return
				}
				if !maps.Equal(got, want) {
					t.Errorf("with %d rows:\ngot  %v\nwant %v", rows, got, want)
					return
				}
				if reads++; rows > 0 && rows < 2000 {
					partly++
				}
				select {
				case read <- struct{}{}:
				default:
				}
			}
		})
		for position := range uint64(12) {
			fleet.now += hour / 4
			write(t, s, 1, position+1, &isuride.Tables{})
			<-read // it may have begun before the cut
			<-read
		}
		stop()
		reading.Wait()
		if n := left(t, c); n != 0 || partly == 0 {
			t.Errorf("%d rows are left; %d of %d reads met some but not all", n, partly, reads)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// readTracks sums up as a person with a database client does.
func readTracks(ctx context.Context, db *sql.DB) (map[string]sqlstore.Track, int, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, 0, err
	}
	defer tx.Rollback()
	tracks, rows := map[string]sqlstore.Track{}, 0
	for i, query := range []string{
		"SELECT chair_id, total_distance, latitude, longitude, CAST(reported_at AS CHAR) FROM chair_distances",
		"SELECT chair_id, 0, latitude, longitude, CAST(created_at AS CHAR) FROM chair_locations ORDER BY id",
	} {
		found, err := tx.QueryContext(ctx, query)
		if err != nil {
			return nil, 0, err
		}
		defer found.Close()
		for found.Next() {
			var chair, when string
			var total int64
			var to isuride.Coordinate
			if err := found.Scan(&chair, &total, &to.Latitude, &to.Longitude, &when); err != nil {
				return nil, 0, err
			}
			time, err := time.Parse("2006-01-02 15:04:05.999999", when)
			if err != nil {
				return nil, 0, err
			}
			track, ok := tracks[chair]
			if ok {
				total = int64(track.Last.Distance(to))
			}
			tracks[chair] = sqlstore.Track{Last: to, Total: track.Total + total, At: isuride.TimeOf(time)}
			rows += i
		}
		if err := found.Err(); err != nil {
			return nil, 0, err
		}
	}
	return tracks, rows, nil
}

// Each step of a cut that deletes may be the last one, with or without its effect.
func TestEveryStepOfPruning(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		fleet := newFleet(t)
		s := keeping(t, c, fleet)
		reset(t, s, 1, fleet.report(200, 10*hour))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		failed := errors.New("killed")
		position := uint64(0)
		for step := 0; ; step++ {
			s := keeping(t, c, fleet)
			load(t, s)
			position = state(t, s).Position
			n := 0
			broken, err := sqlstore.Tapped(s, c, func(_ string, do func() error, cut func()) error {
				if n++; n-1 != step/2 {
					return do()
				}
				if step%2 == 1 {
					do()
				}
				cut()
				return failed
			}, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			sqlstore.Keep(broken, s)
			for range 2 { // the survey, and what it leads to
				position++
				if err = broken.WriteCut(t.Context(), 1, position, fleet.report(3, hour/100)); err != nil {
					break
				}
			}
			if err != nil { // the database may have it, or not
				fleet.all = fleet.all[:len(fleet.all)-3]
				if state(t, s).Position == position {
					t.Log("step", step, "has succeeded without an answer")
					fleet.all = fleet.all[:len(fleet.all)+3]
				}
			}
			broken.Close() // its connections may be cut
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			again := openOnly(t, c)
			fleet.check(t, fmt.Sprint("after step ", step), again)
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			if err == nil {
				if n := left(t, c); n > 150 || step < 40 {
					t.Errorf("%d rows are left after %d steps", n, step)
				}
				return
			}
		}
	})
}

// A dump of ours has the sums, one of another program has none.
func TestDumpWithSums(t *testing.T) {
	whole := "INSERT INTO `chairs` VALUES ('c','o','n','m',1,'t','2024-11-26 00:00:00.000000','2024-11-26 00:00:00.000000');\n" +
		"INSERT INTO `chair_distances` VALUES ('c',4711,-5,6,'2024-11-26 00:00:00.000000');\n" +
		"INSERT INTO `chair_locations` VALUES ('01JDFEDF00B09BNMV8MP0RB34G','c',-5,8,'2024-11-26 00:00:01.000000');\n" +
		"INSERT INTO `refused_rows` VALUES ('a','b','c','d',1);\n"
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		for _, with := range []bool{true, false} {
			text := whole
			if !with {
				text = strings.ReplaceAll(text, "`chair_distances` VALUES ('c',4711,-5,6,'2024-11-26 00:00:00.000000')", "`refused_rows` VALUES (1)")
			}
			rows, err := sqlstore.ParseDump(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			s := openOnly(t, c)
			reset(t, s, state(t, s).Generation+1, rows)
			want := int64(4713)
			if !with {
				want = 0
			}
			if got := load(t, s).Tracks["c"]; got.Total != want || got.Last != (isuride.Coordinate{Latitude: -5, Longitude: 8}) {
				t.Errorf("with %t: track %+v", with, got)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Sums that are gone cannot be made up for: the start is refused by name.
func TestMissingSums(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := openOnly(t, c)
		reset(t, s, 1, fullTables())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		direct(t, c, "DROP TABLE chair_distances")
		s = open(t, c)
		if st := state(t, s); st.Ready || st.Foreign || st.Damaged != "chair_distances" {
			t.Errorf("state %+v", st)
		}
	})
}

// What the database refuses to delete stays, and holds up no cut.
func TestRefusedDeletion(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		fleet := newFleet(t)
		s := keeping(t, c, fleet)
		reset(t, s, 1, fleet.report(100, 10*hour))
		if c.Dialect == sqlstore.MySQL {
			direct(t, c, "ALTER TABLE chair_distances ADD CONSTRAINT none CHECK (total_distance < 0)")
		} else {
			direct(t, c, "CREATE TRIGGER none BEFORE DELETE ON chair_locations BEGIN SELECT RAISE(ABORT, 'refused'); END")
		}
		for position := range uint64(4) {
			write(t, s, 1, position+1, fleet.report(5, hour/10))
			fleet.check(t, "refused", s)
		}
		if n := left(t, c); n != 120 || s.Deleted() != 0 || s.Refused() != 0 {
			t.Errorf("%d rows are left, %d deleted, %d refused", n, s.Deleted(), s.Refused())
		}
		if c.Dialect == sqlstore.MySQL {
			direct(t, c, "ALTER TABLE chair_distances DROP CONSTRAINT none")
		} else {
			direct(t, c, "DROP TRIGGER none")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = keeping(t, c, fleet)
		for position := range uint64(2) {
			write(t, s, 1, position+5, fleet.report(5, hour/10))
			fleet.check(t, "mended", s)
		}
		if n := left(t, c); n > 50 || s.Deleted() != uint64(130-n) {
			t.Errorf("%d rows are left, %d deleted", n, s.Deleted())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
