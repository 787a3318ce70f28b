package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"isuride/bench/verify/probe"
)

// A fakeFeed holds the notifications of one recipient. It has its own lock, taken after
// the server's.
type fakeFeed struct {
	mu        sync.Mutex
	messages  []string
	delivered int
	polled    time.Time
	woken     chan struct{} // closed and replaced at each message
}

func newFakeFeed() *fakeFeed { return &fakeFeed{woken: make(chan struct{})} }

func (f *fakeFeed) push(raw string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.messages = append(f.messages, raw)
	close(f.woken)
	f.woken = make(chan struct{})
}

// drop forgets what is pending.
func (f *fakeFeed) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delivered = len(f.messages)
}

// tellUser and tellChair enqueue a ride's current status; s.mu is held.
func (s *fake) tellUser(r *fakeRide) {
	n := map[string]any{
		"ride_id": r.id, "pickup_coordinate": r.from, "destination_coordinate": r.to, "fare": r.fare(),
		"status": r.status, "created_at": r.created, "updated_at": r.updated,
	}
	if r.chair != nil && r.status != probe.Matching {
		n["chair"] = map[string]any{"id": r.chair.id, "name": r.chair.name, "model": r.chair.model, "stats": s.stats(r)}
	}
	if s.is("the notified fare is the full one") {
		n["fare"] = fakeFare(r.from, r.to, 0)
	}
	s.enqueue(r.user.feed, n, "user")
}

// stats are those before the ride until it is completed.
func (s *fake) stats(r *fakeRide) map[string]any {
	count, stars := r.countAt, r.starsBefore
	if r.status == probe.Completed || s.is("the ride counts at ARRIVED") && r.status == probe.Arrived {
		count, stars = r.chair.rated, r.chair.stars
	}
	if s.is("the ride counts at ARRIVED") && r.status == probe.Arrived {
		count++
	}
	average := 0.0
	if count > 0 {
		average = float64(stars) / float64(count)
	}
	if s.is("the count stops at 1") {
		count = min(count, 1)
	}
	if s.is("the average is rounded") {
		average = float64(int(average))
	}
	x := map[string]any{"total_rides_count": count, "total_evaluation_avg": average}
	if average == 0 && s.is("a zero average is omitted") {
		delete(x, "total_evaluation_avg")
	}
	return x
}

func (s *fake) tellChair(r *fakeRide) {
	s.enqueue(r.chair.feed, map[string]any{
		"ride_id": r.id, "pickup_coordinate": r.from, "destination_coordinate": r.to, "status": r.status,
		"user": map[string]any{"id": r.user.id, "name": r.user.full},
	}, "chair")
}

func (s *fake) enqueue(f *fakeFeed, n map[string]any, kind string) {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	raw := string(b)
	for _, e := range s.faults {
		raw = e.notice(kind, raw)
	}
	f.push(raw)
}

// stream serves notifications by the transport of the server.
func (s *fake) stream(w http.ResponseWriter, r *http.Request, f *fakeFeed) {
	if s.is("streams are declared compressed") {
		w.Header().Set("Content-Encoding", "gzip")
	}
	if s.polling {
		s.poll(w, f)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if s.is("streams have a length") {
		w.Header().Set("Content-Length", "1000000")
	}
	status := http.StatusOK
	if s.is("streams answer 201") {
		status = http.StatusCreated
	}
	w.WriteHeader(status)
	s.push(w, r, f)
}

func (s *fake) poll(w http.ResponseWriter, f *fakeFeed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data := "null"
	if f.delivered < len(f.messages) {
		f.delivered++
	}
	if s.is("polls after a pause skip to the newest") && time.Since(f.polled) > 45*time.Millisecond {
		f.delivered = len(f.messages)
	}
	f.polled = time.Now()
	if f.delivered > 0 {
		data = f.messages[f.delivered-1]
	}
	retry := "30"
	if s.is("retry_after_ms is a fraction") {
		retry = "30.5"
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"data":%s,"retry_after_ms":%s}`, data, retry)
}

// push writes pending and new messages until the client is gone.
func (s *fake) push(w http.ResponseWriter, r *http.Request, f *fakeFeed) {
	next := s.start(f)
	if next < 0 {
		next = 0
		if !s.is("streams start silently") {
			s.write(w, "null")
		}
	}
	w.(http.Flusher).Flush()
	for first := true; ; first = false {
		pending, woken := s.pending(f, &next, first)
		for _, raw := range pending {
			s.write(w, raw)
		}
		select {
		case <-woken:
		case <-r.Context().Done():
			return
		case <-s.stop:
			return
		}
	}
}

// start is the first message of a new stream, -1 if there has never been one.
func (s *fake) start(f *fakeFeed) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(f.messages) == 0:
		return -1
	case s.is("streams replay the whole ride"):
		return s.replayFrom(f)
	case s.is("streams replay one more"):
		return max(f.delivered-2, 0)
	case s.is("streams start with what is new"):
		return f.delivered
	case s.is("streams start with the newest"):
		return len(f.messages) - 1
	}
	return max(f.delivered-1, 0)
}

// pending takes the messages that a stream has not sent.
func (s *fake) pending(f *fakeFeed, next *int, first bool) ([]string, chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := *next
	if s.is("one stream takes all") && !first {
		from = max(from, f.delivered)
	}
	*next = len(f.messages)
	f.delivered = *next
	return f.messages[from:], f.woken
}

// replayFrom is the first message of the ride delivered last.
func (*fake) replayFrom(f *fakeFeed) int {
	for i := max(f.delivered, 1) - 1; i >= 0; i-- {
		if strings.Contains(f.messages[i], `"MATCHING"`) {
			return i
		}
	}
	return 0
}

func (s *fake) write(w http.ResponseWriter, raw string) {
	end := "\n\n"
	if s.is("events are not separated") {
		end = "\n"
	}
	_, _ = io.WriteString(w, "data: "+raw+end)
	if s.is("each event comes twice") {
		_, _ = io.WriteString(w, "data: "+raw+end)
	}
	w.(http.Flusher).Flush()
}
