package sqlstore_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

// TestContestDump loads the contest's own data and compares it with the facts of
// S12.2 and S12.3.
func TestContestDump(t *testing.T) {
	rows := contestTables(t)
	if got, want := rowCounts(rows), (counts{1, 55, 5, 500, 21209, 559, 559, 750, 4496, 518}); got != want {
		t.Errorf("row counts %+v, want %+v", got, want)
	}
	sums := func(t *testing.T, got *sqlstore.Snapshot) {
		for _, want := range []ownerSums{
			{"Seat Revival", 151, 435_500, 13_412, 79, 45},
			{"快座製作所", 148, 434_000, 13_681, 75, 46},
			{"匠椅子製作所", 158, 474_300, 14_474, 79, 44},
			{"つくる椅子株式会社", 152, 454_800, 13_778, 78, 48},
			{"NextStep Cab", 141, 403_000, 13_323, 76, 47},
		} {
			if got := sumsOf(got, want.name); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	}
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		c.KeepPositions = 24 * time.Hour
		s := open(t, c)
		reset(t, s, 1, rows)
		got := load(t, s)
		before := got.Tracks
		got.ChairLocations = rows.ChairLocations
		if got, want := rowCounts(&got.Tables), rowCounts(rows); got != want {
			t.Errorf("loaded row counts %+v, want %+v", got, want)
		}
		sums(t, got)
		wantFacts(t, &got.Tables)

		// All positions go, and the sums stay.
		for position := range uint64(30) {
			write(t, s, 1, position+1, &isuride.Tables{})
		}
		if n := left(t, c); n != 0 {
			t.Errorf("%d positions are left", n)
		}
		got = load(t, s)
		sums(t, got)
		if !maps.Equal(got.Tracks, before) {
			t.Error("tracks have changed")
		}
	})
}

func contestTables(t *testing.T) *isuride.Tables {
	rows, err := sqlstore.ReadDumpFile("../../../shared/data/official-initial-data.sql.gz")
	if err != nil {
		t.Skip("needs the contest's dump, which is not part of the repository: ", err)
	}
	return rows
}

type counts struct {
	settings, models, owners, chairs, locations, users, tokens, rides, statuses, coupons int
}

func rowCounts(t *isuride.Tables) counts {
	return counts{len(t.Settings), len(t.ChairModels), len(t.Owners), len(t.Chairs), len(t.ChairLocations),
		len(t.Users), len(t.PaymentTokens), len(t.Rides), len(t.RideStatuses), len(t.Coupons)}
}

// ownerSums is a line of the table in S12.2.
type ownerSums struct {
	name                                   string
	rides, sales, distance, placed, models int
}

func sumsOf(s *sqlstore.Snapshot, owner string) ownerSums {
	sums := ownerSums{name: owner}
	id := s.Owners[slices.IndexFunc(s.Owners, func(o isuride.Owner) bool { return o.Name == owner })].ID
	chairs, models := map[string]bool{}, map[string]bool{}
	for _, c := range s.Chairs {
		if c.OwnerID != id {
			continue
		}
		chairs[c.ID], models[c.Model] = true, true
		if track, ok := s.Tracks[c.ID]; ok {
			sums.placed++
			sums.distance += int(track.Total)
		}
	}
	for _, r := range s.Rides {
		if chairs[r.ChairID] {
			sums.rides++
			sums.sales += isuride.Sales(r.Pickup, r.Destination)
		}
	}
	sums.models = len(models)
	return sums
}

// wantFacts checks single facts of S12.1 to S12.3.
func wantFacts(t *testing.T, rows *isuride.Tables) {
	t.Helper()
	collier := rows.Users[slices.IndexFunc(rows.Users, func(u isuride.User) bool { return u.Username == "Collier6283" })]
	if collier.AccessToken != "34ea320039fc61ae2558176607a2e12ca402cbba22ea21e8c28a46df63f4fd25" {
		t.Errorf("token of Collier6283 is %s", collier.AccessToken)
	}
	if ms := collier.CreatedAt.Milli(); ms != 1732551752000 {
		t.Errorf("Collier6283 registered at %d", ms)
	}
	statuses, discounts := map[string]int{}, map[int]int{}
	for _, s := range rows.RideStatuses {
		statuses[s.RideID]++
		if s.AppSentAt-s.CreatedAt != 1e6 || s.ChairSentAt-s.CreatedAt != 1e6 {
			t.Errorf("status %+v was not sent a second later", s)
		}
	}
	four := slices.Sorted(maps.Keys(statuses))
	four = slices.DeleteFunc(four, func(id string) bool { return statuses[id] != 4 })
	if want := []string{"01JDJM3XJG1GD124N1T4Z00CVP", "01JDK840Z8E7SKTTP56MAGVDQH"}; !slices.Equal(four, want) {
		t.Errorf("rides of four rows: %v, want %v", four, want)
	}
	for _, c := range rows.Coupons {
		if c.UsedBy != "" {
			discounts[c.Discount]++
		}
	}
	if want := map[int]int{1500: 193, 1000: 139}; !maps.Equal(discounts, want) {
		t.Errorf("used coupons by discount: %v, want %v", discounts, want)
	}
}
