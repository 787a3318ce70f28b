package flush

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"testing"

	"isuride/webapp/isuride"
)

// nowhere takes every cut.
type nowhere struct{}

func (nowhere) WriteCut(context.Context, uint64, uint64, *isuride.Tables) error { return nil }

// loop repeats a stretch of events endlessly.
type loop struct {
	payloads [][]byte
	seq, end uint64
}

func (l *loop) Next() (uint64, []byte, bool) {
	if l.seq == l.end {
		return 0, nil, false
	}
	l.seq++
	return l.seq, l.payloads[l.seq%uint64(len(l.payloads))], true
}

func (l *loop) Wait(context.Context) error { return nil }
func (l *loop) Appended() uint64           { return l.end }
func (l *loop) Backlog() int64             { return 0 }
func (l *loop) Release(uint64)             {}

// BenchmarkMerge is all that the writer does itself, an event: read, decode, merge.
func BenchmarkMerge(b *testing.B) {
	reports := make([][]byte, 10_000)
	for i := range reports {
		e := isuride.Event{Kind: isuride.ChairMoved, Location: &isuride.ChairLocation{ChairID: "01JDFEDF00B09BNMV8MP0RB34G", CreatedAt: 1732579200123456}}
		reports[i] = e.Append(nil)
	}
	mixed := make([][]byte, 10_000)
	s := newStory(rand.New(rand.NewPCG(1, 1)))
	for i := range mixed {
		mixed[i] = s.next().Append(nil)
	}
	for name, payloads := range map[string][][]byte{"reports": reports, "mixed": mixed} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			l := &loop{payloads: payloads, end: uint64(b.N)}
			w := New(Options{Source: l, Log: l, Target: nowhere{}, Now: now, Logger: slog.New(slog.DiscardHandler)})
			w.drained.Do(func() { close(w.hurry) })
			if err := w.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkAdmitting is what back-pressure costs each request when there is none.
func BenchmarkAdmitting(b *testing.B) {
	l := &loop{}
	w := New(Options{Source: l, Log: l, Target: nowhere{}, Now: now})
	b.ReportAllocs()
	for b.Loop() {
		if !w.Admitting() {
			b.Fatal("held back")
		}
	}
}
