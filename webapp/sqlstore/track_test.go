package sqlstore

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"isuride/webapp/isuride"
)

// naiveTracks follows the definition of S2.4: by chair, in the order of time.
func naiveTracks(locations []isuride.ChairLocation) map[string]Track {
	sorted := slices.Clone(locations)
	slices.SortFunc(sorted, func(a, b isuride.ChairLocation) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	tracks := map[string]Track{}
	for _, l := range sorted {
		track, ok := tracks[l.ChairID]
		if ok {
			track.Total += int64(track.Last.Distance(l.Coordinate))
		}
		track.Last, track.At = l.Coordinate, l.CreatedAt
		tracks[l.ChairID] = track
	}
	return tracks
}

func TestTracksOfParts(t *testing.T) {
	const seed = 1
	random := rand.New(rand.NewPCG(seed, 0))
	s := openSQLite(t)
	for round := range 8 {
		var rows isuride.Tables
		for i := range random.IntN(100) {
			at := isuride.Time(1e15 + i*100)
			if round%2 == 0 { // ids that do not grow with time
				at += isuride.Time(random.IntN(3) * 150)
			}
			rows.ChairLocations = append(rows.ChairLocations, isuride.ChairLocation{ID: fmt.Sprintf("%05d", i),
				ChairID:    fmt.Sprintf("chair %d", random.IntN(1+round)),
				Coordinate: isuride.Coordinate{Latitude: random.Int32(), Longitude: -random.Int32()}, CreatedAt: at})
		}
		if err := s.Reset(t.Context(), 1, &rows); err != nil {
			t.Fatal(err)
		}
		want := naiveTracks(rows.ChairLocations)
		for _, partRows := range []int{1, 7, 1000} {
			got, err := s.loadTracks(t.Context(), partRows)
			if err != nil {
				t.Fatal(err)
			}
			var all Snapshot
			if all.sumUp(got); !maps.Equal(all.Tracks, want) {
				t.Fatalf("seed %d, round %d, parts of %d rows:\ngot  %v\nwant %v", seed, round, partRows, all.Tracks, want)
			}
		}
	}
}

func openSQLite(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "isuride.db")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
