package stream

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
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
	// proveBeats is the number of heartbeats of the feed, one a second, after which a producer
	// that has nothing to send writes its cursor: it learns so that there is another one, and
	// does not fall behind the part of the log that is kept.
	proveBeats = 5
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
//
// A region belongs to the producer that has claimed it last: at its start, each commits a
// cursor with its name, once. The broker lets only one at a time write, but does not tell who
// came last: to ask for a producer id is to fence the others, which learn of it in several
// forms, some of which have other reasons, too. So a producer that fails in whatever way first
// looks whose the region is. If it is still its own it goes on, and ends otherwise:
//
//  1. One that was thrown out ends, or it would throw out the later one in turn.
//  2. One that was not goes on, whatever the broker says.
//  3. If it looks just before another one's claim, and fences that, the other one tries
//     its claim again. If it looks just after it, it has fenced nobody.
type Producer struct {
	o      Options
	counts producerCounts

	name    string // of the Run under way, in the cursor
	claimed bool   // by this Run
}

// NewProducer returns a producer, which does nothing before Run.
func NewProducer(o Options) *Producer {
	o.Region, o.Envelope, o.Log = cmp.Or(o.Region, DefaultRegion), cmp.Or(o.Envelope, FrameEnvelope), cmp.Or(o.Log, slog.Default())
	return &Producer{o: o}
}

// newName says to people which program it is, and to programs that it is another one.
func newName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text())
}

// Run claims the region and works until ctx ends, or another producer claims it. Whatever else
// fails, the broker first of all, is tried again. It is called once at a time.
func (p *Producer) Run(ctx context.Context) error {
	p.name, p.claimed = newName(), false
	pause := minPause
	for {
		began := p.counts.transactions.Load()
		err := p.session(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrFenced):
			return err
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

func (o *Options) transactionalID() string { return "isuride-" + o.Region }

// client returns one of the broker, which writes in transactions of the region.
func (p *Producer) client() (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(p.o.Brokers...),
		kgo.ClientID("isuride-stream"),
		kgo.TransactionalID(p.o.transactionalID()),
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
	w := writer{p: p, client: client, form: newForm(p.o), out: newTransactions(client, &p.counts, p.o.Region, p.name)}
	defer w.abort()
	if err := w.own(limited); err != nil {
		return err
	}
	if w.reader, err = p.o.Source.Open(ctx, w.at.resume()); err != nil {
		return err
	}
	defer w.reader.Close()
	p.o.Log.Info("streaming to Kafka", "region", p.o.Region, "after", cmp.Or(w.at.resume(), "nothing, with a snapshot"))
	return w.run(ctx)
}

// own makes the region this producer's, or finds that it is another one's.
//
// The order matters. How the last transaction ended is asked for first, since asking for a producer id ends one that
// is under way, fences its producer, and has all this forgotten; what is left open is ended as the rest was; only then
// does the cursor say where to go on.
func (w *writer) own(ctx context.Context) error {
	if err := ensureTopics(ctx, w.client, w.p.o.Log); err != nil {
		return err
	}
	if err := w.look(ctx); err != nil {
		return err
	}
	last, err := w.lastTransaction(ctx)
	if err != nil {
		return fmt.Errorf("ask the broker how the last transaction has ended: %w", err)
	}
	id, _, err := w.client.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("ask the broker for a producer id: %w", err)
	}
	if err := w.endForgotten(ctx, id, last); err != nil {
		return fmt.Errorf("look for transactions that the broker has forgotten: %w", err)
	}
	if err := w.look(ctx); err != nil || w.p.claimed {
		return err
	}
	if err := w.out.prove(ctx, w.at); err != nil {
		return fmt.Errorf("claim the region: %w", err)
	}
	w.p.claimed = true
	return nil
}

// lastTransaction reports whether the broker's books have the region's last transaction as committed, or about to be.
// One that is under way is aborted when the producer id is asked for.
func (w *writer) lastTransaction(ctx context.Context) (committed bool, err error) {
	id := w.p.o.transactionalID()
	described, err := kadm.NewClient(w.client).DescribeTransactions(ctx, id)
	if err == nil {
		err = described[id].Err
	}
	if errors.Is(err, kerr.TransactionalIDNotFound) {
		return false, nil
	}
	state := described[id].State
	return state == "PrepareCommit" || state == "CompleteCommit", err
}

// endForgotten ends transactions of the region's producer id that are open after it was asked for, which
// there should not be. A broker of version 4.4 that was killed, and is asked as soon as it is there again, at
// times ends a transaction in its books, either way, and writes no mark of that into some of the partitions. The mark of the
// next transaction would then end it in that one's way: what was aborted, and is sent again, would be there twice, and what
// was committed could be lost.
func (w *writer) endForgotten(ctx context.Context, id int64, committed bool) error {
	admin := kadm.NewClient(w.client)
	var which kadm.TopicsSet
	which.Add(Events)
	which.Add(Positions)
	which.Add(Cursor)
	described, err := admin.DescribeProducers(ctx, which)
	if err != nil {
		return err
	}
	var markers []kadm.TxnMarkers
	described.EachPartition(func(p kadm.DescribedProducersPartition) {
		err = errors.Join(err, p.Err)
		for _, producer := range p.ActiveProducers {
			if producer.ProducerID != id || producer.CurrentTxnStartOffset < 0 {
				continue
			}
			m := kadm.TxnMarkers{ProducerID: id, ProducerEpoch: producer.ProducerEpoch, Commit: committed, CoordinatorEpoch: max(0, producer.CoordinatorEpoch)}
			m.Topics.Add(p.Topic, p.Partition)
			markers = append(markers, m)
		}
	})
	if err != nil || len(markers) == 0 {
		return err
	}
	w.p.o.Log.Warn("the broker has left a transaction open; it is ended as its books say", "region", w.p.o.Region, "partitions", len(markers), "committed", committed)
	written, err := admin.WriteTxnMarkers(ctx, markers...)
	written.EachPartition(func(p kadm.TxnMarkersPartitionResponse) { err = errors.Join(err, p.Err) })
	return err
}

// look reads the cursor, and whose the region is.
func (w *writer) look(ctx context.Context) error {
	c, err := readCursor(ctx, w.p.o)
	switch {
	case err != nil:
		return err
	case c == cursor{}: // nobody's, as when the topic was deleted
		w.p.claimed = false
	case w.p.claimed && c.owner != w.p.name:
		return fmt.Errorf("%w %q: it is %s", ErrFenced, w.p.o.Region, cmp.Or(c.owner, "of an earlier release"))
	}
	w.at, w.resumed = c.at, c.at != position{}
	return nil
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

	out   *transactions
	beats int // heartbeats since the last transaction
}

func (w *writer) run(ctx context.Context) error {
	for {
		text, err := w.reader.Next(ctx, w.out.wake)
		if err != nil {
			return errors.Join(err, w.leave(ctx))
		}
		if text != nil {
			if err := w.take(ctx, text); err != nil {
				return err
			}
		}
		if err := w.out.goOn(ctx); err != nil {
			return err
		}
		if w.whole && w.out.due() {
			w.out.commit(context.WithoutCancel(ctx), w.at) // it ends in order when the program does
			w.beats = 0
		}
	}
}

// leave commits the whole groups that were sent, when there will be no more frames. What is
// not committed would only be sent again.
func (w *writer) leave(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if err := w.out.ended(ctx); err != nil || w.out.idle() || !w.whole {
		return err
	}
	w.out.commit(ctx, w.at)
	return w.out.ended(ctx)
}

func (w *writer) abort() {
	if err := w.out.abort(); err != nil {
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
	case "checksum":
		return w.pass(&f)
	case "heartbeat":
		return w.beat(ctx, &f)
	case "partial":
		w.partialBegins(&f)
	}
	if w.began && !w.partial && f.prev != w.last {
		return fmt.Errorf("frames of the feed are missing: %d was the last one, and %d follows %d", w.last, f.seq, f.prev)
	}
	for _, r := range w.form.records(text, &f, w.row, w.partial) {
		if err := w.out.send(ctx, r); err != nil {
			return err
		}
	}
	w.row += max(1, len(f.rows))
	return w.pass(&f)
}

// beat moves on behind a heartbeat.
func (w *writer) beat(ctx context.Context, f *frame) error {
	if err := w.pass(f); err != nil {
		return err
	}
	if w.beats++; !w.out.idle() || w.beats < proveBeats {
		return nil
	}
	w.beats = 0
	return w.out.prove(ctx, w.at)
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

// cursor is what a transaction says of its region: how far the log was sent, and by whom.
type cursor struct {
	at    position
	owner string // "" before producers had names
}

const ownerHeader = "owner"

// readCursor returns the region's cursor in its last transaction that was committed, zero if
// there is none.
//
// It reads what is not committed, too, and looks for the marks of transactions by itself:
// consumers of committed messages get nothing behind the first transaction that is open,
// whose ever it is, and all regions share the topic.
func readCursor(ctx context.Context, o Options) (c cursor, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(o.Brokers...), kgo.ClientID("isuride-stream"), kgo.RetryTimeout(callLimit))
	if err != nil {
		return c, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, Cursor)
	if err != nil {
		return c, fmt.Errorf("ask for the end of %s: %w", Cursor, err)
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
		return c, err
	}
	return lastCursor(ctx, o, from, left)
}

// lastCursor reads the topic up to the offsets that are left. Compaction keeps the last record
// before each.
func lastCursor(ctx context.Context, o Options, from map[int32]kgo.Offset, left map[int32]int64) (c cursor, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(o.Brokers...), kgo.ClientID("isuride-stream"), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{Cursor: from}))
	if err != nil {
		return c, err
	}
	defer client.Close()
	open := map[int64]cursor{} // of the region, by the producer id whose transaction it is in
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return c, fmt.Errorf("read %s: %w", Cursor, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
			if r.Attrs.IsControl() {
				if ended, ours := open[r.ProducerID]; ours && commits(r) {
					c = ended
				}
				delete(open, r.ProducerID)
				return
			}
			if string(r.Key) != o.Region {
				return
			}
			p, wrong := parsePosition(r.Value)
			if wrong != nil {
				err = fmt.Errorf("%s at %d: %w; delete the topic, and the stream begins again with a snapshot", Cursor, r.Offset, wrong)
				return
			}
			open[r.ProducerID] = cursor{at: p, owner: headerOf(r, ownerHeader)}
		})
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// commits tells the mark of a transaction that was committed from that of one that was aborted.
func commits(mark *kgo.Record) bool {
	var key kmsg.ControlRecordKey
	return key.ReadFrom(mark.Key) == nil && key.Type == kmsg.ControlRecordKeyTypeCommit
}

func headerOf(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
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
