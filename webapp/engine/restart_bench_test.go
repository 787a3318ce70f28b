package engine

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/snapshot"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// The bar of a restart is -reports 100000000 -town 100000; without flags the benchmark is small
// enough for every run of all of them.
var (
	reportsFlag = flag.Int("reports", 20_000, "position reports in the history of BenchmarkRestart")
	townFlag    = flag.Int("town", 1_000, "users of the town of BenchmarkRestart; ten rides each, a chair for ten users")
)

// BenchmarkRestart opens the data of a town with a long history: a snapshot, 64 MiB of the log
// after it (less for a small town), and the tables, of which only the position reports are there.
func BenchmarkRestart(b *testing.B) {
	for _, reports := range []int{*reportsFlag / 10, *reportsFlag} {
		b.Run(fmt.Sprint("reports=", reports), func(b *testing.B) { benchmarkRestart(b, reports, *townFlag) })
	}
}

func benchmarkRestart(b *testing.B, reports, users int) {
	c := newCity(b)
	c.start()
	fillReports(b, c, reports, users/10)
	foundTown(b, c, users)
	c.start()
	chairs := 0
	c.Current().Store.Walk(func(i *state.Image) error {
		if i.Chair != nil {
			chairs++
		}
		return nil
	})
	if c.recovered().Snapshot == "" || chairs != users/10 {
		b.Fatalf("recovered %d chairs from %+v\n%s", chairs, c.recovered(), c.log)
	}
	for n := 0; c.Current().snapshots.tail() < min(int64(users)*640, 64<<20); n++ {
		chair, _ := c.Current().Store.ChairByToken([]byte(townToken('C', n%chairs)))
		if _, err := c.Current().Store.Report(chair, isuride.Coordinate{Latitude: int32(n)}); err != nil {
			b.Fatal(err)
		}
	}
	c.halt()
	var spent time.Duration // of CPU: others may have the machine, too
	for b.Loop() {
		b.StopTimer()
		db, err := sqlstore.Open(context.Background(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(c.dir, "isuride.db")}, quiet())
		c.must(err)
		folder, err := LockFolder(c.journals())
		c.must(err)
		cfg := c.cfg
		cfg.Folder = folder
		e := &Engine{db: db, failed: make(chan error, 1), cfg: cfg}
		before := cpu()
		b.StartTimer()
		g, err := e.first(context.Background())
		c.must(err)
		b.StopTimer()
		spent += cpu() - before
		if g.recovered.Snapshot == "" {
			b.Fatal(c.log)
		}
		c.must(g.abandon())
		c.must(folder.Close())
		c.must(db.Close())
		b.ReportMetric(float64(g.recovered.Events), "events")
		b.ReportMetric(float64(g.recovered.Bytes), "snapshot-B")
		b.ReportMetric(float64(g.recovered.Rows), "rows")
		b.StartTimer()
	}
	b.ReportMetric(float64(spent.Milliseconds())/float64(b.N), "cpu-ms/op")
}

// cpu returns the CPU time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fillReports puts rows into the table of positions, past the server.
func fillReports(b *testing.B, c *city, reports, chairs int) {
	b.Helper()
	c.halt()
	db, err := sqlstore.Open(context.Background(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(c.dir, "isuride.db")}, quiet())
	c.must(err)
	defer db.Close()
	rows := isuride.Tables{}
	n := 0
	for position := uint64(1); n < reports; position++ {
		rows.ChairLocations = rows.ChairLocations[:0]
		for range min(reports-n, 50_000) {
			rows.ChairLocations = append(rows.ChairLocations, isuride.ChairLocation{ID: townID('L', n), ChairID: townID('C', n%max(chairs, 1)),
				Coordinate: isuride.Coordinate{Latitude: int32(n % 100)}, CreatedAt: isuride.Time(1_764_000_000_000_000 + n)})
			n++
		}
		c.must(db.WriteCut(context.Background(), 1, position, &rows))
	}
}

func townID(kind byte, n int) string { return fmt.Sprintf("01M8KDJKYK%c%015d", kind, n) }

// townDestination is where all rides of the town lead, from its middle.
var townDestination = isuride.Coordinate{Latitude: 40, Longitude: 30}

func townToken(kind byte, n int) string { return fmt.Sprintf("%c%063d", kind, n) }

// foundTown writes the snapshot of a town at the tables' position.
func foundTown(b testing.TB, c *city, users int) {
	b.Helper()
	db, err := sqlstore.Open(context.Background(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(c.dir, "isuride.db")}, quiet())
	c.must(err)
	st, err := db.State(context.Background())
	c.must(errors.Join(err, db.Close()))
	history, err := journal.ParseHistory(st.History)
	c.must(err)
	at := st.Position
	const begin = isuride.Time(1_764_000_000_000_000)
	_, err = snapshot.Write(c.cfg.Folder.journal(1), snapshot.Header{History: history, Generation: 1, Written: begin},
		func(add func(*state.Image) error) (snapshot.End, error) {
			c.must(add(&state.Image{Owner: &isuride.Owner{ID: townID('O', 0), Name: "o", AccessToken: townToken('O', 0), ChairRegisterToken: townToken('P', 0)}}))
			for i := range users / 10 {
				c.must(add(&state.Image{Position: at, Chair: &state.ChairImage{Chair: isuride.Chair{ID: townID('C', i), OwnerID: townID('O', 0), Name: "AB", Model: "SitEase", IsActive: true,
					AccessToken: townToken('C', i), CreatedAt: begin, UpdatedAt: begin}, Track: state.Track{Reported: begin}, Sales: townSales(begin), Stats: state.Stats{Rides: 100, EvaluationSum: 500}}}))
			}
			for i := range users {
				u := state.UserImage{User: isuride.User{ID: townID('U', i), Username: fmt.Sprint("user", i), Firstname: "Ann", Lastname: "Lee", DateOfBirth: "2000-01-01",
					AccessToken: townToken('U', i), InvitationCode: fmt.Sprintf("%030d", i), CreatedAt: begin, UpdatedAt: begin}, Token: "token"}
				for n := range 10 {
					at := begin + isuride.Time(i*10+n)*1_000_003
					u.Rides = append(u.Rides, state.RideImage{Ride: isuride.Ride{ID: townID('R', i*10+n), UserID: u.ID, ChairID: townID('C', (i+n)%(users/10)),
						Destination: townDestination, Evaluation: 5, CreatedAt: at, UpdatedAt: at + 30_000_000},
						Fare: isuride.DiscountedFare(isuride.Coordinate{}, townDestination, 0), Status: isuride.Completed, StatusAt: at + 30_000_000, Passed: 0x7e, Done: true})
				}
				c.must(add(&state.Image{Position: at, User: &u}))
			}
			return snapshot.End{Span: state.Span{From: at, To: at}}, nil
		})
	c.must(err)
}

func townSales(begin isuride.Time) (sales []state.Sale) {
	for i := range 100 {
		sales = append(sales, state.Sale{At: begin + isuride.Time(i)*60_000_000, Sum: isuride.Sales(isuride.Coordinate{}, townDestination) * (i + 1)})
	}
	return sales
}
