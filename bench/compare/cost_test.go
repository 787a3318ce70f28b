package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"isuride/tools/dev/bound"
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
		"-follow chairs":    "-follow city, all or chair",
	} {
		if _, err := runCost(t.Context(), strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("%s: %v, want %q", args, err, told)
		}
	}
}

// TestReaders: each follows what it is to, as who it is to be, comes back when its stream breaks, and
// ends; one that gets nothing is an error.
func TestReaders(t *testing.T) {
	token := filepath.Join(t.TempDir(), "operator-token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for follow, want := range map[string][]string{
		"city":  {" table=city&interval=100", " table=server"},
		"all":   {"Bearer secret " + followed["all"].streams[0]},
		"chair": {"Bearer secret table=positions&filter=chair_id=a", "Bearer secret table=positions&filter=chair_id=b"},
	} {
		each := 2 // of two readers
		if follow == "chair" {
			each = 1
		}
		times := 2 * each
		asked, server := feedThatBreaks(t, each)
		end, err := (&readers{2, follow}).start(t.Context(), server, token)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for range times * len(want) {
			got[bound.Receive(t, "a stream of each reader", asked)]++
		}
		if err := end(); err != nil {
			t.Errorf("%s: %v", follow, err)
		}
		for _, query := range want {
			if got[query] != times || len(asked) > 0 {
				t.Errorf("%s: two readers whose first streams break ask for %v, want %q %d times", follow, got, query, times)
			}
		}
	}
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	end, err := (&readers{3, "all"}).start(t.Context(), refusing.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	if err := end(); err == nil || !strings.Contains(err.Error(), "3 of 3 streams") {
		t.Errorf("readers that are refused: %v", err)
	}
}

// feedThatBreaks is a feed that tells of two chairs and ends, as often as breaks says; then streams
// stay. What is asked for comes in asked, but for all positions.
func feedThatBreaks(t *testing.T, breaks int) (asked chan string, address string) {
	asked = make(chan string, 100)
	var mu sync.Mutex
	times := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "data: {\"action\":\"partial\",\"data\":[{\"chair_id\":\"rests\"}]}\n\n")
		fmt.Fprint(w, "data: {\"action\":\"update\",\"data\":[{\"chair_id\":\"a\"},{\"chair_id\":\"b\"}]}\n\n")
		if r.URL.RawQuery == "table=positions" {
			return
		}
		name := r.Header.Get("Authorization") + " " + r.URL.RawQuery
		mu.Lock()
		times[name]++
		stays := times[name] > breaks
		mu.Unlock()
		if asked <- name; stays {
			_ = http.NewResponseController(w).Flush() // the client may have left
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	return asked, server.URL
}
