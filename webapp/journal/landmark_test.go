package journal

import (
	"encoding/binary"
	"testing"
)

// TestLandmarks: once somebody has read the log, others begin near the record they want, in
// kept segments and in those that grow.
func TestLandmarks(t *testing.T) {
	j := mustOpen(t, Options{Dir: t.TempDir(), SegmentBytes: 1 << 20, Keep: 64 << 20}, unsynced())
	const last = 200_000
	add := func(upTo int) {
		for n := int(j.Appended()) + 1; n <= upTo; n++ {
			mustAppend(t, j, binary.LittleEndian.AppendUint64(nil, uint64(n)))
		}
	}
	add(last / 2)
	first := mustSubscribe(t, j, 1)
	defer first.Close()
	for _, _, ok := first.Next(); ok; _, _, ok = first.Next() {
	}
	j.Release(last / 4)
	add(last)
	for _, _, ok := first.Next(); ok; _, _, ok = first.Next() {
	}
	r := seeded(t)
	for range 200 {
		want := 1 + r.Uint64N(last)
		near := &Subscriber{j: j, pin: new(pin)}
		if err := near.begin(want); err != nil {
			t.Fatal(err)
		}
		if near.seq > want || want-near.seq > 3*landmarkEvery {
			t.Fatalf("who wants record %d begins at %d", want, near.seq)
		}
		near.Close()
		s := mustSubscribe(t, j, want)
		seq, payload, ok := s.Next()
		if !ok || seq != want || binary.LittleEndian.Uint64(payload) != want {
			t.Fatalf("subscribed to record %d: got %d, %x, %v", want, seq, payload, ok)
		}
		s.Close()
	}
}
