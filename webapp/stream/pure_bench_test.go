package stream

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"isuride/tools/dev/allocs"
)

// A report as the feed sends it, which is most of what there is.
const reportFrame = `{"table":"positions","action":"update","keys":["chair_id"],"epoch":1,"seq":1000001,"prev":1000000,"ts":"2026-11-29T09:51:04.123456Z","data":[{"chair_id":"01KB7M2V6W3ZQ4R8T5Y9N1C0XD","latitude":123,"longitude":-45,"total_distance":6789,"recorded_at":1796032264123}]}`

// BenchmarkParse reads a frame.
func BenchmarkParse(b *testing.B) {
	var p parser
	text := []byte(reportFrame)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMessage makes a frame a message.
func BenchmarkMessage(b *testing.B) {
	var p parser
	m := newForm(Options{Region: DefaultRegion})
	text := []byte(reportFrame)
	f, err := p.parse(text)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.records(text, &f, 0, false)
	}
}

// sample is that message as it comes from the broker.
func sample(t testing.TB) *kgo.Record {
	var p parser
	m := newForm(Options{Region: DefaultRegion})
	f, err := p.parse([]byte(reportFrame))
	if err != nil {
		t.Fatal(err)
	}
	return m.records([]byte(reportFrame), &f, 0, false)[0]
}

// TestAllocations bounds what a message costs the collector: none for a frame that is read or
// a line, and for a message what it keeps.
func TestAllocations(t *testing.T) {
	var p parser
	text := []byte(reportFrame)
	f, err := p.parse(text)
	if err != nil {
		t.Fatal(err)
	}
	m := newForm(Options{Region: DefaultRegion})
	r, now := sample(t), noon
	var l lines
	for _, c := range []struct {
		what string
		most float64
		run  func()
	}{
		{"reading a frame", 0, func() { p.parse(text) }},
		{"a message", messageAllocations, func() { m.records(text, &f, 0, false) }},
		{"a line", 0, func() {
			l.reset()
			l.add(r, now)
		}},
	} {
		c.run() // buffers grow
		if n := allocs.PerRun(100, c.run); n > c.most {
			t.Errorf("%s makes %v allocations; want %v at most", c.what, n, c.most)
		}
	}
}

// messageAllocations are the record with its headers, and one array for all bytes.
const messageAllocations = 2
