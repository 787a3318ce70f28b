package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMeasure: what riders saw of a trouble 1 s after they began, which is looked at for 4 s more.
func TestMeasure(t *testing.T) {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }
	took := func(began, ended int) accepted { return accepted{began: at(began), ended: at(ended)} }
	for name, tc := range map[string]struct {
		list                   []accepted
		first, longest, waited int
		never                  bool
	}{
		// The one that was under way at the order says nothing of how long it takes to be served again.
		"accepted again": {[]accepted{took(0, 10), took(990, 1005), took(900, 1300), took(1310, 1400), took(4000, 4900)}, 400, 3500, 900, false},
		"never again":    {[]accepted{took(0, 10), took(990, 1005)}, 4000, 3995, 15, true},
		"no end":         {[]accepted{took(0, 10), took(1100, 1200)}, 200, 3800, 100, false},
		"in disorder":    {[]accepted{took(4800, 4990), took(2000, 2500), took(1100, 1200)}, 200, 2490, 500, false},
		"none at all":    {nil, 4000, 4000, 0, true},
	} {
		var g gap
		g.measure(slices.Clone(tc.list), at(1000), at(5000))
		ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
		if want := (gap{at: at(1000), accepted: len(tc.list), first: ms(tc.first), never: tc.never, longest: ms(tc.longest), waited: ms(tc.waited)}); g != want {
			t.Errorf("%s: got %+v, want %+v", name, g, want)
		}
	}
}

// TestNeverIsTold: a trouble after which nothing was accepted is no fast one.
func TestNeverIsTold(t *testing.T) {
	var all gaps
	for range 9 {
		all.add(gap{first: 100 * time.Millisecond})
	}
	if s := all.String(); !strings.Contains(s, "at most 100ms") || strings.Contains(s, "nothing") {
		t.Error(s)
	}
	g := gap{first: 4 * time.Second, never: true}
	all.add(g)
	if s := all.String(); !strings.Contains(s, "at most 4s") || !strings.Contains(s, "after 1 nothing was accepted") {
		t.Error(s)
	}
	if s := g.String(); !strings.HasPrefix(s, "accepted again not within 4s") {
		t.Error(s)
	}
}

func TestRecord(t *testing.T) {
	k := killer{how: "part", record: filepath.Join(t.TempDir(), "record.jsonl")}
	g := gap{at: time.Unix(0, 0).UTC(), accepted: 7, first: 1500 * time.Microsecond, longest: time.Second, waited: 2 * time.Millisecond, failed: 3}
	for range 2 {
		if err := k.note(g); err != nil {
			t.Fatal(err)
		}
		g.never = true
	}
	got, err := os.ReadFile(k.record)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"how":"part","at":"1970-01-01T00:00:00Z","accepted":7,"first":1.5,"longest":1000,"waited":2,"failed":3,"lost":0}
{"how":"part","at":"1970-01-01T00:00:00Z","accepted":7,"first":1.5,"never":true,"longest":1000,"waited":2,"failed":3,"lost":0}
`; string(got) != want {
		t.Errorf("got  %swant %s", got, want)
	}
}
