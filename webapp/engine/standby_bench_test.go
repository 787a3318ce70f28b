package engine

import (
	"math"
	"path/filepath"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/replica"
)

// BenchmarkCatchUp has a standby apply a committed log of 150,000 events.
func BenchmarkCatchUp(b *testing.B) {
	m := benchMember(b)
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	seal := func(index uint64) {
		_, err := m.log.Seal(position(index, 1), nil)
		must(err)
	}
	seal(1)
	must(m.journal.Lead(1))
	liveCity(b, m.journal, 2000)
	seal(2)
	m.log.groupLog.Commit(2)
	events := m.journal.Watermark()
	b.ReportAllocs()
	for b.Loop() {
		s, err := m.newStandby()
		must(err)
		must(s.drain(math.MaxInt))
		if s.m.applied.Load() != events {
			b.Fatalf("%d events are applied, want %d", s.m.applied.Load(), events)
		}
		s.close()
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func position(index, term uint64) replica.Position {
	return replica.Position{Index: index, Term: term}
}

// benchMember is a member without a node: a log, and what follows it.
func benchMember(b testing.TB) *member {
	b.Helper()
	path := filepath.Join(b.TempDir(), "journal")
	folder, err := LockFolder(path)
	if err != nil {
		b.Fatal(err)
	}
	e := &Engine{cfg: Config{JournalDir: path, Folder: folder, Durability: journal.Crash, Log: quiet(), Now: func() isuride.Time { return 1 },
		Describe:    func(*isuride.Chair) []byte { return nil },
		InitialData: func() (*isuride.Tables, error) { return &isuride.Tables{}, nil },
		Group:       &Group{Self: "a", Members: []replica.Member{{Name: "a", Address: "a:1"}}}}}
	m := &member{e: e, cfg: &e.cfg, group: e.cfg.Group, dir: filepath.Join(path, groupFolder)}
	e.member = m
	if err := m.open(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		m.journal.Close()
		folder.Close()
	})
	return m
}
