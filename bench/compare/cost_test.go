package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestCostOfPairs: sides take turns at going first, and the median of the ratios counts.
func TestCostOfPairs(t *testing.T) {
	for most, want := range map[float64]bool{1.02: false, 1.2: true} {
		c := cost{overload: overload{trial: trial{runs: 3}}, rate: 1, most: most}
		var order []int
		var out strings.Builder
		passed, err := c.compare(&out, func(pair, which int) (float64, error) {
			order = append(order, which)
			return []float64{2, []float64{2, 2.2, 4}[pair]}[which], nil
		})
		if err != nil || passed != want || !slices.Equal(order, []int{0, 1, 1, 0, 0, 1}) || !strings.Contains(out.String(), "ratio 1.1 (1 to 2)") {
			t.Errorf("at most %v: passed %t, %v, in the order %v, says\n%s", most, passed, err, order, &out)
		}
	}
}

func TestCostFlags(t *testing.T) {
	for args, told := range map[string]string{
		"-rate 0":           "a -rate above 0",
		"-set SHED=off":     "want ISURIDE_NAME=VALUE",
		"-set ISURIDE_SHED": "want ISURIDE_NAME=VALUE",
		"-n 0":              "at least one run",
	} {
		if _, err := runCost(t.Context(), strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("%s: %v, want %q", args, err, told)
		}
	}
}

// TestReadFeed: each reader follows each table, comes back when its stream breaks, and ends.
func TestReadFeed(t *testing.T) {
	var mu sync.Mutex
	times := map[string]int{}
	asked := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		times[r.URL.String()]++
		first := times[r.URL.String()] <= 2
		mu.Unlock()
		asked <- r.URL.String()
		if !first {
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	end := readFeed(t.Context(), server.URL, 2)
	got := map[string]int{}
	for range 2 * 2 * len(feedTables) { // each reader of each table, twice
		got[<-asked]++
	}
	end()
	if got["/api/feed?table=city"] != 4 || got["/api/feed?table=server"] != 4 || len(asked) > 0 {
		t.Errorf("two readers whose first streams break ask for %v, and %d times more", got, len(asked))
	}
}
