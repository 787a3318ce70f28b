package sqlstore_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

// durable syncs like a server in production; closed by TestMain.
var durable = mysqltest.Server{Durable: true}

// eachDialectBench runs f on an empty store of each kind.
func eachDialectBench(b *testing.B, f func(b *testing.B, s *sqlstore.Store)) {
	b.Run("SQLite", func(b *testing.B) { f(b, open(b, sqliteConfig(b))) })
	b.Run("MySQL", func(b *testing.B) { f(b, open(b, durable.Config(b))) })
}

// BenchmarkWriteCut writes cuts as a loaded server makes them.
func BenchmarkWriteCut(b *testing.B) {
	for _, size := range []int{1000, 10000, 50000} {
		b.Run(fmt.Sprintf("rows=%d", size), func(b *testing.B) {
			eachDialectBench(b, func(b *testing.B, s *sqlstore.Store) {
				if err := s.Reset(b.Context(), 1, &isuride.Tables{}); err != nil {
					b.Fatal(err)
				}
				traffic := newTraffic(1)
				var rows int
				for position := uint64(1); b.Loop(); position++ {
					b.StopTimer()
					cut := traffic.cut(size)
					b.StartTimer()
					rows += cut.Rows()
					if err := s.WriteCut(b.Context(), 1, position, cut); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			})
		})
	}
}

// BenchmarkWriteCutThatDeletes writes cuts of reports, and deletes as many as it adds: what
// ISURIDE_KEEP_POSITIONS costs in the long run, beside a cut that deletes nothing.
func BenchmarkWriteCutThatDeletes(b *testing.B) {
	for _, size := range []int{1_000, 10_000} {
		for _, keep := range []time.Duration{0, time.Hour} {
			b.Run(fmt.Sprintf("rows=%d/keep=%s", size, keep), func(b *testing.B) {
				eachDialectBench(b, func(b *testing.B, s *sqlstore.Store) {
					fleet := &fleet{random: rand.New(rand.NewPCG(1, 1)), now: at}
					sqlstore.SetKeep(s, keep, fleet.clock)
					if err := s.Reset(b.Context(), 1, &isuride.Tables{}); err != nil {
						b.Fatal(err)
					}
					position := uint64(0)
					cut := func() {
						position++
						fleet.all = nil
						rows := fleet.report(size, hour/10)
						b.StartTimer()
						if err := s.WriteCut(b.Context(), 1, position, rows); err != nil {
							b.Fatal(err)
						}
						b.StopTimer()
					}
					for range 13 { // until what is written first is old
						cut()
					}
					before := s.Deleted()
					b.ResetTimer()
					for range b.N {
						cut()
					}
					b.ReportMetric(float64(s.Deleted()-before)/float64(b.N), "deleted/op")
				})
			})
		}
	}
}

// BenchmarkReset puts the initial data into the database.
func BenchmarkReset(b *testing.B) {
	initial := initialTables(b)
	eachDialectBench(b, func(b *testing.B, s *sqlstore.Store) {
		for generation := uint64(1); b.Loop(); generation++ {
			if err := s.Reset(b.Context(), generation, initial); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLoad loads the history of a long run.
func BenchmarkLoad(b *testing.B) {
	for _, locations := range []int{20_000, 2_000_000} {
		b.Run(fmt.Sprintf("locations=%d", locations), func(b *testing.B) {
			eachDialectBench(b, func(b *testing.B, s *sqlstore.Store) {
				fillLocations(b, s, locations)
				for b.Loop() {
					if _, err := s.Load(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func fillLocations(b *testing.B, s *sqlstore.Store, n int) {
	if err := s.Reset(b.Context(), 1, &isuride.Tables{}); err != nil {
		b.Fatal(err)
	}
	traffic := newTraffic(1)
	for position := uint64(1); n > 0; position++ {
		cut := &isuride.Tables{}
		for range min(n, 100_000) {
			cut.ChairLocations = append(cut.ChairLocations, traffic.report())
		}
		n -= len(cut.ChairLocations)
		if err := s.WriteCut(b.Context(), 1, position, cut); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseDump has a dump of the size of the contest's.
func BenchmarkParseDump(b *testing.B) {
	var rows int
	for b.Loop() {
		rows = initialTables(b).Rows()
	}
	b.ReportMetric(float64(rows), "rows")
}
