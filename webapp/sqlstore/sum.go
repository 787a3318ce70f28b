package sqlstore

import (
	"cmp"
	"slices"

	"isuride/webapp/isuride"
)

// Sum returns the tracks of a data set that is in no database, as Load would of its tables.
func Sum(t *isuride.Tables) map[string]Track {
	reports := slices.Clone(t.ChairLocations)
	slices.SortFunc(reports, func(a, b isuride.ChairLocation) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	there := sections{}
	for i := range reports {
		there.add([]byte(reports[i].ChairID), report(reports[i].Coordinate, reports[i].CreatedAt))
	}
	snapshot := Snapshot{Tables: isuride.Tables{ChairDistances: t.ChairDistances}}
	snapshot.sumUp(there)
	return snapshot.Tracks
}
