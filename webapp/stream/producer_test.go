package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// script is a Source whose frames a test gives, as the feed would: what a reader resumes
// behind is told again.
type script struct {
	mu      sync.Mutex
	frames  []string // guarded by mu
	grown   chan struct{}
	resumes []string      // what was asked for; guarded by mu
	ready   chan struct{} // nil: always
}

func newScript() *script { return &script{grown: make(chan struct{})} }

func (s *script) say(frames ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = append(s.frames, frames...)
	close(s.grown)
	s.grown = make(chan struct{})
}

func (s *script) Ready(ctx context.Context) error {
	if s.ready == nil {
		return nil
	}
	select {
	case <-s.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *script) Open(_ context.Context, resume string) (Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resumes = append(s.resumes, resume)
	r := &scripted{s: s}
	if resume != "" {
		at, err := parsePosition([]byte(resume))
		if err != nil {
			return nil, err
		}
		for r.next < len(s.frames) && seqOf(s.frames[r.next]) <= at.seq {
			r.next++
		}
	}
	return r, nil
}

// opened is how often the feed was opened.
func (s *script) opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.resumes)
}

func seqOf(text string) uint64 {
	var p parser
	f, err := p.parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return f.seq
}

type scripted struct {
	s    *script
	next int
}

func (r *scripted) Next(ctx context.Context, due <-chan time.Time) ([]byte, error) {
	for {
		r.s.mu.Lock()
		grown := r.s.grown
		if r.next < len(r.s.frames) {
			text := r.s.frames[r.next]
			if text == "end" { // once
				r.s.frames = slices.Delete(r.s.frames, r.next, r.next+1)
				r.s.mu.Unlock()
				return nil, errors.New("the connection ends")
			}
			r.s.mu.Unlock()
			r.next++
			return []byte(text), nil
		}
		r.s.mu.Unlock()
		select {
		case <-grown:
		case <-due:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *scripted) Close() {}

// report is a frame of one position.
func report(seq, prev int) string {
	return fmt.Sprintf(`{"table":"positions","action":"update","keys":["chair_id"],"epoch":1,"seq":%d,"prev":%d,"ts":"2026-11-29T09:51:04.123456Z","data":[{"chair_id":"c","latitude":%d,"longitude":0,"recorded_at":1}]}`, seq, prev, seq)
}

// snapshotAt is a group of two frames of a snapshot.
func snapshotAt(seq int, reason string) []string {
	return []string{
		fmt.Sprintf(`{"table":"owners","action":"partial","keys":["id"],"epoch":1,"seq":%d,"prev":0,"more":true,"reason":%q,"data":[{"id":"a"},{"id":"b"}]}`, seq-1, reason),
		fmt.Sprintf(`{"table":"positions","action":"insert","keys":["chair_id"],"epoch":1,"seq":%d,"prev":%d,"data":[{"chair_id":"c","latitude":null}]}`, seq, seq-1),
	}
}

// beats are heartbeats behind a frame, enough for an idle producer to find out about others.
func beats(seq int) (frames []string) {
	for range proveBeats {
		frames = append(frames, fmt.Sprintf(`{"action":"heartbeat","epoch":1,"seq":%d,"prev":%d}`, seq, seq))
	}
	return frames
}

// running is a producer that runs until it ends by itself, or end is called.
type running struct {
	*Producer
	await func() error
	end   func() error
}

func runProducer(t *testing.T, brokers []string, s Source, o Options) running {
	o.Brokers, o.Source, o.Log = brokers, s, cmp.Or(o.Log, logOf(t))
	p := NewProducer(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	await := sync.OnceValue(func() error {
		select {
		case err := <-done:
			return err
		case <-time.After(time.Minute):
			return errors.New("the producer does not end")
		}
	})
	end := func() error { cancel(); return await() }
	t.Cleanup(func() { _ = end() })
	return running{p, await, end}
}

// committed reads as many messages as are wanted, of those that are committed.
func committed(t *testing.T, brokers []string, want int, topics ...string) (records []*kgo.Record) {
	t.Helper()
	client := clientOf(t, brokers, kgo.ConsumeTopics(topics...), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	for ctx := bounded(t); len(records) < want; {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d messages are there of %d", len(records), want)
		}
		fetches.EachRecord(func(r *kgo.Record) { records = append(records, r) })
	}
	return records
}

func idOf(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key == "ce_id" {
			return string(h.Value)
		}
	}
	return ""
}

func idsOf(records []*kgo.Record) (ids []string) {
	for _, r := range records {
		ids = append(ids, idOf(r))
	}
	slices.Sort(ids)
	return ids
}

// TestMessages are those of a snapshot and of reports behind it: topics, keys, headers, and
// the position in the same transaction.
func TestMessages(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	s.say(snapshotAt(7, "")...)
	s.say(report(8, 7), `{"action":"heartbeat","epoch":1,"seq":9,"prev":8}`, report(10, 9))
	p := runProducer(t, brokers, s, Options{})
	records := committed(t, brokers, 4, Events, Positions)
	want := map[string]string{
		"1:6:0":  Events + " city isuride.owners.partial /isuride/city",
		"1:7:2":  Events + " city isuride.positions.partial /isuride/city",
		"1:8:0":  Positions + " c isuride.positions.update /isuride/city",
		"1:10:0": Positions + " c isuride.positions.update /isuride/city",
	}
	for _, r := range records {
		h := map[string]string{}
		for _, header := range r.Headers {
			h[header.Key] = string(header.Value)
		}
		if got := fmt.Sprintf("%s %s %s %s", r.Topic, r.Key, h["ce_type"], h["ce_source"]); got != want[h["ce_id"]] {
			t.Errorf("message %s is %q; want %q", h["ce_id"], got, want[h["ce_id"]])
		}
		if h["ce_specversion"] != "1.0" || h["content-type"] != "application/json" || (h["ce_time"] == "") != strings.HasSuffix(h["ce_type"], ".partial") {
			t.Errorf("message %s has the headers %v", h["ce_id"], h)
		}
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if c := cursorAt(t, brokers); c != (cursor{position{1, 10}, p.name}) {
		t.Errorf("the cursor is %+v; want that of 1:10", c)
	}
}

func cursorAt(t *testing.T, brokers []string) cursor {
	t.Helper()
	c, err := readCursor(bounded(t), Options{Brokers: brokers, Region: DefaultRegion})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestResume lets producers end in all ways: what they send is there once, in order.
func TestResume(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	s.say(report(1, 0), report(2, 1))
	p := runProducer(t, brokers, s, Options{})
	committed(t, brokers, 2, Positions)
	if err := p.end(); err != nil {
		t.Error(err)
	}
	s.say(report(3, 2), report(4, 3))
	p = runProducer(t, brokers, s, Options{})
	if got, want := idsOf(committed(t, brokers, 4, Positions)), []string{"1:1:0", "1:2:0", "1:3:0", "1:4:0"}; !slices.Equal(got, want) {
		t.Errorf("the messages are %v; want %v", got, want)
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := []string{"", "1:2"}; !slices.Equal(s.resumes, want) {
		t.Errorf("the feed was asked to resume at %q; want %q", s.resumes, want)
	}
}

// TestCursorBehindAnOpenTransaction: while another region's transaction is open, consumers of committed
// messages get nothing that was written after it. The cursor is there all the same, and one
// that was given up is not.
func TestCursorBehindAnOpenTransaction(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	s.say(report(1, 0))
	p := runProducer(t, brokers, s, Options{})
	committed(t, brokers, 1, Positions)
	if err := p.end(); err != nil {
		t.Error(err)
	}
	began := func(region, value string) *kgo.Client {
		client := clientOf(t, brokers, kgo.TransactionalID("isuride-"+region))
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(bounded(t), &kgo.Record{Topic: Cursor, Key: []byte(region), Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		return client
	}
	began("other", "1:1")
	s.say(report(2, 1))
	p = runProducer(t, brokers, s, Options{})
	soon(t, "the second event is written", func() bool { return p.Stats().Messages == 1 && p.Stats().Transactions == 2 })
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if got := cursorAt(t, brokers); got != (cursor{position{1, 2}, p.name}) {
		t.Errorf("the cursor is %+v; want that of 1:2", got)
	}
	if err := began(DefaultRegion, "1:9").EndTransaction(bounded(t), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	began(DefaultRegion, "1:10")
	if got := cursorAt(t, brokers); got.at != (position{1, 2}) {
		t.Errorf("the cursor is %+v; want that of 1:2", got)
	}
}

// takeOver runs two producers, each with a source of its own, the second when the first one
// has sent an event.
func takeOver(t *testing.T, brokers []string) (a, b *script, first, second running) {
	t.Helper()
	a, b = newScript(), newScript()
	a.say(report(1, 0))
	first = runProducer(t, brokers, a, Options{})
	committed(t, brokers, 1, Positions)
	b.say(report(1, 0))
	second = runProducer(t, brokers, b, Options{})
	soon(t, "the second follows", func() bool { return b.opened() == 1 })
	return a, b, first, second
}

// ends holds that the first of two producers ends, since the second is there, and that the
// second goes on, undisturbed.
func ends(t *testing.T, brokers []string, b *script, first, second running) {
	t.Helper()
	if err := first.await(); !errors.Is(err, ErrFenced) {
		t.Errorf("the first producer ends with %v; want %v", err, ErrFenced)
	}
	b.say(report(2, 1), report(3, 2))
	if got, want := idsOf(committed(t, brokers, 3, Positions)), []string{"1:1:0", "1:2:0", "1:3:0"}; !slices.Equal(got, want) {
		t.Errorf("the messages are %v; want %v", got, want)
	}
}

// TestFenced has the first of two producers end when it sends.
func TestFenced(t *testing.T) {
	brokers := fakeBroker(t)
	a, b, first, second := takeOver(t, brokers)
	a.say(report(2, 1), report(3, 2)) // it may have been asleep
	ends(t, brokers, b, first, second)
}

// TestFencedWhileIdle has it end when there is nothing to send.
func TestFencedWhileIdle(t *testing.T) {
	brokers := fakeBroker(t)
	a, b, first, second := takeOver(t, brokers)
	a.say(beats(1)...)
	ends(t, brokers, b, first, second)
}

// TestFencedBySomethingElse has it fail in a way that says nothing of the second: it must not
// take the region back when it tries again.
func TestFencedBySomethingElse(t *testing.T) {
	brokers := fakeBroker(t)
	a, b, first, second := takeOver(t, brokers)
	a.say("end")
	ends(t, brokers, b, first, second)
}

// TestTransactionLost has the broker refuse a producer as if there were another one, which is
// how it ends a transaction that took too long. Nobody has taken over, and so it goes on.
func TestTransactionLost(t *testing.T) {
	c := fakeCluster(t)
	s := newScript()
	p := runProducer(t, c.ListenAddrs(), s, Options{})
	soon(t, "it follows", func() bool { return s.opened() == 1 })
	c.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		answer := req.ResponseKind().(*kmsg.EndTxnResponse)
		answer.ErrorCode = kerr.ProducerFenced.Code
		return answer, nil, true
	})
	s.say(report(1, 0))
	if got, want := idsOf(committed(t, c.ListenAddrs(), 1, Positions)), []string{"1:1:0"}; !slices.Equal(got, want) {
		t.Errorf("the messages are %v; want %v", got, want)
	}
	if got := p.Stats().Failures; got == 0 {
		t.Error("the producer has not failed: the test tests nothing")
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestIdle moves the cursor with heartbeats, behind events that are no messages.
func TestIdle(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	s.say(report(1, 0))
	p := runProducer(t, brokers, s, Options{})
	committed(t, brokers, 1, Positions)
	s.say(beats(9)...)
	soon(t, "the cursor follows", func() bool { return cursorAt(t, brokers).at == position{1, 9} })
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestCursorDeleted begins again when somebody has deleted the topic, as an error advises.
func TestCursorDeleted(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	s.say(report(1, 0))
	runProducer(t, brokers, s, Options{})
	committed(t, brokers, 1, Positions)
	if _, err := kadm.NewClient(clientOf(t, brokers)).DeleteTopic(bounded(t), Cursor); err != nil {
		t.Fatal(err)
	}
	s.say("end")
	soon(t, "it begins again", func() bool { return s.opened() == 2 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resumes[1] != "" {
		t.Errorf("without a cursor the feed is resumed at %q", s.resumes[1])
	}
}

// TestWaits holds that a producer whose source is not ready, since another server leads,
// fences nobody.
func TestWaits(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	s.say(report(1, 0))
	first := runProducer(t, brokers, s, Options{})
	committed(t, brokers, 1, Positions)
	idle := newScript()
	idle.ready = make(chan struct{})
	second := runProducer(t, brokers, idle, Options{})
	s.say(report(2, 1))
	soon(t, "the first goes on", func() bool { return first.Stats().Messages == 2 })
	if err := second.end(); err != nil {
		t.Error(err)
	}
}

// TestRegions are apart: each has its own cursor, and fences its own.
func TestRegions(t *testing.T) {
	brokers, a, b := fakeBroker(t), newScript(), newScript()
	a.say(report(1, 0))
	b.say(report(1, 0))
	runProducer(t, brokers, a, Options{Region: "a"})
	runProducer(t, brokers, b, Options{Region: "b"})
	committed(t, brokers, 2, Positions)
	a.say(report(2, 1))
	b.say(report(2, 1))
	committed(t, brokers, 4, Positions)
}

// TestBroken tells a stream that begins with a snapshot from one that has to begin again.
func TestBroken(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	s.say(snapshotAt(1, "")...)
	p := runProducer(t, brokers, s, Options{})
	committed(t, brokers, 2, Events)
	// Whatever fails is tried again, and counts again.
	if got := p.Stats(); got.Snapshots < 1 || got.Snapshots > 1+got.Failures || got.Broken != 0 {
		t.Errorf("after the first snapshot: %+v", got)
	}
	s.say(snapshotAt(9, "too_old")...)
	committed(t, brokers, 4, Events)
	if got := p.Stats(); got.Snapshots < 2 || got.Snapshots > 2+got.Failures || got.Broken < 1 || got.Broken > 1+got.Failures {
		t.Errorf("after the second snapshot: %+v", got)
	}
}

// TestForgottenTransaction has the broker say that a transaction of the region is open when it has just given
// the producer id, as Kafka 4.4 does at times behind a kill: before anything is sent it is ended in the way that the
// broker's books had it ended.
func TestForgottenTransaction(t *testing.T) {
	for state, commit := range map[string]bool{"": false, "Empty": false, "Ongoing": false, "PrepareAbort": false, "CompleteAbort": false,
		"PrepareCommit": true, "CompleteCommit": true} {
		t.Run(state, func(t *testing.T) { forgottenTransaction(t, state, commit) })
	}
}

func forgottenTransaction(t *testing.T, state string, commit bool) {
	c := fakeCluster(t)
	var named atomic.Bool // the producer id is asked for
	c.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		named.Store(true)
		return nil, nil, false
	})
	c.ControlKey(int16(kmsg.DescribeTransactions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		d := kmsg.NewDescribeTransactionsResponseTransactionState()
		d.TransactionalID, d.State = "isuride-"+DefaultRegion, state
		if state == "" {
			d.ErrorCode = kerr.TransactionalIDNotFound.Code
		}
		if named.Load() {
			t.Error("how the last transaction has ended is asked for when the books have a new producer")
		}
		answer := req.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		answer.TransactionStates = append(answer.TransactionStates, d)
		return answer, nil, true
	})
	earlier := clientOf(t, c.ListenAddrs(), kgo.TransactionalID("isuride-"+DefaultRegion))
	id, _, err := earlier.ProducerID(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	earlier.Close()
	named.Store(false)
	c.ControlKey(int16(kmsg.DescribeProducers), func(req kmsg.Request) (kmsg.Response, error, bool) {
		answer := req.ResponseKind().(*kmsg.DescribeProducersResponse)
		for _, asked := range req.(*kmsg.DescribeProducersRequest).Topics {
			topic := kmsg.DescribeProducersResponseTopic{Topic: asked.Topic}
			for _, n := range asked.Partitions {
				p := kmsg.DescribeProducersResponseTopicPartition{Partition: n}
				if asked.Topic == Positions && n == 2 {
					p.ActiveProducers = []kmsg.DescribeProducersResponseTopicPartitionActiveProducer{
						{ProducerID: id, ProducerEpoch: 7, CoordinatorEpoch: -1, CurrentTxnStartOffset: 41},
						{ProducerID: id + 1, ProducerEpoch: 8, CurrentTxnStartOffset: 42},
					}
				} else {
					p.ActiveProducers = []kmsg.DescribeProducersResponseTopicPartitionActiveProducer{{ProducerID: id, CurrentTxnStartOffset: -1}}
				}
				topic.Partitions = append(topic.Partitions, p)
			}
			answer.Topics = append(answer.Topics, topic)
		}
		return answer, nil, true
	})
	ended := make(chan []kmsg.WriteTxnMarkersRequestMarker, 1)
	c.ControlKey(int16(kmsg.WriteTxnMarkers), func(req kmsg.Request) (kmsg.Response, error, bool) {
		ended <- req.(*kmsg.WriteTxnMarkersRequest).Markers
		answer := req.ResponseKind().(*kmsg.WriteTxnMarkersResponse)
		answer.Markers = []kmsg.WriteTxnMarkersResponseMarker{{ProducerID: id, Topics: []kmsg.WriteTxnMarkersResponseMarkerTopic{
			{Topic: Positions, Partitions: []kmsg.WriteTxnMarkersResponseMarkerTopicPartition{{Partition: 2}}}}}}
		return answer, nil, true
	})
	s := newScript()
	s.say(report(1, 0))
	runProducer(t, c.ListenAddrs(), s, Options{})
	committed(t, c.ListenAddrs(), 1, Positions)
	select {
	case markers := <-ended:
		if len(markers) != 1 {
			t.Fatalf("transactions are ended: %+v; want one", markers)
		}
		m := markers[0]
		if m.ProducerID != id || m.ProducerEpoch != 7 || m.CoordinatorEpoch != 0 || m.Committed != commit ||
			len(m.Topics) != 1 || m.Topics[0].Topic != Positions || !slices.Equal(m.Topics[0].Partitions, []int32{2}) {
			t.Errorf("%+v is ended; want the one of %d in partition 2 of %s", m, id, Positions)
		}
	default:
		t.Error("no transaction was ended")
	}
}

// TestMissing finds that frames are missing, and asks for them again.
func TestMissing(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	s.say(report(1, 0), report(3, 2))
	p := runProducer(t, brokers, s, Options{})
	soon(t, "it begins again", func() bool { return p.Stats().Failures >= 1 })
}

// TestConnectionEnds goes on behind what is committed.
func TestConnectionEnds(t *testing.T) {
	brokers, s := fakeBroker(t), newScript()
	s.say(report(1, 0), "end")
	p := runProducer(t, brokers, s, Options{})
	soon(t, "it begins again", func() bool { return p.Stats().Failures >= 1 })
	if got := idsOf(committed(t, brokers, 1, Positions)); !slices.Equal(got, []string{"1:1:0"}) {
		t.Errorf("the messages are %v; want the one that came before the end", got)
	}
}

// TestOldBroker: a broker that knows no transactions is named as that, and the producer waits.
func TestOldBroker(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.MaxVersions(kversion.V0_10_2()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := newScript()
	s.say(report(1, 0))
	var log lockedBuffer
	p := runProducer(t, c.ListenAddrs(), s, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	soon(t, "it tries again", func() bool { return p.Stats().Failures >= 2 })
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "too old") {
		t.Errorf("the log does not say that the broker is too old:\n%s", log.String())
	}
}

// lockedBuffer may be written and read at once.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
