package engine

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
)

var (
	// ErrElsewhere says that this server does not lead its group, or no longer, and that the
	// command has changed nothing: it may be given to the leader instead.
	ErrElsewhere = errors.New("another server leads")
	// errUncertain is the answer to a change that was recorded and had not reached a majority
	// when this server ceased to lead: the next leader may have it, or not.
	errUncertain = isuride.Errorf(isuride.Unavailable, "the servers are changing their leader; ask whether the change took place before trying again")
)

// tenure is the log of one generation of a member, as its state sees it: what is appended in the
// time from Accept until the term is over, or the next initialize. A later generation may
// append to the same journal, in the same term or another, and nothing of an earlier one must
// get in there.
//
// The goal: what this generation says is safe was recorded by it and is committed, and
// nothing it records comes after its end.
//
//  1. A record's number enters last before the lock of its entity is given back, so everyone
//     who sees the change waits for it, or for more.
//  2. Whether the tenure has ended is looked at after the mark. The end is set before the log
//     drops or takes anything that is not this generation's (hooks.Drop), so a mark that was
//     read before the end spoke of this generation's records. The end keeps the mark of its
//     moment: what was committed by then stays so for who asks late, as after a hand-over.
//  3. Before another generation begins, no Append of this one is under way (fence), and
//     one that comes later sees the end.
type tenure struct {
	log   appender
	queue *queue // the watermark
	last  atomic.Uint64

	follows   atomic.Bool // it has not begun
	concluded atomic.Bool // it has its last event
	ended     atomic.Bool
	appending sync.RWMutex // held for reading by Append; nothing is guarded but the moment
}

// appender is the part of a journal that a tenure appends to.
type appender interface {
	state.EventLog
	Watermark() uint64
}

// unnoted is for events that do not concern the state.
type unnoted struct{}

func (unnoted) Recorded(uint64) {}

// newTenure makes a tenure that has not begun.
func newTenure(log appender) *tenure {
	l := &tenure{log: log}
	l.queue = newQueue(l)
	l.ended.Store(true)
	l.follows.Store(true)
	return l
}

// begin lets the generation record, after what is there.
func (l *tenure) begin(last uint64) {
	l.last.Store(last)
	l.follows.Store(false)
	l.ended.Store(false)
}

// AppendNoted is a state.EventLog.
func (l *tenure) AppendNoted(payload []byte, note interface{ Recorded(seq uint64) }) (uint64, error) {
	l.appending.RLock()
	defer l.appending.RUnlock()
	if l.ended.Load() {
		return 0, ErrElsewhere
	}
	seq, err := l.log.AppendNoted(payload, note)
	if err != nil {
		return 0, elsewhere(err)
	}
	l.reach(seq)
	return seq, nil
}

// elsewhere is the error of a log that was fenced after it was looked whether the tenure has ended.
func elsewhere(err error) error {
	if errors.Is(err, journal.ErrNotLeading) {
		return ErrElsewhere
	}
	return err
}

// Hold is a state.EventLog. While the state follows, nothing is added but by who holds it. Once the tenure has ended the log
// may have others' records, which this state knows nothing of.
func (l *tenure) Hold(f func(last uint64)) {
	if l.follows.Load() {
		f(l.last.Load())
		return
	}
	held := false
	l.log.Hold(func(last uint64) {
		if held = !l.ended.Load(); held {
			f(last)
		}
	})
	if held {
		return
	}
	l.appending.Lock() // nothing of it is on its way
	defer l.appending.Unlock()
	l.log.Hold(func(last uint64) {
		switch own := l.last.Load(); {
		case !l.ended.Load(): // reopened meanwhile
			f(last)
		case l.concluded.Load():
			f(own - 1) // the last event is not in this state, but all that it knows is gone with it
		default:
			f(own)
		}
	})
}

// reach notes that a record is there. Those of other entities may be noted already.
func (l *tenure) reach(seq uint64) {
	for last := l.last.Load(); last < seq && !l.last.CompareAndSwap(last, seq); last = l.last.Load() {
	}
}

// Appended is a state.EventLog: the last event of this generation, or before it.
func (l *tenure) Appended() uint64 { return l.last.Load() }

// Watermark is that of the journal.
func (l *tenure) Watermark() uint64 { return l.log.Watermark() }

// Wait is not used: the hooks of the log move the queue on.
func (l *tenure) Wait(uint64) error { return errUncertain }

// close lets nothing in any more. It does not wait.
func (l *tenure) close() { l.ended.Store(true) }

// reopen undoes close, for a leader whom nobody has succeeded.
func (l *tenure) reopen() {
	l.appending.Lock()
	defer l.appending.Unlock()
	if l.queue.failure() == nil && !l.concluded.Load() {
		l.ended.Store(false)
	}
}

// end lets nothing in any more, and nothing pass that is not committed by now. It does not wait.
func (l *tenure) end() {
	l.ended.Store(true)
	l.queue.end(errUncertain)
}

// fence ends the tenure and returns once nothing of it is on its way into the log.
func (l *tenure) fence() {
	l.end()
	l.appending.Lock()
	defer l.appending.Unlock()
}

// conclude records a last event, and ends what may come in, not what may pass.
func (l *tenure) conclude(payload []byte) (uint64, error) {
	l.appending.Lock()
	defer l.appending.Unlock()
	if l.ended.Load() {
		return 0, ErrElsewhere
	}
	seq, err := l.log.AppendNoted(payload, conclusion{l})
	if err != nil {
		return 0, elsewhere(err)
	}
	l.reach(seq)
	return seq, nil
}

// conclusion ends a tenure before anybody can see its last event.
type conclusion struct{ l *tenure }

func (c conclusion) Recorded(uint64) {
	c.l.ended.Store(true)
	c.l.concluded.Store(true)
}

// barrier is Generation.Barrier.
//
// A record of this request, or of any that came after it began, says by its commit that no
// other server led: those who acknowledge it have heard of no later term. The commit of
// earlier ones says nothing, since they may have been acknowledged long before. So a request
// that has found nothing new asks the others, by a round that all such requests share. It has
// changed nothing either, so whatever fails, another server may be asked.
func (l *tenure) barrier(g *Generation, since uint64, lease bool) error {
	fresh := l.last.Load() > since
	err := g.sleepers.wait(l.queue)
	if fresh {
		return err
	}
	if err == nil && (!lease || !g.member.node.Lease()) {
		ctx, cancel := context.WithTimeout(g.ctx, indexLimit)
		defer cancel()
		_, err = g.member.node.ReadIndex(ctx)
	}
	if err == nil {
		err = l.queue.failure() // last: in a later term others may have written
	}
	if err != nil {
		return isuride.Because(ErrElsewhere, isuride.Unavailable, "the servers are choosing their leader; try again")
	}
	return nil
}

// indexLimit bounds the wait for a majority that does not answer. The group gives its leader
// up earlier.
const indexLimit = time.Second

// settled returns once all up to a record, which this generation knows, is committed and on
// the disk; an error says that it may never be.
func (l *tenure) settled(ctx context.Context, log *journal.Journal, to uint64) error {
	for log.Watermark() < to || log.Durable() < to {
		pauseFor(ctx, safePause)
		if err := cmp.Or(ctx.Err(), log.Stats().Err); err != nil {
			return err
		}
	}
	return l.queue.loss(to)
}
