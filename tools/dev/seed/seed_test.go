package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

// Files of the repository that this tool makes with seed 1.
const (
	committedDump   = "../../../sql/3-initial-data.sql.gz"
	committedExpect = "../../../sql/expected-answers.json"
)

func makeWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w, err := newWorld(seed)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// The texts are compared, not the compressed bytes, which may change with the release of
// Go.
func TestCommittedFilesAreUpToDate(t *testing.T) {
	w := makeWorld(t, 1)
	const remedy = "run: go run ./tools/dev/seed -seed 1 -out sql/3-initial-data.sql.gz -expect sql/expected-answers.json"
	if !bytes.Equal(unzip(t, committedDump), appendDump(nil, &w.Tables)) {
		t.Errorf("%s is not what the generator makes; %s", committedDump, remedy)
	}
	expect, err := w.expectations()
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(committedExpect)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, expect) {
		t.Errorf("%s is not what the generator makes; %s", committedExpect, remedy)
	}
}

func unzip(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() >= 1<<20 {
		t.Errorf("%s is larger than 1 MB: %v", path, err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestDumpReadsBack(t *testing.T) {
	for seed := range uint64(3) {
		w := makeWorld(t, seed)
		got, err := sqlstore.ParseDump(bytes.NewReader(appendDump(nil, &w.Tables)))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !reflect.DeepEqual(*got, w.Tables) {
			t.Errorf("seed %d: the dump reads back differently", seed)
		}
	}
}

func TestSeedDecidesAll(t *testing.T) {
	one, again, other := makeWorld(t, 7), makeWorld(t, 7), makeWorld(t, 8)
	if !reflect.DeepEqual(one.Tables, again.Tables) {
		t.Error("the same seed makes different data")
	}
	if reflect.DeepEqual(one.Tables, other.Tables) {
		t.Error("different seeds make the same data")
	}
}

// The shapes of S12.3 and S12.4 that exercise a server's code paths.
func TestShapes(t *testing.T) {
	for seed := range uint64(5) {
		w := makeWorld(t, seed)
		t.Logf("seed %d: %d users, %d locations, %d coupons", seed, len(w.Users), len(w.ChairLocations), len(w.Coupons))
		s := shapesOf(&w.Tables)
		for _, shape := range []struct {
			name      string
			got       int
			low, high int
		}{
			{"owners", len(w.Owners), 5, 5},
			{"chairs", len(w.Chairs), 500, 500},
			{"active chairs", s.active, 0, 0},
			{"chairs with position", s.reported, 350, 420},
			{"rides", len(w.Rides), 750, 750},
			{"rides of six rows", s.statuses[6], 748, 748},
			{"rides of four rows", s.statuses[4], 2, 2},
			{"users", len(w.Users), 500, 620},
			{"locations", len(w.ChairLocations), 17000, 26000},
			{"users with overlapping rides", s.overlapping, 50, 200},
			{"users with rides of equal time", s.together, 50, 200},
			{"rides before their user", s.early, 50, 300},
			{"coupons younger than the ride that used them", s.youngCoupons, 20, 250},
			{"coupons of whole invitation codes", s.wholeCodes, 0, 0},
			{"overlapping rides of one chair", s.chairOverlaps, 0, 0},
			{"locations of a chair not later than the one before", s.unordered, 0, 0},
		} {
			if shape.got < shape.low || shape.got > shape.high {
				t.Errorf("seed %d: %d %s, want %d to %d", seed, shape.got, shape.name, shape.low, shape.high)
			}
		}
		if _, err := w.expectations(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

type shapes struct {
	active, reported, overlapping, together, early     int
	youngCoupons, wholeCodes, chairOverlaps, unordered int
	statuses                                           map[int]int
}

func shapesOf(t *isuride.Tables) shapes {
	s := shapes{statuses: map[int]int{}}
	last := map[string]isuride.Time{}
	for _, l := range t.ChairLocations {
		if before, ok := last[l.ChairID]; !ok {
			s.reported++
		} else if l.CreatedAt <= before {
			s.unordered++
		}
		last[l.ChairID] = l.CreatedAt
	}
	for _, c := range t.Chairs {
		if c.IsActive {
			s.active++
		}
	}
	rows := map[string]int{}
	for _, r := range t.RideStatuses {
		rows[r.RideID]++
	}
	for _, n := range rows {
		s.statuses[n]++
	}
	s.rides(t)
	s.couponsOf(t)
	return s
}

func (s *shapes) rides(t *isuride.Tables) {
	registered := map[string]isuride.Time{}
	for _, u := range t.Users {
		registered[u.ID] = u.CreatedAt
	}
	overlapping, together := map[string]bool{}, map[string]bool{}
	for i, r := range t.Rides {
		if r.CreatedAt < registered[r.UserID] {
			s.early++
		}
		for _, q := range t.Rides[i+1:] {
			overlap := r.CreatedAt < q.UpdatedAt && q.CreatedAt < r.UpdatedAt
			if r.ChairID == q.ChairID && overlap {
				s.chairOverlaps++
			}
			if r.UserID == q.UserID {
				overlapping[r.UserID] = overlapping[r.UserID] || overlap
				together[r.UserID] = together[r.UserID] || r.CreatedAt == q.CreatedAt
			}
		}
	}
	s.overlapping, s.together = count(overlapping), count(together)
}

func (s *shapes) couponsOf(t *isuride.Tables) {
	requested := map[string]isuride.Time{}
	for _, r := range t.Rides {
		requested[r.ID] = r.CreatedAt
	}
	codes := map[string]bool{}
	for _, u := range t.Users {
		codes[u.InvitationCode] = true
	}
	for _, c := range t.Coupons {
		if codes[strings.TrimPrefix(c.Code, "INV_")] {
			s.wholeCodes++
		}
		if c.UsedBy != "" && requested[c.UsedBy] < c.CreatedAt {
			s.youngCoupons++
		}
	}
}

func count(set map[string]bool) (n int) {
	for _, in := range set {
		if in {
			n++
		}
	}
	return n
}
