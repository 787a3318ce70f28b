package sqlstore_test

import (
	"fmt"
	"testing"

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
