package watch

import (
	"path"
	"strings"
	"time"
)

// server keeps the last scrapes of the server's metrics.
type server struct {
	last    scrape
	at      float64   // uptime of its host at the last scrape
	seen    time.Time // of the last scrape
	steps   []step    // at most window
	problem string    // with the scrape after it

	release   string
	lastError string
}

// step is the change between two scrapes.
type step struct {
	seconds float64
	moved   scrape
}

func (s *server) add(uptime float64, f frame, now time.Time) {
	text := strings.TrimSpace(f["metrics"])
	if text == "" {
		s.problem = ""
		return
	}
	// The parser wants a newline at the end.
	scraped, err := parseScrape(text + "\n")
	if err != nil {
		s.problem = err.Error()
		return
	}
	seconds := uptime - s.at
	if s.last == nil || seconds <= 0 || seconds > forget {
		s.steps = nil
	} else {
		s.steps = latest(s.steps, step{seconds, scraped.since(s.last)})
	}
	s.last, s.at, s.seen = scraped, uptime, now
	s.release = ""
	if link := strings.TrimSpace(f["release"]); link != "" {
		s.release = path.Base(link)
	}
	s.lastError = strings.TrimSpace(f["error"])
}

// rate is the growth per second of the counters with a name.
func (s *server) rate(name string, labels ...string) float64 {
	var grown, seconds float64
	for _, one := range s.steps {
		grown += one.moved.sum(name, labels...)
		seconds += one.seconds
	}
	if seconds == 0 {
		return 0
	}
	return grown / seconds
}

// latency summarizes the histograms with a name.
func (s *server) latency(what, name string, labels ...string) Latency {
	var all []bucket
	var seconds float64
	for _, one := range s.steps {
		all = addBuckets(all, one.moved.histogram(name, labels...))
		seconds += one.seconds
	}
	l := Latency{Name: what, P50: quantile(0.5, all), P99: quantile(0.99, all)}
	if len(all) > 0 {
		l.Rate = all[len(all)-1].count / seconds
	}
	return l
}

// ratio is the growth of one counter per unit of another's.
func (s *server) ratio(name, per string) float64 {
	if n := s.rate(per); n > 0 {
		return s.rate(name) / n
	}
	return 0
}

func (s *server) report() *Server {
	now := s.last
	return &Server{
		Revision:   now.label("isuride_build_info", "revision"),
		Release:    s.release,
		Generation: now.sum("isuride_generation"),
		Started:    time.UnixMilli(int64(1000 * now.sum("process_start_time_seconds"))).UTC(),
		Memory:     now.sum("process_resident_memory_bytes"),
		Goroutines: now.sum("go_goroutines"),
		Rides:      s.rides(),
		Requests:   s.requests(),
		Latencies:  s.latencies(),
		Matching: Matching{
			Rounds: s.rate("isuride_match_rounds_total"),
			Round:  s.latency("round", "isuride_match_round_seconds"),
			Rides:  now.sum("isuride_match_round_rides"),
			Chairs: now.sum("isuride_match_round_chairs"),
			Cost:   s.ratio("isuride_match_pickup_seconds_total", "isuride_rides_matched_total"),
		},
		Accounts: Accounts{
			FreeChairs:     now.sum("isuride_chairs", "state", "free"),
			BusyChairs:     now.sum("isuride_chairs", "state", "busy"),
			InactiveChairs: now.sum("isuride_chairs", "state", "inactive"),
			Users:          now.sum("isuride_users"),
		},
		Streams: Streams{
			Users:  now.sum("isuride_streams_open", "recipient", "user"),
			Chairs: now.sum("isuride_streams_open", "recipient", "chair"),
			Sent:   s.rate("isuride_notifications_sent_total"),
		},
		Journal: Journal{
			Events:   s.rate("isuride_journal_appended_total"),
			Bytes:    s.rate("isuride_journal_appended_bytes_total"),
			Unsynced: now.sum("isuride_journal_unsynced"),
			Size:     now.sum("isuride_journal_segments_bytes"),
		},
		Database: Database{
			Backlog: now.sum("isuride_flush_backlog"),
			Lag:     now.sum("isuride_flush_lag_seconds"),
			Rows:    s.rate("isuride_flush_rows_total"),
			Batch:   s.latency("batch", "isuride_flush_seconds"),
			Retries: s.rate("isuride_flush_retries_total"),
		},
		Payments: Payments{
			Accepted: s.rate("isuride_payment_attempts_total", "result", "accepted"),
			Refused:  s.rate("isuride_payment_attempts_total", "result", "refused"),
			Failed:   s.rate("isuride_payment_attempts_total", "result", "failed"),
			Open:     now.sum("isuride_payment_in_progress"),
		},
		Connections: Connections{
			Open:    now.sum("isuride_http_connections"),
			Max:     now.sum("isuride_http_connections_max"),
			Refused: s.rate("isuride_http_connections_refused_total"),
		},
		Errors: Errors{
			Logged: now.sum("isuride_log_errors_total"),
			Rate:   s.rate("isuride_log_errors_total"),
			Last:   s.lastError,
		},
		Replica: s.replica(),
	}
}

// replica is nil for a server alone.
func (s *server) replica() *Replica {
	const behind = "isuride_replica_peer_behind"
	now := s.last
	role := now.label("isuride_replica_role", "role")
	if role == "" {
		return nil
	}
	r := &Replica{
		Role:      role,
		Term:      now.sum("isuride_replica_term"),
		Leader:    now.sum("isuride_replica_leader_known") == 1,
		InDoubt:   now.sum("isuride_replica_in_doubt") == 1,
		Lag:       now.sum("isuride_replica_lag"),
		Wait:      s.latency("wait", "isuride_replica_wait_seconds"),
		Different: now.sum("isuride_replica_hashes_total", "result", "different"),
		Behind:    map[string]float64{},
	}
	for _, one := range now[behind].series {
		r.Behind[one.labels[0].GetValue()] = one.value
	}
	return r
}

func (s *server) rides() Rides {
	state := func(name string) float64 { return s.last.sum("isuride_rides", "state", name) }
	return Rides{
		Requested:  s.rate("isuride_rides_requested_total"),
		Matched:    s.rate("isuride_rides_matched_total"),
		Completed:  s.rate("isuride_rides_completed_total"),
		Waiting:    state("waiting"),
		Assigned:   state("matched"),
		Pickup:     state("pickup"),
		Carrying:   state("carrying"),
		Arrived:    state("arrived"),
		OldestWait: s.last.sum("isuride_ride_oldest_wait_seconds"),
	}
}

func (s *server) requests() Requests {
	status := func(class string) float64 { return s.rate("isuride_http_requests_total", "status", class) }
	return Requests{
		All:         s.rate("isuride_http_requests_total"),
		Success:     status("2xx"),
		Redirect:    status("3xx"),
		ClientError: status("4xx"),
		ServerError: status("5xx"),
	}
}

// latencies are those that cost points when they are long.
func (s *server) latencies() []Latency {
	const requests, delay = "isuride_http_request_duration_seconds", "isuride_notification_delay_seconds"
	return []Latency{
		s.latency("position report", requests, "endpoint", "POST /api/chair/coordinate"),
		s.latency("nearby chairs", requests, "endpoint", "GET /api/app/nearby-chairs"),
		s.latency("ride request", requests, "endpoint", "POST /api/app/rides"),
		s.latency("rating", requests, "endpoint", "POST /api/app/rides/{ride_id}/evaluation"),
		s.latency("news to users", delay, "recipient", "user"),
		s.latency("news to chairs", delay, "recipient", "chair"),
	}
}
