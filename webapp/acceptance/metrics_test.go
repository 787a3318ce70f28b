package acceptance

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/freeport"
	"isuride/webapp/servertest"
)

// TestMetrics: what one ride does to the figures.
func TestMetrics(t *testing.T) {
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		p.Start()
		p.Initialize()
		_, register := p.Owner("owner")
		chair := p.Chair(register, "AB-1-1", "SitEase", servertest.At(1, 1))
		p.Chair(register, "AB-1-2", "SitEase", servertest.At(900, 900)) // of the other region
		user, _ := p.User("rider", "")
		toChair, toUser := chair.Listen(), user.Listen()
		toChair.Next()
		toUser.Next()

		before := p.Scrape()
		check := func(name string, want float64, labels ...string) {
			t.Helper()
			servertest.Eventually(t, func() error { // counted after it was written
				if got := p.Scrape().Value(name, labels...); got != want {
					return fmt.Errorf("%s%v is %v, want %v", name, labels, got, want)
				}
				return nil
			})
		}
		grew := func(name string, want float64, labels ...string) {
			t.Helper()
			check(name, before.Value(name, labels...)+want, labels...)
		}

		check("isuride_users", 1)
		check("isuride_streams_open", 1, "recipient", "user")
		check("isuride_streams_open", 1, "recipient", "chair")
		check("isuride_chairs", 2, "state", "free")
		check("isuride_generation", 2)
		check("isuride_build_info", 1, "revision", "unknown")

		ride := user.Request(servertest.At(2, 2), servertest.At(5, 5))
		toUser.Expect(ride, "MATCHING")
		toChair.Expect(ride, "MATCHING")
		check("isuride_rides", 1, "state", "matched")
		check("isuride_chairs", 1, "state", "busy")
		check("isuride_chairs", 1, "state", "free")
		check("isuride_ride_oldest_wait_seconds", 0)
		check("isuride_match_round_rides", 1)
		chair.Advance(ride, "ENROUTE")
		chair.Report(servertest.At(2, 2))
		check("isuride_rides", 1, "state", "pickup")
		chair.Advance(ride, "CARRYING")
		check("isuride_rides", 1, "state", "carrying")
		chair.Report(servertest.At(5, 5))
		check("isuride_rides", 1, "state", "arrived")
		check("isuride_rides", 0, "state", "matched")
		user.Rate(ride, 4)
		toUser.Expect(ride, "ENROUTE", "PICKUP", "CARRYING", "ARRIVED", "COMPLETED")
		toChair.Expect(ride, "ENROUTE", "PICKUP", "CARRYING", "ARRIVED", "COMPLETED")
		user.Call("POST", "/api/app/rides", servertest.Object{}).Refused(t, 400, "pickup")
		user.Call("GET", "/api/nothing", nil)
		user.Call("GET", "/", nil)
		p.Flushed()

		grew("isuride_rides_requested_total", 1)
		grew("isuride_rides_matched_total", 1)
		grew("isuride_rides_completed_total", 1)
		grew("isuride_match_rounds_total", 1)
		grew("isuride_match_round_seconds", 1)
		grew("isuride_match_pickup_seconds_total", 0.03) // two units of distance, two a tick
		grew("isuride_http_requests_total", 2, "endpoint", "POST /api/chair/coordinate", "status", "2xx")
		grew("isuride_http_request_duration_seconds", 2, "endpoint", "POST /api/chair/coordinate")
		grew("isuride_http_requests_total", 2, "endpoint", "POST /api/chair/rides/{ride_id}/status", "status", "2xx")
		grew("isuride_http_requests_total", 1, "endpoint", "POST /api/app/rides", "status", "4xx")
		grew("isuride_http_requests_total", 1, "endpoint", "other", "status", "4xx")
		grew("isuride_http_requests_total", 1, "endpoint", "static", "status", "2xx")
		for _, recipient := range []string{"user", "chair"} {
			grew("isuride_notifications_sent_total", 6, "recipient", recipient)
			grew("isuride_notification_delay_seconds", 6, "recipient", recipient)
		}
		check("isuride_payment_in_progress", 0)
		grew("isuride_payment_attempts_total", 1, "result", "accepted")
		now := p.Scrape()
		for _, name := range []string{"isuride_journal_appended_total", "isuride_journal_appended_bytes_total",
			"isuride_flush_batches_total", "isuride_flush_rows_total", "isuride_flush_seconds"} {
			if now.Value(name) <= before.Value(name) {
				t.Errorf("%s was %v and is %v", name, before.Value(name), now.Value(name))
			}
		}
		for _, name := range []string{"isuride_http_connections", "isuride_http_connections_max", "isuride_journal_segments_bytes",
			"go_goroutines", "process_open_fds", "process_cpu_seconds_total"} {
			if v := now.Value(name); v <= 0 || math.IsNaN(v) {
				t.Errorf("%s is %v", name, v)
			}
		}
		check("isuride_flush_lag_seconds", 0)
		check("isuride_flush_retries_total", 0)
		check("isuride_log_errors_total", 0)
		check("isuride_http_connections_refused_total", 0)

		// A new generation goes on counting.
		toUser.Close()
		toChair.Close()
		p.Initialize()
		grew("isuride_generation", 1)
		grew("isuride_rides_completed_total", 1)
		grew("isuride_match_rounds_total", 1)
		grew("isuride_payment_attempts_total", 1, "result", "accepted")
		check("isuride_journal_appended_total", now.Value("isuride_journal_appended_total"))
		check("isuride_users", 0)
		check("isuride_streams_open", 0, "recipient", "user")
	})
}

// TestWaiting: rides without a chair.
func TestWaiting(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	p.Initialize()
	user, _ := p.User("rider", "")
	user.Request(servertest.At(2, 2), servertest.At(5, 5))
	servertest.Eventually(t, func() error {
		s := p.Scrape()
		if n, age := s.Value("isuride_rides", "state", "waiting"), s.Value("isuride_ride_oldest_wait_seconds"); n != 1 || age <= 0 {
			return fmt.Errorf("%v rides wait, the oldest for %v s", n, age)
		}
		return nil
	})
}

// TestMetricsAreDocumented: the table of docs/metrics.md and the scrape have the same
// metrics of ours, in the same types.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{} // type by name
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && strings.HasPrefix(cells[1], " `isuride_") {
			name, _, _ := strings.Cut(strings.Trim(cells[1], " `"), "{")
			documented[name] = strings.TrimSpace(cells[2])
		}
	}
	delete(documented, "isuride_replica_peer_behind") // one for each other server, and there is none here
	scraped := map[string]string{}
	for _, env := range [][]string{nil, groupOfOne(t)} {
		p := servertest.New(t, env...)
		p.Bare()
		p.Start()
		for name, f := range p.Scrape().Families {
			if strings.HasPrefix(name, "isuride_") {
				scraped[name] = strings.ToLower(f.GetType().String())
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if scraped[name] != documented[name] {
			t.Errorf("%s is documented as %q and scraped as %q", name, documented[name], scraped[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(scraped)) {
		if _, ok := documented[name]; !ok {
			t.Errorf("%s is not documented", name)
		}
	}
}

// groupOfOne makes a server a member of a group of replicas without others.
func groupOfOne(t *testing.T) (env []string) {
	t.Helper()
	peers, clients := freeport.Address(t), freeport.Address(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("the secret of one server"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"ISURIDE_REPLICAS=a=" + peers + "/" + clients, "ISURIDE_NODE=a", "ISURIDE_REPLICA_SECRET=" + secret, "ISURIDE_LISTEN=" + clients}
}
