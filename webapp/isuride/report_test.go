package isuride

import "testing"

// TestReadReport compares with the whole event.
func TestReadReport(t *testing.T) {
	e := &Event{Kind: ChairMoved, Location: &ChairLocation{ID: "l", ChairID: "c", Coordinate: Coordinate{-3, 300}, CreatedAt: 17}}
	b := e.Append(nil)
	id, at, recorded, ok := ReadReport(b)
	if l := e.Location; string(id) != l.ChairID || at != l.Coordinate || recorded != l.CreatedAt || !ok {
		t.Errorf("%q at %v, %v, %v; want %+v", id, at, recorded, ok, l)
	}
	for n := 2; n < len(b); n++ {
		if _, _, _, ok := ReadReport(b[:n]); ok {
			t.Errorf("%d of %d bytes are a report", n, len(b))
		}
	}
	if _, _, _, ok := ReadReport(append(b, 0)); ok {
		t.Error("a report with a byte too many is one")
	}
}

// TestIsReport compares with the whole event, IsDelivery too.
func TestIsReport(t *testing.T) {
	for _, e := range sampleEvents() {
		want := e.Kind == ChairMoved && e.Status == nil
		if got := IsReport(e.Append(nil)); got != want {
			t.Errorf("%v: %v, want %v", e.Kind, got, want)
		}
		if got, want := IsDelivery(e.Append(nil)), e.Kind == StatusDelivered; got != want {
			t.Errorf("%v is a delivery: %v, want %v", e.Kind, got, want)
		}
	}
	if IsDelivery(nil) {
		t.Error("nothing is a delivery")
	}
	if moved := (&Event{Kind: ChairMoved, Location: &ChairLocation{ChairID: "c"}}).Append(nil); !IsReport(moved) || IsReport(moved[:1]) || IsReport(nil) {
		t.Error("a plain report is none, or a part of it is one")
	}
}
