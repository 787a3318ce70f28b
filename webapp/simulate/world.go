package simulate

import (
	"container/heap"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"time"
)

// Options are what a story is about; the zero value is the usual one.
type Options struct {
	Events int   // how long the story is; 0 means 30,000
	Level  Level // durability of all members
	Any    bool  // the seed chooses level and number of members
	Flaw   Flaw  // what is done wrong on purpose
	Log    io.Writer
}

// Level is what an acknowledged change survives, as in journal.
type Level uint8

// The levels that can be replicated.
const (
	Crash Level = iota
	Power
)

func (l Level) String() string { return [...]string{"crash", "power"}[l] }

// Result is what a story was.
type Result struct {
	Seed      uint64
	Members   int
	Level     Level
	Events    int
	Time      time.Duration // of the story
	Hash      uint64        // of all events and frames, in order
	Accepted  int           // acknowledged changes
	Leaders   int           // terms that had one which took changes
	Kills     int
	Outages   int // losses of power
	Doubts    int // members that had to catch up before they voted again
	Lost      int // acknowledged changes that a majority's loss of power took, as level crash admits
	Payments  int // rides that were paid for
	Snapshots int // images sent to members
}

// world is the time, the scheduler and the dice of a story.
type world struct {
	Options
	seed    uint64
	dice    *mathrand.Rand
	now     time.Duration
	queue   queue
	number  uint64 // of events ever scheduled
	hash    uint64
	done    int
	quiet   bool          // no more trouble: all heal
	calm    time.Duration // until when no other trouble comes
	segment int           // bytes of one
	broken  error

	hosts   []*host
	net     network
	checks  checks
	riders  []*rider
	gateway gateway
	result  Result
}

// event is something that happens at a time. Those of one time happen in the order in which
// they were scheduled.
type event struct {
	at    time.Duration
	order uint64
	what  byte
	who   int
	do    func()
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last].do = nil
	*q = (*q)[:last]
	return e
}

// after schedules something for a host, or -1 for the world.
func (w *world) after(d time.Duration, what byte, who int, do func()) {
	w.number++
	heap.Push(&w.queue, event{at: w.now + d, order: w.number, what: what, who: who, do: do})
}

// mix makes the hash depend on a number.
func (w *world) mix(n uint64) {
	w.hash = (w.hash ^ n) * 0x9e3779b97f4a7c15
	w.hash ^= w.hash >> 29
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return w.dice.IntN(n) == 0 }

// between returns a duration out of a range.
func (w *world) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.dice.Int64N(int64(high-low)+1))
}

// note writes a line for who looks at one seed.
func (w *world) note(format string, args ...any) {
	if w.Log != nil {
		fmt.Fprintf(w.Log, "%12.6f %s\n", w.now.Seconds(), fmt.Sprintf(format, args...))
	}
}

// breach ends the story: a promise was broken.
func (w *world) breach(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf(format, args...)
		w.note("BREACH: %v", w.broken)
	}
}

// run lets things happen until a condition holds; false if it did not within a time.
func (w *world) run(limit time.Duration, until func() bool) bool {
	end := w.now + limit
	for w.broken == nil && !until() {
		if len(w.queue) == 0 || w.queue[0].at > end {
			return false
		}
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		w.done++
		w.mix(uint64(e.at))
		w.mix(uint64(e.what)<<32 | uint64(uint32(e.who)))
		e.do()
	}
	return w.broken == nil
}

// Run plays the story of a seed. An error says which promise was broken. One story at a time:
// it takes the place of the machine's source of randomness.
func Run(seed uint64, o Options) (Result, error) {
	dice := mathrand.New(mathrand.NewPCG(seed, 0x15ab1de))
	was := rand.Reader
	rand.Reader = mathrand.NewChaCha8(seedBytes(seed))
	defer func() { rand.Reader = was }()
	w := &world{Options: o, seed: seed, dice: dice, hash: seed}
	if w.Events == 0 {
		w.Events = 30_000
	}
	w.play()
	w.result.Seed, w.result.Hash, w.result.Events = seed, w.hash, w.done
	w.result.Time, w.result.Payments = w.now, len(w.gateway.order)
	return w.result, w.broken
}

func seedBytes(seed uint64) (b [32]byte) {
	for i := range 8 {
		b[i] = byte(seed >> (8 * i))
	}
	return b
}

// play is a story: a group begins, riders ride while all kinds of trouble come, then all
// heals and everything is looked at.
func (w *world) play() {
	members := 3
	if w.Any {
		w.Level = Level(w.dice.IntN(2))
		if w.chance(5) {
			members = 5
		}
	}
	w.result.Members, w.result.Level = members, w.Level
	w.begin(members)
	w.run(time.Hour, func() bool { return w.done >= w.Events })
	w.heal()
	if !w.run(2*time.Minute, w.settled) && w.broken == nil {
		w.breach("two minutes after all trouble has ended, %s", w.unsettled())
	}
	if w.broken == nil {
		w.finalChecks()
	}
}

// logger is where the members write.
func (w *world) logger(name string) *slog.Logger {
	if w.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(w.Log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.String("t", fmt.Sprintf("%.6f %s", w.now.Seconds(), name))
		}
		return a
	}}))
}
