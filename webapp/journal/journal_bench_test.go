package journal

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// eventBytes is about what an event of the server takes.
const eventBytes = 120

// appender is the journal or its twin that writes files.
type appender interface {
	Append(payload []byte) (uint64, error)
}

// subjects runs a benchmark over the journal at level Crash and over the twin. Both logs
// are kept short, so that a long run does not fill the disk.
func subjects(b *testing.B, run func(b *testing.B, a appender)) {
	b.Run("mmap", func(b *testing.B) {
		j, err := Open(Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		defer j.Close()
		run(b, releasing{j})
	})
	b.Run("write", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "log"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		run(b, &writeLog{file: f})
	})
}

// releasing releases all but the newest records now and then, as the SQL writer does.
type releasing struct{ *Journal }

func (r releasing) Append(payload []byte) (uint64, error) {
	seq, err := r.Journal.Append(payload)
	if seq&0xffff == 0 && err == nil {
		r.Release(seq)
	}
	return seq, err
}

// concurrently has n goroutines share the b.N operations. Each has its own event: through
// an interface it would escape, unlike with a plain *Journal (TestAppendDoesNotAllocate).
func concurrently(b *testing.B, n int, operation func(event []byte) error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range n {
		wg.Go(func() {
			event := make([]byte, eventBytes)
			for left.Add(-1) >= 0 {
				if err := operation(event); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []struct {
		name string
		n    int
	}{{"1writer", 1}, {"16writers", 16}} {
		b.Run(writers.name, func(b *testing.B) {
			subjects(b, func(b *testing.B, a appender) {
				concurrently(b, writers.n, func(event []byte) error {
					_, err := a.Append(event)
					return err
				})
			})
		})
	}
}

// BenchmarkAppendLatency appends 20 records each millisecond, more than a server on two
// cores makes, and reports what single calls take in microseconds. Both logs are synced
// every 100 ms.
func BenchmarkAppendLatency(b *testing.B) {
	subjects(b, func(b *testing.B, a appender) {
		stop := syncNowAndThen(a)
		defer stop()
		took := make([]time.Duration, 0, b.N)
		event := make([]byte, eventBytes)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for len(took) < b.N {
			<-tick.C
			for range min(20, b.N-len(took)) {
				started := time.Now()
				if _, err := a.Append(event); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(started))
			}
		}
		slices.Sort(took)
		for _, q := range []struct {
			name  string
			share float64
		}{{"p50-us", 0.5}, {"p99-us", 0.99}, {"p99.9-us", 0.999}, {"max-us", 1}} {
			at := min(int(q.share*float64(len(took))), len(took)-1)
			b.ReportMetric(float64(took[at].Nanoseconds())/1000, q.name)
		}
	})
}

// syncNowAndThen does for the twin what the journal does by itself.
func syncNowAndThen(a appender) (stop func()) {
	w, ok := a.(*writeLog)
	if !ok {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(defaultSyncInterval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.sync()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

func BenchmarkPower256Waiters(b *testing.B) {
	j, err := Open(Options{Dir: b.TempDir(), Durability: Power})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	concurrently(b, 256, func(event []byte) error {
		seq, err := releasing{j}.Append(event)
		if err != nil {
			return err
		}
		return j.Wait(seq)
	})
	b.ReportMetric(float64(b.N)/float64(j.Stats().Syncs), "events/sync")
}

// BenchmarkSync brings groups of 256 records to the disk, the way level Power does.
func BenchmarkSync(b *testing.B) {
	subjects(b, func(b *testing.B, a appender) {
		event := make([]byte, eventBytes)
		for b.Loop() {
			for range 256 {
				if _, err := a.Append(event); err != nil {
					b.Fatal(err)
				}
			}
			var err error
			switch a := a.(type) {
			case releasing:
				seq := a.Appended()
				err = a.commit.wait(seq)
			case *writeLog:
				err = a.sync()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// filled returns a folder with records that was closed.
func filled(b *testing.B, records int) string {
	dir := b.TempDir()
	j, err := Open(Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	event := make([]byte, eventBytes)
	for range records {
		if _, err := j.Append(event); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

const replayed = 1_000_000

// BenchmarkOpen is the first half of recovery: every record is found and checked.
func BenchmarkOpen(b *testing.B) {
	dir := filled(b, replayed)
	for b.Loop() {
		j, err := Open(Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		j.Close()
	}
	b.ReportMetric(replayed*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkReplay is the second half: every record is read.
func BenchmarkReplay(b *testing.B) {
	j, err := Open(Options{Dir: filled(b, replayed)})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	b.ReportAllocs()
	for b.Loop() {
		r, err := j.ReadFrom(1)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, payload, ok := r.Next(); ok; _, payload, ok = r.Next() {
			n += len(payload)
		}
		if r.Close(); n != replayed*eventBytes {
			b.Fatalf("%d bytes", n)
		}
	}
	b.ReportMetric(replayed*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
