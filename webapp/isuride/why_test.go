package isuride

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"isuride/tools/dev/allocs"
)

// TestChairRefs: an id comes back as it was or not at all, and ULIDs have the binary form
// that everybody gives them.
func TestChairRefs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var want ulid.ULID
		for i := range want {
			want[i] = byte(random.Uint32())
		}
		r := RefTo(want.String())
		if r.form != refULID || ulid.ULID(r.bytes) != want || r.ID() != want.String() {
			t.Fatalf("%s became %s", want, r.ID())
		}
	}
	for id, want := range map[string]string{
		"": "", "C1": "C1", "いす一号": "いす一号", strings.Repeat("x", 15): strings.Repeat("x", 15), strings.Repeat("x", 16): "",
		"7ZZZZZZZZZZZZZZZZZZZZZZZZZ": "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
		"8ZZZZZZZZZZZZZZZZZZZZZZZZZ": "",                                                                     // more than 128 bits
		"01jdfft9j8jvcfvjag4wn2b666": "", "01JDFFT9J8JVCFVJAG4WN2B66U": "", "01JDFFT9J8JVCFVJAG4WN2B66I": "", // read elsewhere, but other texts
	} {
		if got := RefTo(id).ID(); got != want {
			t.Errorf("%q became %q, want %q", id, got, want)
		}
	}
}

// TestReasonsAreShort: whatever the numbers and the ids are, at most 60 bytes.
func TestReasonsAreShort(t *testing.T) {
	ride := &Ride{ID: "R1", UserID: "U1", ChairID: "C1"}
	const far = -1 << 31
	for _, id := range []string{"01JDFFT9J8JVCFVJAG4WN2B666", strings.Repeat("x", 15), strings.Repeat("x", 16), strings.Repeat("x", 200)} {
		rival := Rival{RefTo(id), ChairCost{far, 1<<31 - 1}}
		e := Event{Kind: RideAssigned, Ride: ride, Why: &Why{Class: Elsewhere, Trip: far, Age: far, Chosen: rival.ChairCost, Lost: []Rival{rival, rival, rival}}}
		if n := len(e.append(nil, 2)) - len(e.append(nil, 1)); n > 60 {
			t.Errorf("%q: %d bytes", id, n)
		}
		want := Why{Class: Elsewhere, Trip: -MaxTerm, Age: -MaxTerm, Chosen: ChairCost{-MaxTerm, MaxTerm}}
		kept := Rival{RefTo(id), want.Chosen}
		want.Lost = []Rival{kept, kept}
		if got, err := new(Decoder).Decode(e.Append(nil)); err != nil || !reflect.DeepEqual(got.Why, &want) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestReasonsThatNobodyWrote(t *testing.T) {
	ride := &Ride{ID: "R1", UserID: "U1", ChairID: "C1"}
	bare := (&Event{Kind: RideAssigned, Ride: ride}).Append(nil)
	bare = bare[:len(bare)-1]
	for name, reasons := range map[string][]byte{
		"none, and something":     {noReasons | 1<<2},
		"a form without a rival":  {1 << 2, 0, 0, 0, 0},
		"an unknown form":         {3<<2 | 1, 0, 0, 0, 0, 0, 0},
		"an empty text":           {2<<2 | 1, 0, 0, 0, 0, 0, 0, 0},
		"a long text":             append([]byte{2<<2 | 1, 0, 0, 0, 0, 0, 0, 16}, make([]byte, 16)...),
		"a large term":            {0, 0x80, 0x80, 0x80, 0x01, 0, 0, 0},
		"the term after the last": {0, 0xff, 0xff, 0x7f, 0, 0, 0},
	} {
		if got, err := new(Decoder).Decode(append(bare[:len(bare):len(bare)], reasons...)); err == nil {
			t.Errorf("%s is accepted: %+v", name, got.Why)
		}
	}
}

func assignment() *Event {
	const id = "01JDFFT9J8JVCFVJAG4WN2B666"
	return &Event{Kind: RideAssigned, Ride: &Ride{ID: id, UserID: id, ChairID: id, Pickup: Coordinate{10, -200}, Destination: Coordinate{-30, 40}, CreatedAt: 1, UpdatedAt: 2},
		Why: &Why{Class: Ordinary, Trip: -8_000, Age: -3_300, Chosen: ChairCost{12_000, -600},
			Lost: []Rival{{RefTo(id), ChairCost{12_500, -700}}, {RefTo(id), ChairCost{17_001, 900}}}}}
}

func TestReasonsDoNotAllocate(t *testing.T) {
	buf, e := make([]byte, 0, 512), assignment()
	if n := allocs.PerRun(100, func() { buf = e.Append(buf[:0]) }); n != 0 {
		t.Errorf("encoding: %v allocations", n)
	}
	var with, without Decoder
	count := func(d *Decoder, text []byte) float64 {
		return allocs.PerRun(100, func() { d.Decode(text) })
	}
	if n, before := count(&with, e.append(nil, 2)), count(&without, e.append(nil, 1)); n != before {
		t.Errorf("decoding: %v allocations, without reasons %v", n, before)
	}
}

// BenchmarkAssignment shows what the reasons cost: version 2 against version 1.
func BenchmarkAssignment(b *testing.B) {
	e := assignment()
	for version, name := range map[uint8]string{1: "without", 2: "with"} {
		b.Run("append/"+name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 512)
			for b.Loop() {
				buf = e.append(buf[:0], version)
			}
		})
		b.Run("decode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			var d Decoder
			text := e.append(nil, version)
			for b.Loop() {
				d.Decode(text)
			}
		})
	}
}
