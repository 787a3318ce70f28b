package isuride

import "testing"

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
