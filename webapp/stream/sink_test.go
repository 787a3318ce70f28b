package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fakeCluster is a broker in this process, of kfake.
func fakeCluster(t testing.TB) *kfake.Cluster {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func fakeBroker(t testing.TB) []string { return fakeCluster(t).ListenAddrs() }

func clientOf(t testing.TB, brokers []string, opts ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// fakeQuest takes lines, but not those with a forbidden text, and not while it is away.
type fakeQuest struct {
	*httptest.Server
	mu      sync.Mutex
	lines   []string
	posts   int
	away    bool
	refused int
}

const forbidden = "poison"

func newFakeQuest(t testing.TB) *fakeQuest {
	q := new(fakeQuest)
	q.Server = httptest.NewServer(http.HandlerFunc(q.serve))
	t.Cleanup(q.Close)
	return q
}

func (q *fakeQuest) serve(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil || q.away:
		q.refused++
		http.Error(w, "away", http.StatusServiceUnavailable)
	case r.URL.Path == "/exec":
		io.WriteString(w, `{"dataset":[["positions",true,3,7]]}`)
	case bytes.Contains(body, []byte(forbidden)):
		http.Error(w, `{"code":"invalid","message":"it is `+forbidden+`"}`, http.StatusBadRequest)
	default:
		q.posts++
		q.lines = append(q.lines, strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")...)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (q *fakeQuest) set(away bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.away = away
}

func (q *fakeQuest) got() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.lines)
}

// soon waits for something that goroutines and sockets bring about.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to this: %s", what)
		}
	}
}

// bounded is a context for calls that would else wait for ever.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// logOf is shown where a test fails.
func logOf(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// runSink runs a sink until the test ends, or the function that it returns is called.
func runSink(t *testing.T, brokers []string, q *fakeQuest) (*Sink, func()) {
	s := NewSink(SinkOptions{Brokers: brokers, QuestDB: q.URL, Log: logOf(t)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	end := sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("the sink does not end")
		}
	})
	t.Cleanup(end)
	return s, end
}

// owners sends messages of owners with these ids.
func owners(t *testing.T, client *kgo.Client, from int, ids ...string) {
	t.Helper()
	for i, id := range ids {
		r := message(fmt.Sprintf("1:%d:0", from+i), "isuride.owners.insert",
			fmt.Sprintf(`{"table":"owners","action":"insert","ts":"2026-11-29T09:51:04Z","data":[{"id":%q}]}`, id))
		if err := client.ProduceSync(bounded(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPoison finds the messages that the database refuses and those that are none, sets them
// aside with the reason, and goes on with the rest.
func TestPoison(t *testing.T) {
	brokers, q := fakeBroker(t), newFakeQuest(t)
	client := clientOf(t, brokers)
	if err := ensureTopics(bounded(t), client, logOf(t)); err != nil {
		t.Fatal(err)
	}
	owners(t, client, 1, "a", "b", forbidden, "c", "d", "e", forbidden, "f")
	if err := client.ProduceSync(bounded(t), message("none", "", "x")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	owners(t, client, 20, "g")
	s, end := runSink(t, brokers, q)
	soon(t, "all that can be written is", func() bool { return len(q.got()) == 7 && s.Stats().Dead == 3 })
	for i, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		if !strings.Contains(q.got()[i], fmt.Sprintf(`id="%s"`, id)) {
			t.Errorf("line %d is %s; want that of %s", i, q.got()[i], id)
		}
	}
	var reasons []string
	for _, r := range setAside(t, brokers, 3) {
		reasons = append(reasons, headerOf(r, "from")+": "+headerOf(r, "reason"))
	}
	slices.Sort(reasons)
	want := []string{Events + "/0/2: it is poison", Events + "/0/6: it is poison", Events + "/0/8: " + errNoID.Error()}
	if !slices.Equal(reasons, want) {
		t.Errorf("set aside are\n%s\nwant\n%s", strings.Join(reasons, "\n"), strings.Join(want, "\n"))
	}
	soon(t, "the group has read everything", func() bool { return committedOf(t, client) == 10 })
	end()
}

// setAside reads as many messages as are wanted of those that were set aside.
func setAside(t *testing.T, brokers []string, want int) (records []*kgo.Record) {
	t.Helper()
	reader := clientOf(t, brokers, kgo.ConsumeTopics(Dead))
	for ctx := bounded(t); len(records) < want; {
		if ctx.Err() != nil {
			t.Fatalf("set aside are only %d messages; want %d", len(records), want)
		}
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) { records = append(records, r) })
	}
	return records
}

// TestPoisonTooLarge: messages that fit into a topic, but not with what is added when they are set
// aside, are there without what is too much. What is behind them is written.
func TestPoisonTooLarge(t *testing.T) {
	t.Parallel()
	brokers, q := fakeBroker(t), newFakeQuest(t)
	client := clientOf(t, brokers)
	if err := ensureTopics(bounded(t), client, logOf(t)); err != nil {
		t.Fatal(err)
	}
	value := message("1:1:0", "isuride.owners.insert", strings.Repeat("x", 999_850))
	head := message("1:2:0", "", "y")
	head.Key = bytes.Repeat([]byte("k"), 999_850)
	for _, r := range []*kgo.Record{value, head} {
		if err := client.ProduceSync(bounded(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	owners(t, client, 3, "a")
	s, _ := runSink(t, brokers, q)
	soon(t, "what is behind them is written", func() bool { return len(q.got()) == 1 })
	if got := s.Stats(); got.Dead != 2 {
		t.Errorf("the sink has %+v; want 2 messages set aside", got)
	}
	aside := setAside(t, brokers, 2)
	for i, c := range []struct{ id, from, reason string }{
		{"1:1:0", Events + "/0/0", "its value of 999850 bytes is left out"},
		{"", Events + "/0/1", "its key, headers and value of 1 bytes are left out"},
	} {
		r := aside[i]
		if len(r.Key)+len(r.Value) > 0 || idOf(r) != c.id || headerOf(r, "from") != c.from || !strings.Contains(headerOf(r, "reason"), c.reason) {
			t.Errorf("set aside is %.200q from %s as %.300q; want %+v", idOf(r), headerOf(r, "from"), headerOf(r, "reason"), c)
		}
	}
}

// TestDeadTopicDeleted makes the topic again that somebody has deleted, both before a message was set
// aside and after that.
func TestDeadTopicDeleted(t *testing.T) {
	t.Parallel()
	brokers, q := fakeBroker(t), newFakeQuest(t)
	client := clientOf(t, brokers)
	admin := kadm.NewClient(client)
	if err := ensureTopics(bounded(t), client, logOf(t)); err != nil {
		t.Fatal(err)
	}
	owners(t, client, 1, "first")
	runSink(t, brokers, q)
	for i, good := range []string{"a", "b"} {
		soon(t, "what is good is written", func() bool { return len(q.got()) == i+1 })
		if _, err := admin.DeleteTopic(bounded(t), Dead); err != nil {
			t.Fatal(err)
		}
		owners(t, client, 10*i+10, forbidden, good)
		soon(t, "a message is set aside", func() bool {
			ends, err := admin.ListEndOffsets(bounded(t), Dead)
			end, _ := ends.Lookup(Dead, 0)
			return err == nil && end.Offset == 1
		})
	}
	soon(t, "what is behind them is written", func() bool { return len(q.got()) == 3 })
}

// TestEventsDeleted: somebody has deleted the topic of events, and a stream makes it again. The sink reads on.
func TestEventsDeleted(t *testing.T) {
	t.Parallel()
	brokers, q := fakeBroker(t), newFakeQuest(t)
	client := clientOf(t, brokers)
	if err := ensureTopics(bounded(t), client, logOf(t)); err != nil {
		t.Fatal(err)
	}
	owners(t, client, 1, "a", "b")
	runSink(t, brokers, q)
	soon(t, "what is there is written", func() bool { return len(q.got()) == 2 && committedOf(t, client) == 2 })
	other := clientOf(t, brokers)
	if _, err := kadm.NewClient(other).DeleteTopic(bounded(t), Events); err != nil {
		t.Fatal(err)
	}
	if err := ensureTopics(bounded(t), other, logOf(t)); err != nil {
		t.Fatal(err)
	}
	owners(t, other, 3, "c")
	soon(t, "the message in the new topic is written", func() bool { return len(q.got()) == 3 })
}

// committedOf is the group's offset in the topic of events.
func committedOf(t *testing.T, client *kgo.Client) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(client).FetchOffsets(bounded(t), SinkGroup)
	if err != nil {
		return 0
	}
	o, _ := offsets.Lookup(Events, 0)
	return o.At
}

// TestQuestAway keeps messages unread while the database is away, and a new sink begins with
// what it has not taken.
func TestQuestAway(t *testing.T) {
	t.Parallel()
	brokers, q := fakeBroker(t), newFakeQuest(t)
	client := clientOf(t, brokers)
	_, end := runSink(t, brokers, q)
	soon(t, "the topics are there", func() bool {
		d, err := kadm.NewClient(client).ListTopics(bounded(t), Events)
		return err == nil && d.Has(Events)
	})
	owners(t, client, 1, "a")
	soon(t, "the first is written, and counts as read", func() bool { return len(q.got()) == 1 && committedOf(t, client) == 1 })
	q.set(true)
	owners(t, client, 2, "b", "c")
	soon(t, "the database refuses", func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.refused >= 2
	})
	end()
	if at := committedOf(t, client); at != 1 {
		t.Errorf("%d messages count as read, and 1 was written", at)
	}
	q.set(false)
	runSink(t, brokers, q)
	soon(t, "the rest is written", func() bool { return len(q.got()) == 3 })
}

// TestWatch reads how far the database is, and which tables it does not bring up to date.
func TestWatch(t *testing.T) {
	q := newFakeQuest(t)
	h, err := newQuestDB(q.URL).look(bounded(t))
	if err != nil || !slices.Equal(h.suspended, []string{"positions"}) || h.waiting != 4 {
		t.Errorf("look: %+v, %v", h, err)
	}
}

// TestOtherPartitions uses topics as somebody else has made them.
func TestOtherPartitions(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	client := clientOf(t, brokers)
	if _, err := kadm.NewClient(client).CreateTopic(bounded(t), 3, 1, nil, Events); err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(client).CreateTopic(bounded(t), 2, 1, nil, Cursor); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := ensureTopics(bounded(t), client, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(log.String(), "another number of partitions"); got != 2 {
		t.Errorf("%d topics are named; want 2:\n%s", got, &log)
	}
	s.say(report(1, 0))
	p := runProducer(t, brokers, s, Options{})
	committed(t, brokers, 1, Positions)
	if err := p.end(); err != nil {
		t.Error(err)
	}
	s.say(report(2, 1))
	runProducer(t, brokers, s, Options{})
	if got, want := idsOf(committed(t, brokers, 2, Positions)), []string{"1:1:0", "1:2:0"}; !slices.Equal(got, want) {
		t.Errorf("the messages are %v; want %v", got, want)
	}
}

// TestSinkOfTransactions has a sink read what a producer sends, to its very end: marks of the ends
// of transactions are no messages, and nothing is awaited behind the last.
func TestSinkOfTransactions(t *testing.T) {
	brokers, q, feed := fakeBroker(t), newFakeQuest(t), newScript()
	runProducer(t, brokers, feed, Options{})
	for i := range 3 {
		feed.say(report(i+1, i))
		committed(t, brokers, i+1, Positions)
	}
	s, _ := runSink(t, brokers, q)
	soon(t, "all rows are written", func() bool { return len(q.got()) == 3 })
	soon(t, "the messages count as done", func() bool { return s.Stats().Messages >= 3 })
	if got := s.Stats(); got.Messages != 3 || got.Dead != 0 {
		t.Errorf("the sink has read %+v; want three messages", got)
	}
	b := s.inbox.Load()
	soon(t, "each partition is known to be at its end", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return !slices.ContainsFunc(b.queues, func(q *queued) bool { return q.behind })
	})
}
