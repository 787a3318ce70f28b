package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"isuride/webapp/internal/batch"
)

const (
	// A batch is what waits, up to what QuestDB takes in batchTarget.
	batchTarget = 25 * time.Millisecond
	minBatch    = 100
	maxBatch    = 50_000
	maxPost     = 4 << 20
	// maxPoll bounds what is taken from the client at once.
	maxPoll = 2_000
	// maxFetched and maxFetchedPartition bound what waits while QuestDB does, in bytes as
	// they come from the broker.
	maxFetched          = 512 << 10
	maxFetchedPartition = 128 << 10
	// committedEvery is how often the group's offsets move. After a kill the sink reads again
	// what it has written since, which changes nothing.
	committedEvery = 200 * time.Millisecond
	// sessionLimit is how long the others wait for a sink that was killed: the least that a
	// broker allows.
	sessionLimit = 6 * time.Second
	// lookEvery is how often QuestDB is asked how its tables are.
	lookEvery = 5 * time.Second
)

// SinkGroup is the consumer group of sinks: several share the partitions.
const SinkGroup = "isuride-sink"

// SinkOptions are what a Sink needs.
type SinkOptions struct {
	Brokers []string // host:port
	QuestDB string   // URL
	Log     *slog.Logger
}

// Sink brings the messages of Kafka to QuestDB.
//
// It reads uncommitted messages, since all of them are behind the server's watermark: an
// aborted transaction's are sent again, as the same rows.
type Sink struct {
	o      SinkOptions
	db     *questDB
	lines  lines         // of the batch under way
	taken  []*kgo.Record // their messages, and those that are none
	sizer  *batch.Sizer
	inbox  atomic.Pointer[inbox] // nil before Run
	counts sinkCounts
}

// NewSink returns a sink, which does nothing before Run.
func NewSink(o SinkOptions) *Sink {
	o.Log = cmp.Or(o.Log, slog.Default())
	return &Sink{o: o, db: newQuestDB(o.QuestDB),
		sizer: batch.NewSizer(batch.Bounds{Target: batchTarget, MinRows: minBatch, MaxRows: maxBatch, Bytes: maxPost})}
}

// Run works until ctx ends; an error is of the options. Whatever else fails is tried again.
func (s *Sink) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.session(ctx); err != nil {
			return err
		}
	}
	return nil
}

// session works until ctx ends, or a topic is another one than when it began.
func (s *Sink) session(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.o.Brokers...),
		kgo.ClientID("isuride-sink"),
		kgo.ConsumerGroup(SinkGroup),
		kgo.ConsumeTopics(Events, Positions),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()),
		kgo.KeepControlRecords(), // with them the inbox knows where a partition ends
		kgo.FetchMaxBytes(maxFetched),
		kgo.FetchMaxPartitionBytes(maxFetchedPartition),
		kgo.SessionTimeout(sessionLimit),
		kgo.HeartbeatInterval(sessionLimit/4),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(committedEvery),
		kgo.ProducerLinger(0),
		kgo.UnknownTopicRetries(0), // isuride.dead is made again instead
	)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := s.prepare(ctx, client); err != nil {
		return nil // ctx has ended
	}
	b := newInbox(client)
	s.inbox.Store(b)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	helpers.Go(func() { s.watch(ctx) })
	helpers.Go(func() {
		defer end()
		s.poll(ctx, client, b)
	})
	for {
		if err := s.batch(ctx, client, b); err != nil {
			return nil // ctx has ended
		}
	}
}

// poll brings what the broker has into the inbox. It ends when somebody has deleted a topic: even if it is
// made again the client looks for the old one, without a pause, and only a new client finds the new one.
func (s *Sink) poll(ctx context.Context, client *kgo.Client, b *inbox) {
	for {
		b.awaitRoom(ctx)
		fetches := client.PollRecords(ctx, maxPoll)
		if ctx.Err() != nil {
			return
		}
		deleted := false
		fetches.EachError(func(topic string, partition int32, err error) {
			s.counts.failures.Add(1)
			s.o.Log.Warn("messages cannot be read", "topic", topic, "partition", partition, "err", err)
			deleted = deleted || isDeleted(err)
		})
		b.put(fetches, time.Now())
		if deleted {
			select {
			case <-time.After(minPause):
			case <-ctx.Done():
			}
			return
		}
	}
}

// isDeleted reports whether a topic is gone. One of the same name has another id.
func isDeleted(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

// prepare makes topics and tables.
func (s *Sink) prepare(ctx context.Context, client *kgo.Client) error {
	return s.insist(ctx, "the sink waits for Kafka and QuestDB", func(ctx context.Context) error {
		return errors.Join(ensureTopics(ctx, client, s.o.Log), s.db.makeTables(ctx))
	})
}

// insist tries until it succeeds, or ctx ends, which is the only error.
func (s *Sink) insist(ctx context.Context, what string, try func(context.Context) error) error {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		limited, cancel := context.WithTimeout(ctx, callLimit)
		err := try(limited)
		cancel()
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		s.counts.failures.Add(1)
		s.o.Log.Warn(what+", and tries again", "err", err, "after", pause.String())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// batch writes what waits, as much as fits, and marks it as done. What is no row is set aside
// first.
func (s *Sink) batch(ctx context.Context, client *kgo.Client, b *inbox) error {
	if err := b.wait(ctx); err != nil {
		return err
	}
	type wrong struct {
		record *kgo.Record
		why    error
	}
	var bad []wrong
	now := time.Now()
	s.lines.reset()
	clear(s.taken)
	s.taken = b.take(s.taken[:0], now, func(r *kgo.Record) bool {
		if err := s.lines.add(r, now); err != nil {
			bad = append(bad, wrong{r, err})
		}
		return !s.sizer.Full(len(s.lines.began), len(s.lines.buf))
	})
	for _, w := range bad {
		if err := s.bury(ctx, client, w.record, w.why); err != nil {
			return err
		}
	}
	if n := len(s.lines.began); n > 0 {
		if err := s.writeLines(ctx, client, 0, n); err != nil {
			return err
		}
	}
	client.MarkCommitRecords(s.taken...)
	s.counts.messages.Add(uint64(len(s.taken)))
	return nil
}

// writeLines writes lines [from, to). If one of them is wrong, halves tell which.
func (s *Sink) writeLines(ctx context.Context, client *kgo.Client, from, to int) error {
	var wrong badLine
	err := s.insist(ctx, "QuestDB does not take rows", func(ctx context.Context) error {
		began := time.Now()
		err := s.db.write(ctx, s.lines.bytes(from, to))
		if err == nil {
			s.sizer.Wrote(to-from, time.Since(began))
		}
		if errors.As(err, &wrong) {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case wrong.text == "":
		s.counts.rows.Add(uint64(to - from))
		return nil
	case to-from == 1:
		return s.bury(ctx, client, s.lines.recordOf(from), wrong)
	}
	half := from + (to-from)/2
	if err := s.writeLines(ctx, client, from, half); err != nil {
		return err
	}
	return s.writeLines(ctx, client, half, to)
}

// recordOf returns the message that a line is of.
func (l *lines) recordOf(line int) *kgo.Record {
	for i := len(l.from) - 1; i >= 0; i-- {
		if l.from[i].first <= line {
			return l.from[i].record
		}
	}
	panic("BUG: a line is of no message")
}

// bury sets a message aside, with the reason. It is there before the message counts as read;
// after a kill it may be there twice, from the same offset.
//
// Whatever the message is, it ends: good ones wait behind it. With the reason one may be larger
// than a message can be, and then has less in it.
func (s *Sink) bury(ctx context.Context, client *kgo.Client, r *kgo.Record, why error) error {
	reason := fmt.Sprintf("%.*s", maxReason, why.Error())
	s.counts.dead.Add(1)
	s.o.Log.Error("a message is set aside", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "why", reason, "in", Dead)
	kept := everything
	return s.insist(ctx, "a message cannot be set aside", func(ctx context.Context) error {
		err := client.ProduceSync(ctx, deadOf(r, reason, kept)).FirstErr()
		for errors.Is(err, kerr.MessageTooLarge) && kept != nothing {
			kept--
			err = client.ProduceSync(ctx, deadOf(r, reason, kept)).FirstErr()
		}
		if isDeleted(err) {
			client.PurgeTopicsFromProducing(Dead) // or it would look for the old one, which had another id
			err = errors.Join(err, ensureTopics(ctx, client, s.o.Log))
		}
		return err
	})
}

// maxReason bounds a reason, in characters: QuestDB's may quote what it refuses.
const maxReason = 1000

// keeps is how much of a message is set aside.
type keeps int

const (
	nothing    keeps = iota // but where it was
	headers                 // and the key, which tell what it was
	everything              // as it was
)

// deadOf makes the message that is set aside in place of r.
func deadOf(r *kgo.Record, reason string, kept keeps) *kgo.Record {
	dead := &kgo.Record{Topic: Dead, Key: r.Key, Value: r.Value, Headers: r.Headers}
	switch kept {
	case headers:
		dead.Value = nil
		reason = fmt.Sprintf("%s; its value of %d bytes is left out, with which it would be too large for %s", reason, len(r.Value), Dead)
	case nothing:
		dead.Key, dead.Value, dead.Headers = nil, nil, nil
		reason = fmt.Sprintf("%s; its key, headers and value of %d bytes are left out, with which it would be too large for %s", reason, len(r.Value), Dead)
	}
	dead.Headers = append([]kgo.RecordHeader{
		{Key: "reason", Value: []byte(reason)},
		{Key: "from", Value: fmt.Appendf(nil, "%s/%d/%d", r.Topic, r.Partition, r.Offset)},
	}, dead.Headers...)
	return dead
}

// watch tells of tables that QuestDB does not bring up to date.
func (s *Sink) watch(ctx context.Context) {
	for {
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return
		}
		h, err := s.db.look(ctx)
		if err != nil {
			continue // a batch tells of it
		}
		s.counts.suspended.Store(int64(len(h.suspended)))
		s.counts.waiting.Store(int64(h.waiting))
		if len(h.suspended) > 0 {
			s.o.Log.Error("QuestDB takes rows of tables that it does not show: free disk space, then run ALTER TABLE ... RESUME WAL",
				"tables", strings.Join(h.suspended, ", "))
		}
	}
}

// sinkCounts are read while Run works.
type sinkCounts struct {
	messages, rows, dead, failures atomic.Uint64
	suspended, waiting             atomic.Int64
}

// SinkStats are the figures of a sink, since the start of the process.
type SinkStats struct {
	Messages  uint64      // that are done
	Rows      uint64      // that QuestDB has taken
	Dead      uint64      // messages and rows that were set aside
	Failures  uint64      // attempts that failed
	Suspended int         // tables that QuestDB does not bring up to date
	Waiting   int         // transactions that QuestDB has taken and does not show yet
	Level     batch.Level // of the fullest queue of a partition
	Pauses    uint64      // of partitions
	BatchRows int         // that a batch may have now
}

// Stats reads the figures.
func (s *Sink) Stats() SinkStats {
	c := &s.counts
	stats := SinkStats{Messages: c.messages.Load(), Rows: c.rows.Load(), Dead: c.dead.Load(), Failures: c.failures.Load(),
		Suspended: int(c.suspended.Load()), Waiting: int(c.waiting.Load()), BatchRows: s.sizer.Rows()}
	if b := s.inbox.Load(); b != nil {
		stats.Level, stats.Pauses = b.level()
	}
	return stats
}
