package journal

import (
	"fmt"
	"testing"
)

// BenchmarkEntry is the way of an entry of so many events through two logs: append, seal, copy
// out, check and add. The figure is that of an event; a standby's catch-up is the second half.
func BenchmarkEntry(b *testing.B) {
	for _, events := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(events), func(b *testing.B) {
			from, to := member(b), member(b)
			if err := from.Lead(1); err != nil {
				b.Fatal(err)
			}
			event := make([]byte, eventBytes)
			var data []byte
			for done := 0; done < b.N; done += events {
				for range events {
					if _, err := from.Append(event); err != nil {
						b.Fatal(err)
					}
				}
				e, _, err := from.Seal(from.LastIndex()+1, 1, nil, false)
				if err == nil {
					data, err = from.AppendBytes(data[:0], e.Index)
				}
				if err == nil {
					_, err = to.AppendEntry(1, data)
				}
				if err != nil {
					b.Fatal(err)
				}
				pass(from, e.Last)
				pass(to, e.Last)
			}
		})
	}
}

// BenchmarkCatchUp adds entries that are there already: what bounds a standby that is behind.
func BenchmarkCatchUp(b *testing.B) {
	const events, entries = 100, 200
	from := member(b)
	if err := from.Lead(1); err != nil {
		b.Fatal(err)
	}
	event := make([]byte, eventBytes)
	var list [][]byte
	for range entries {
		for range events {
			if _, err := from.Append(event); err != nil {
				b.Fatal(err)
			}
		}
		e, _, err := from.Seal(from.LastIndex()+1, 1, nil, false)
		if err != nil {
			b.Fatal(err)
		}
		data, err := from.AppendBytes(nil, e.Index)
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, data)
	}
	b.ResetTimer()
	for done := 0; done < b.N; {
		b.StopTimer()
		to := member(b)
		b.StartTimer()
		for _, data := range list {
			e, err := to.AppendEntry(1, data)
			if err != nil {
				b.Fatal(err)
			}
			done += events
			pass(to, e.Last)
		}
		b.StopTimer()
		to.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func member(b *testing.B) *Journal {
	j, err := Open(Options{Dir: b.TempDir(), Replicated: true, Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { j.Close() })
	return j
}

// pass commits and releases, so that the disk does not fill.
func pass(j *Journal, seq uint64) {
	j.Commit(seq)
	if seq%1024 < 100 {
		j.Release(seq)
	}
}
