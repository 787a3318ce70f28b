package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/journal"
	"isuride/webapp/snapshot"
	"isuride/webapp/state"
)

// Snapshots say when snapshots are written. Fields that are 0 get their defaults.
type Snapshots struct {
	// Tail is the number of bytes of the log after which there is a new one: 64 MiB, some
	// 700,000 events, which a restart replays in well under a second. The two that are kept
	// need that much twice, and a segment in which the older one begins: 192 MiB of the
	// 256 MiB that the journal keeps (Config.KeepJournal).
	Tail int64
	// Every is the time after which there is a new one if anything worth mentioning (Least)
	// has happened: 10 min, so that a quiet server does not start from last week's.
	Every time.Duration
	// Least is the number of bytes of the log below which none is written: 1 MiB, which is
	// replayed in 5 ms.
	Least int64
}

func (s *Snapshots) complete() {
	s.Tail = cmp.Or(s.Tail, 64<<20)
	s.Every = cmp.Or(s.Every, 10*time.Minute)
	s.Least = cmp.Or(s.Least, 1<<20)
}

const (
	// sliceTime is how long a snapshot is worked on before it rests, and restTimes how much
	// longer the rest is: a fifth of one CPU. With a million rides it takes 3 s so.
	sliceTime = 500 * time.Microsecond
	restTimes = 4
	// retryTime is the pause after one that failed.
	retryTime = time.Minute
	// slowStart is the time from which on loading the tables is worth a snapshot at once.
	slowStart = time.Second
	// safePause is the time between two looks whether the disk has the log.
	safePause = 10 * time.Millisecond
)

// SnapshotStats are the figures of the snapshots of a generation.
type SnapshotStats struct {
	Written, Failed uint64
	// Of the last one, also if an earlier process has written it; zero if there is none.
	Age   time.Duration
	Bytes int64
	Took  time.Duration // 0 if an earlier process has written it
	Tail  int64         // bytes of the log since
}

// snapshots writes the snapshots of a generation. The events after them stay as long as the
// journal keeps what is released. Rejected: readers that hold them. A snapshot is not worth a
// full disk, and if none can be written the log that is held would only grow.
type snapshots struct {
	// set once
	g      *Generation
	dir    string
	policy Snapshots

	*pen
	ended atomic.Bool

	written, failed atomic.Uint64
	last            atomic.Pointer[lastSnapshot]
}

// pen is had by who writes a snapshot: a folder has room for one that is not finished. All generations of a
// member share one.
type pen struct {
	writing sync.Mutex // held while a snapshot is written
}

// lastSnapshot is the newest one.
type lastSnapshot struct {
	info   snapshot.Info
	took   time.Duration
	due    bool  // a new one is to be written at once
	before int64 // Stats.AddedBytes of the journal when its walk began; negative with events that the start replayed
}

// newSnapshots goes on after the snapshot that the generation began with, if any.
func newSnapshots(g *Generation, dir string) *snapshots {
	k := &snapshots{g: g, dir: dir, policy: g.cfg.Snapshots, pen: new(pen)}
	k.policy.complete()
	first := &lastSnapshot{info: g.recovered.info, before: -g.recovered.Replayed, due: g.recovered.Snapshot == "" && g.recovered.Took > slowStart}
	if g.member != nil { // whose log may be older than the generation
		k.pen, first.before = &g.member.pen, g.journal.Stats().AddedBytes
	}
	k.last.Store(first)
	return k
}

// prune removes what a kill has left of a snapshot, and older ones.
func (c *Config) prune(dir string) {
	if err := snapshot.Prune(dir); err != nil {
		c.Log.Warn("a snapshot that is not needed is still there", "err", err)
	}
}

// tail returns the bytes of the log since the last one.
func (k *snapshots) tail() int64 { return k.g.journal.Stats().AddedBytes - k.last.Load().before }

// run writes one whenever it is due, until ctx ends.
func (k *snapshots) run(ctx context.Context) error {
	if k.g.cfg.Durability != journal.None {
		keepSnapshots(ctx, func() *snapshots { return k })
	}
	return nil
}

// keepSnapshots writes one of the generation that is the present one by then.
func keepSnapshots(ctx context.Context, present func() *snapshots) {
	began := time.Now() // of the wait: the clock of the events may go back
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-second.C:
		case <-ctx.Done():
			return
		}
		k := present()
		if !k.due(time.Since(began)) {
			continue
		}
		if !k.writing.TryLock() { // one is under way, for which nothing here is to wait: another server may have to lead soon
			continue
		}
		began = time.Now()
		_, err := k.writeLocked(ctx, true)
		k.writing.Unlock()
		if err != nil && !errors.Is(err, errEnding) && ctx.Err() == nil {
			k.g.complain(err, "no snapshot can be written; the ones before stay, and it is tried again", "err", err, "after", retryTime)
			pauseFor(ctx, retryTime)
		}
	}
}

// due also has a generation's first one written at once: a replay of the past (feed) begins with one.
func (k *snapshots) due(waited time.Duration) bool {
	tail, last := k.tail(), k.last.Load()
	return last.due || last.info.Path == "" || tail >= k.policy.Tail || waited >= k.policy.Every && tail >= k.policy.Least
}

// write writes one now. If calm, it leaves most of the CPU to others.
func (k *snapshots) write(ctx context.Context, calm bool) (snapshot.Info, error) {
	k.writing.Lock()
	defer k.writing.Unlock()
	return k.writeLocked(ctx, calm)
}

func (k *snapshots) writeLocked(ctx context.Context, calm bool) (snapshot.Info, error) {
	if k.ended.Load() {
		return snapshot.Info{}, errEnding
	}
	began := time.Now()
	before := k.g.journal.Stats().AddedBytes
	info, err := snapshot.Write(k.dir, snapshot.Header{History: k.g.history, Generation: k.g.number, Written: k.g.cfg.Now()},
		func(add func(*state.Image) error) (snapshot.End, error) {
			return k.walk(ctx, restful(ctx, calm, add))
		})
	if info.Path == "" && k.ended.Load() {
		return info, errEnding
	}
	if info.Path == "" {
		k.failed.Add(1)
		return info, err
	}
	k.written.Add(1)
	k.last.Store(&lastSnapshot{info: info, took: time.Since(began), before: before})
	return info, err
}

// walk collects the images, and waits until the disk has all events that are in them: a power
// loss must not leave a snapshot of what the log has lost. Nor is there one of a state that is not
// what its events have made.
func (k *snapshots) walk(ctx context.Context, add func(*state.Image) error) (end snapshot.End, err error) {
	n, err := k.g.count(add)
	if err != nil {
		return end, err
	}
	if t := k.g.tenure; t != nil && (t.concluded.Load() || n.From > n.To) {
		return end, errEnding // images may be of the event that has ended the generation, or of a term that is over
	}
	if err := k.await(ctx, n.To); err != nil {
		return end, err
	}
	record, err := k.record(n.To)
	return snapshot.End{Span: n.Span, Hash: n.Sum, Record: record}, err
}

func (k *snapshots) await(ctx context.Context, to uint64) error {
	if k.g.tenure != nil {
		return k.g.tenure.settled(ctx, k.g.journal, to)
	}
	for k.g.cfg.Durability != journal.None && k.g.journal.Durable() < to {
		if err := k.g.journal.Wait(to); err != nil {
			return err
		}
		pauseFor(ctx, safePause)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// record returns the checksum of a record, zero if the log has it no more.
func (k *snapshots) record(seq uint64) (snapshot.Record, error) {
	if seq < k.g.journal.Oldest() {
		return 0, nil
	}
	r, err := k.g.journal.ReadFrom(seq)
	var gone *journal.GoneError
	if errors.As(err, &gone) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if at, payload, ok := r.Next(); ok && at == seq {
		return snapshot.RecordOf(payload), nil
	}
	return 0, nil // the numbering has jumped over it
}

// restful rests after each slice of work.
func restful(ctx context.Context, calm bool, add func(*state.Image) error) func(*state.Image) error {
	began := time.Now()
	return func(i *state.Image) error {
		if err := add(i); err != nil || !calm {
			return err
		}
		if worked := time.Since(began); worked >= sliceTime {
			pauseFor(ctx, restTimes*worked)
			began = time.Now()
		}
		return ctx.Err()
	}
}

// finish writes the last one of an orderly stop, if the next start gains by it: everything has
// come to rest, and is in the tables if drained. At level none the log ends with the process, so
// that this is the only one, and good for nothing but a log that begins where it ends. In any case
// the state is counted; an error says that it is not what it should be.
func (k *snapshots) finish(ctx context.Context, drained bool) error {
	tail := k.tail()
	if tail < k.policy.Least && !k.last.Load().due || k.g.cfg.Durability == journal.None && !drained {
		return k.check(ctx)
	}
	_, err := k.write(ctx, false)
	if err == nil || errors.Is(err, errDifferent) {
		return err
	}
	k.g.cfg.Log.Warn("no snapshot is written at the stop; the next start takes longer", "err", err)
	return k.check(ctx)
}

// close lets no more be written. It does not wait for one that is under way, and may need what the caller holds.
func (k *snapshots) close() { k.ended.Store(true) }

// end is close, and waits.
func (k *snapshots) end() {
	k.close()
	k.writing.Lock()
	defer k.writing.Unlock()
}

func (k *snapshots) stats() SnapshotStats {
	last := k.last.Load()
	s := SnapshotStats{Written: k.written.Load(), Failed: k.failed.Load(), Bytes: last.info.Bytes, Took: last.took, Tail: k.tail()}
	if last.info.Path != "" {
		s.Age = max(k.g.cfg.Now().Sub(last.info.Written), 0) // the clock may have gone back
	}
	return s
}

// Snapshot writes a snapshot of the current generation now.
func (e *Engine) Snapshot() (snapshot.Info, error) {
	g := e.latest()
	if g == nil {
		return snapshot.Info{}, errors.New("a witness keeps only the log, and has nothing to make a snapshot of")
	}
	if g.cfg.Durability == journal.None {
		return snapshot.Info{}, errors.New("without a journal on the disk (ISURIDE_DURABILITY=none) snapshots are written at an orderly stop only")
	}
	return g.snapshots.write(g.ctx, true)
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// removeFolder removes a generation's folder with all that we have made in it. Snapshots go
// first: without them the journal is still one.
func removeFolder(dir string) error {
	if err := snapshot.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the snapshots: %w", err)
	}
	return journal.Remove(dir)
}

// pauseFor waits, at most until ctx ends.
func pauseFor(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
