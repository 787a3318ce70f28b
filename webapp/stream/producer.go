package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// commitAfter is when a transaction ends, counted from its first message: half of the
	// 50 ms that it may take at most, since the broker needs 10 to 25 ms for a commit, and
	// what waits meanwhile is a transaction later.
	commitAfter = 25 * time.Millisecond
	// transactionLimit is after how long the broker aborts a transaction whose producer has
	// gone. A snapshot is one transaction, and millions of its rows fit in.
	transactionLimit = time.Minute
	// maxBuffered bounds what waits for the broker, in bytes.
	maxBuffered = 16 << 20
	// callLimit bounds a call to the broker outside of the flow of messages.
	callLimit = 30 * time.Second
	// abortLimit bounds the end of a transaction when a session fails, often since the broker
	// does not answer.
	abortLimit = time.Second
	// minPause and maxPause bound the time between two attempts.
	minPause = 200 * time.Millisecond
	maxPause = 5 * time.Second
)

// Envelope is the form of messages.
type Envelope string

const (
	// FrameEnvelope has the feed's frames as they are, a message each.
	FrameEnvelope Envelope = "frame"
	// DebeziumEnvelope has a message for each row, in the form of Debezium's events without
	// schema.
	DebeziumEnvelope Envelope = "debezium"
)

// DefaultRegion names the log of a city that has no other.
const DefaultRegion = "city"

// maxRegion bounds the name of a region, in bytes.
const maxRegion = 100

// CheckRegion refuses what cannot be the name of a region.
func CheckRegion(name string) error {
	if !plain([]byte(name)) {
		return fmt.Errorf("%.120q is no name of a region: use up to %d letters, digits, dots, dashes and underscores", name, maxRegion)
	}
	return nil
}

// Options are what a Producer needs.
type Options struct {
	Brokers []string // host:port
	// Region names the log: two producers of one region follow the same log, and only the
	// later one writes. At most 100 letters, digits, dots, dashes and underscores.
	Region   string // DefaultRegion if ""
	Envelope Envelope
	Source   Source
	Log      *slog.Logger
}

// ErrFenced says that a later producer has taken over the region.
var ErrFenced = errors.New("a later producer has taken over the region")

// Producer brings the frames of a feed to Kafka.
type Producer struct {
	o      Options
	counts producerCounts
}

// NewProducer returns a producer, which does nothing before Run.
func NewProducer(o Options) *Producer {
	o.Region, o.Envelope, o.Log = cmp.Or(o.Region, DefaultRegion), cmp.Or(o.Envelope, FrameEnvelope), cmp.Or(o.Log, slog.Default())
	return &Producer{o: o}
}

// Run works until ctx ends or another producer takes over. Whatever else fails, the broker
// first of all, is tried again.
func (p *Producer) Run(ctx context.Context) error {
	pause := minPause
	for {
		began := p.counts.transactions.Load()
		err := p.session(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case isFenced(err):
			return fmt.Errorf("%w %q: %w", ErrFenced, p.o.Region, err)
		}
		p.counts.failures.Add(1)
		if p.counts.transactions.Load() > began {
			pause = minPause
		}
		p.o.Log.Warn("the stream to Kafka is tried again", "err", err, "after", pause.String())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, maxPause)
	}
}

func isFenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}

// client returns one of the broker, which writes in transactions of the region.
func (p *Producer) client() (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(p.o.Brokers...),
		kgo.ClientID("isuride-stream"),
		kgo.TransactionalID("isuride-"+p.o.Region),
		kgo.TransactionTimeout(transactionLimit),
		kgo.ProducerLinger(0), // a batch is what has come while the one before was on its way
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		kgo.MaxBufferedBytes(maxBuffered),
		kgo.MaxBufferedRecords(maxBuffered/64),
		kgo.RecordDeliveryTimeout(callLimit),
		kgo.RetryTimeout(callLimit),
	)
}

// session follows the feed from where the last transaction ended, until something fails.
//
// The order matters. Asking for a producer id ends the transaction of the producer before,
// and fences it; only then does the cursor say where to go on.
func (p *Producer) session(ctx context.Context) error {
	if err := p.o.Source.Ready(ctx); err != nil {
		return err
	}
	client, err := p.client()
	if err != nil {
		return err
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if err := ensureTopics(limited, client, p.o.Log); err != nil {
		return err
	}
	if _, _, err := client.ProducerID(limited); err != nil {
		return fmt.Errorf("ask the broker for a producer id: %w", err)
	}
	at, err := readCursor(limited, p.o)
	if err != nil {
		return err
	}
	reader, err := p.o.Source.Open(ctx, at.resume())
	if err != nil {
		return err
	}
	defer reader.Close()
	p.o.Log.Info("streaming to Kafka", "region", p.o.Region, "after", cmp.Or(at.resume(), "nothing, with a snapshot"))
	w := writer{p: p, client: client, reader: reader, at: at, resumed: at != position{}, due: time.NewTimer(time.Hour)}
	w.due.Stop()
	defer w.abort()
	return w.run(ctx)
}

// writer sends frames in transactions.
type writer struct {
	p      *Producer
	client *kgo.Client
	reader Reader
	parse  parser
	form   form

	at      position // of the last whole group
	last    uint64   // seq of the last frame
	began   bool     // there was one
	resumed bool     // the first frame should go on behind at
	row     int      // the next one's number in its group
	whole   bool     // the group is
	partial bool     // the group is of a snapshot

	open bool // a transaction
	due  *time.Timer
	over bool // the transaction's time is

	failed atomic.Pointer[error] // the first of a message
}

func (w *writer) run(ctx context.Context) error {
	w.form = newForm(w.p.o)
	for {
		text, err := w.reader.Next(ctx, w.due.C)
		switch {
		case err != nil:
			return errors.Join(err, w.leave(ctx))
		case text == nil:
			w.over = true
		default:
			if err := w.take(ctx, text); err != nil {
				return err
			}
		}
		if w.over && w.open && w.whole {
			if err := w.commit(ctx); err != nil {
				return err
			}
		}
		if failed := w.failed.Load(); failed != nil {
			return *failed
		}
	}
}

// leave commits the whole groups of a transaction that is under way, when there will be no
// more frames. What is not committed would only be sent again.
func (w *writer) leave(ctx context.Context) error {
	if !w.open || !w.whole {
		return nil
	}
	return w.commit(context.WithoutCancel(ctx))
}

// abort ends a transaction that is left, so that no consumer waits for it.
func (w *writer) abort() {
	if !w.open {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), abortLimit)
	defer cancel()
	if err := errors.Join(w.client.AbortBufferedRecords(ctx), w.client.EndTransaction(ctx, kgo.TryAbort)); err != nil {
		w.p.o.Log.Info("a transaction is left to the broker, which ends it", "err", err)
	}
}

// take sends one frame.
func (w *writer) take(ctx context.Context, text []byte) error {
	f, err := w.parse.parse(text)
	if err != nil {
		return err
	}
	switch string(f.action) {
	case "error":
		return w.refused(&f)
	case "heartbeat", "checksum":
		return w.pass(&f)
	case "partial":
		w.partialBegins(&f)
	}
	if w.began && !w.partial && f.prev != w.last {
		return fmt.Errorf("frames of the feed are missing: %d was the last one, and %d follows %d", w.last, f.seq, f.prev)
	}
	if err := w.begin(); err != nil {
		return err
	}
	w.send(ctx, text, &f)
	w.row += max(1, len(f.rows))
	return w.pass(&f)
}

// refused is an error of the feed. Those after which a partial follows are told by that.
func (w *writer) refused(f *frame) error {
	switch string(f.code) {
	case "other_epoch", "ahead":
		w.p.o.Log.Warn("the server cannot go on where Kafka is, and sends a snapshot", "reason", string(f.message))
		return nil
	}
	return fmt.Errorf("the feed ends: %s", f.message)
}

// partialBegins notes that a snapshot comes where the log should have gone on.
func (w *writer) partialBegins(f *frame) {
	if w.partial {
		return
	}
	w.partial = true
	w.p.counts.snapshots.Add(1)
	if (w.resumed || w.began) && string(f.reason) != "new_epoch" { // that is an initialize
		w.p.counts.broken.Add(1)
		w.p.o.Log.Error("the stream is broken: it begins again with a snapshot, and what happened before that is not in it",
			"reason", string(f.reason), "after", w.at.String())
	}
}

// pass moves on behind a frame.
func (w *writer) pass(f *frame) error {
	w.began, w.last, w.whole = true, f.seq, !f.more
	if f.more {
		return nil
	}
	w.at = position{f.epoch, f.seq}
	w.row, w.partial = 0, false
	w.p.counts.seq.Store(f.seq)
	return nil
}

// begin begins a transaction, unless one is open.
func (w *writer) begin() error {
	if w.open {
		return nil
	}
	if err := w.client.BeginTransaction(); err != nil {
		return err
	}
	w.open, w.over = true, false
	w.due.Reset(commitAfter)
	return nil
}

// send hands the frame's messages to the client, which keeps them.
func (w *writer) send(ctx context.Context, text []byte, f *frame) {
	for _, r := range w.form.records(text, f, w.row, w.partial) {
		w.client.Produce(ctx, r, w.sent)
	}
}

// sent is called when the broker has taken a message, or never will.
func (w *writer) sent(_ *kgo.Record, err error) {
	if err != nil {
		w.failed.CompareAndSwap(nil, &err)
		return
	}
	w.p.counts.messages.Add(1)
}

// commit ends the transaction, with the position in it.
func (w *writer) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	w.client.Produce(ctx, &kgo.Record{Topic: Cursor, Key: []byte(w.p.o.Region), Value: w.at.append(nil)}, w.sent)
	if err := w.client.Flush(ctx); err != nil {
		return err
	}
	if failed := w.failed.Load(); failed != nil {
		return *failed
	}
	if err := w.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit a transaction: %w", err)
	}
	w.open, w.over = false, false
	w.due.Stop()
	w.p.counts.transactions.Add(1)
	return nil
}

// readCursor returns the region's position: that of the last transaction that was committed.
func readCursor(ctx context.Context, o Options) (at position, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(o.Brokers...), kgo.ClientID("isuride-stream"), kgo.RetryTimeout(callLimit))
	if err != nil {
		return at, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(ctx, Cursor)
	if err != nil {
		return at, fmt.Errorf("ask for the end of %s: %w", Cursor, err)
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(e kadm.ListedOffset) {
		if e.Err != nil {
			err = errors.Join(err, e.Err)
		} else if e.Offset > 0 {
			from[e.Partition], left[e.Partition] = kgo.NewOffset().AtStart(), e.Offset
		}
	})
	if err != nil || len(left) == 0 {
		return at, err
	}
	return lastCursor(ctx, o, from, left)
}

// lastCursor reads the topic up to the offsets that are left. The last record before each is
// a mark of the end of a transaction, which compaction keeps.
func lastCursor(ctx context.Context, o Options, from map[int32]kgo.Offset, left map[int32]int64) (at position, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(o.Brokers...), kgo.ClientID("isuride-stream"), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{Cursor: from}))
	if err != nil {
		return at, err
	}
	defer client.Close()
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return at, fmt.Errorf("read %s: %w", Cursor, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
			if r.Attrs.IsControl() || string(r.Key) != o.Region {
				return
			}
			p, wrong := parsePosition(r.Value)
			if wrong != nil {
				err = fmt.Errorf("%s at %d: %w; delete the topic, and the stream begins again with a snapshot", Cursor, r.Offset, wrong)
				return
			}
			at = p
		})
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

// producerCounts are read while Run works.
type producerCounts struct {
	messages, transactions, failures, snapshots, broken, seq atomic.Uint64
}

// ProducerStats are the figures of a producer, since the start of the process.
type ProducerStats struct {
	Messages, Transactions uint64 // that the broker has
	Failures               uint64 // times that it began again
	Snapshots              uint64 // begun
	Broken                 uint64 // of these, without those of an initialize, where the log should have gone on
	Seq                    uint64 // the last event that was read
}

// Stats reads the figures.
func (p *Producer) Stats() ProducerStats {
	c := &p.counts
	return ProducerStats{Messages: c.messages.Load(), Transactions: c.transactions.Load(), Failures: c.failures.Load(),
		Snapshots: c.snapshots.Load(), Broken: c.broken.Load(), Seq: c.seq.Load()}
}

// source is a region as CloudEvents name where something is from.
func sourceOf(region string) []byte { return []byte("/isuride/" + region) }

// id of a message: of its first row, which no other message has.
func appendID(dst []byte, f *frame, row int) []byte {
	dst = position{f.epoch, f.seq}.append(dst)
	return strconv.AppendInt(append(dst, ':'), int64(row), 10)
}
