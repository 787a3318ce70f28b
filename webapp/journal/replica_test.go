package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"isuride/webapp/internal/disk"
)

// node is a member of a group in these tests: a log on a disk of its own.
type node struct {
	t    *testing.T
	disk *disk.Memory
	o    Options
	*Stepped
}

func newNode(t *testing.T, level Durability) *node {
	n := &node{t: t, disk: new(disk.Memory), o: Options{Dir: "log", Durability: level, SegmentBytes: smallSegment, Replicated: true, Log: quiet()}}
	n.open()
	return n
}

func (n *node) open() {
	n.t.Helper()
	var err error
	if n.Stepped, err = OpenStepped(n.o, n.disk); err != nil {
		n.t.Fatal(err)
	}
}

// add appends records and seals them.
func (n *node) add(term uint64, records ...[]byte) Entry {
	n.t.Helper()
	for _, p := range records {
		if _, err := n.Append(p); err != nil {
			n.t.Fatal(err)
		}
	}
	e, ok, err := n.Seal(n.LastIndex()+1, term, nil, true)
	if err != nil || !ok {
		n.t.Fatalf("seal: %v, %v", ok, err)
	}
	return e
}

// take copies an entry from another node.
func (n *node) take(from *node, index, term uint64) Entry {
	n.t.Helper()
	b, err := from.AppendBytes(nil, index)
	if err != nil {
		n.t.Fatal(err)
	}
	e, err := n.AppendEntry(term, b)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

func (n *node) lead(term uint64) {
	n.t.Helper()
	if err := n.Lead(term); err != nil {
		n.t.Fatal(err)
	}
}

// An entry arrives as it was sealed, over several segments, and the hashes agree.
func TestEntriesAreCopied(t *testing.T) {
	a, b := newNode(t, Crash), newNode(t, Crash)
	a.lead(1)
	for i := range 50 {
		e := a.add(1, fillers(i, i*37)...)
		if got := b.take(a, e.Index, 1); got != e {
			t.Fatalf("entry %+v arrived as %+v", e, got)
		}
	}
	if a.Head() != b.Head() || a.LastIndex() != 50 || b.FirstIndex() != 1 {
		t.Fatalf("the logs end with %+v and %+v", a.Head(), b.Head())
	}
	for i := uint64(1); i <= 50; i++ {
		x, _ := a.AppendBytes(nil, i)
		y, err := b.AppendBytes(nil, i)
		if err != nil || !bytes.Equal(x, y) {
			t.Fatalf("entry %d differs: %v", i, err)
		}
	}
}

func fillers(n, size int) (list [][]byte) {
	for size > 0 {
		list = append(list, numbered(n, min(size, 300)))
		size -= 300
	}
	return list
}

// Bytes that are not the next entry change nothing.
func TestForeignEntriesAreRefused(t *testing.T) {
	a, b := newNode(t, Crash), newNode(t, Crash)
	a.lead(3)
	a.add(3, numbered(1, 20))
	a.add(3, numbered(2, 20), numbered(3, 9))
	one, _ := a.AppendBytes(nil, 1)
	two, _ := a.AppendBytes(nil, 2)
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	refuse := func(what string, term uint64, data []byte) {
		t.Helper()
		last := b.Appended()
		if _, err := b.AppendEntry(term, data); !errors.Is(err, ErrNoEntry) {
			t.Errorf("%s: %v", what, err)
		}
		if b.Appended() != last {
			t.Errorf("%s: the log has grown", what)
		}
	}
	refuse("nothing", 3, nil)
	refuse("the second first", 3, two)
	refuse("two at once", 3, append(bytes.Clone(one), two...))
	refuse("a part", 3, one[:len(one)-recordSize(markSize)])
	refuse("a later term than the leader's", 2, one)
	for at := range one {
		refuse(fmt.Sprintf("byte %d", at), 3, flip(one, at))
	}
	if _, err := b.AppendEntry(3, one); err != nil {
		t.Fatal(err)
	}
	refuse("the same again", 3, one)
	other := newNode(t, Crash)
	other.lead(3)
	other.add(3, numbered(7, 20))
	other.add(3, numbered(2, 20), numbered(3, 9))
	two, _ = other.AppendBytes(nil, 2)
	refuse("an entry of another history", 3, two)
}

// player has a model of a log of entries under random calls: what each entry was, and what may
// not go.
type player struct {
	t    *testing.T
	rng  *rand.Rand
	node *node
	twin *node // that leads while the node follows, and has what the node gets

	term    uint64
	entries []modelEntry // entry i+1
	tail    [][]byte     // appended and not sealed
	durable uint64       // what the node said of the disk, at most

	// that live until the node ends, and what they read last
	reader     *Reader
	subscriber *Subscriber
	seen, got  uint64
}

type modelEntry struct {
	Entry
	bytes []byte
	hash  Hash
}

// Random calls, kills and losses of power leave the log of the model: whole entries, all that
// are committed and all that were durable, and nothing that was cut.
func TestEntriesAgainstModel(t *testing.T) {
	rng := seeded(t)
	for round := range 300 {
		level := []Durability{Crash, Power}[round%2]
		g := &player{t: t, rng: rng, node: newNode(t, level)}
		g.node.o.SegmentBytes = smallSegment * (1 + rng.IntN(3))
		g.node.o.Keep = int64(rng.IntN(3) * 4 * smallSegment)
		for range 400 {
			g.step()
		}
		g.check()
	}
}

func (g *player) step() {
	switch p := g.rng.IntN(100); {
	case p < 40:
		g.append()
	case p < 58:
		g.seal()
	case p < 74:
		g.follow()
	case p < 80:
		g.commit()
	case p < 84:
		g.truncate()
	case p < 88:
		g.sync()
	case p < 91:
		g.change()
	case p < 93:
		g.release()
	case p < 95:
		g.read()
	case p < 97:
		g.restart()
	case p < 98:
		g.kill()
	case p < 99:
		g.powerLoss()
	default:
		g.check()
	}
}

func (g *player) append() {
	p := make([]byte, 8+g.rng.IntN(300))
	for i := range p {
		p[i] = byte(g.rng.Uint32())
	}
	p[0] &= 127 // no mark
	_, err := g.node.Append(p)
	if g.node.Leads() == 0 {
		if !errors.Is(err, ErrNotLeading) {
			g.t.Fatalf("a follower has appended: %v", err)
		}
		return
	}
	if err != nil {
		g.t.Fatal(err)
	}
	g.tail = append(g.tail, p)
}

func (g *player) seal() {
	if g.node.Leads() == 0 {
		return
	}
	empty := g.rng.IntN(4) == 0
	e, ok, err := g.node.Seal(uint64(len(g.entries)+1), g.term, nil, empty)
	if err != nil || ok != (empty || len(g.tail) > 0) {
		g.t.Fatalf("sealed %d records: %v, %v", len(g.tail), ok, err)
	}
	if ok {
		g.tail = nil
		g.note(e)
	}
}

func (g *player) note(e Entry) {
	b, err := g.node.AppendBytes(nil, e.Index)
	if err != nil || len(b) != e.Bytes {
		g.t.Fatalf("entry %+v has %d bytes: %v", e, len(b), err)
	}
	g.entries = append(g.entries, modelEntry{e, b, g.node.Head().Hash})
}

// follow gives the node an entry of a leader that has what the node has.
func (g *player) follow() {
	if g.node.Leads() != 0 {
		return
	}
	if g.twin == nil {
		g.twin = g.leader()
	}
	e := g.twin.add(g.term, fillers(g.rng.IntN(200), g.rng.IntN(1500))...)
	got := g.node.take(g.twin, e.Index, g.term)
	if got != e {
		g.t.Fatalf("entry %+v arrived as %+v", e, got)
	}
	g.note(e)
}

// leader is another node with the same last entry, in a later term.
func (g *player) leader() *node {
	g.term++
	n := newNode(g.t, Crash)
	n.o.Base = g.node.Head()
	n.o.Dir = "other"
	n.open()
	n.lead(g.term)
	return n
}

func (g *player) change() {
	g.twin = nil
	if g.node.Leads() != 0 {
		g.tail = nil
		if err := g.node.Follow(); err != nil {
			g.t.Fatal(err)
		}
		g.durable = min(g.durable, g.last(len(g.entries)))
		g.checkEnd()
		return
	}
	g.term++
	g.node.lead(g.term)
}

func (g *player) last(i int) uint64 {
	if i == 0 {
		return 0
	}
	return g.entries[i-1].Last
}

func (g *player) committedEntries() (n int) {
	for n < len(g.entries) && g.entries[n].Last <= g.node.Committed() {
		n++
	}
	return n
}

func (g *player) commit() {
	n := g.committedEntries()
	n += g.rng.IntN(len(g.entries) - n + 1)
	g.node.Commit(g.last(n))
	if got, want := g.node.Watermark(), g.last(n); g.node.o.Durability == Crash && got != want {
		g.t.Fatalf("the watermark is %d after a commit of %d", got, want)
	}
	if g.node.o.Durability == Power && g.node.Watermark() > g.node.Durable() {
		g.t.Fatalf("the watermark is %d, only %d is durable", g.node.Watermark(), g.node.Durable())
	}
}

func (g *player) truncate() {
	if g.node.Leads() != 0 {
		return
	}
	n := g.committedEntries()
	n += g.rng.IntN(len(g.entries) - n + 1)
	if err := g.node.Truncate(g.last(n)); err != nil {
		g.t.Fatal(err)
	}
	g.entries = g.entries[:n]
	g.durable = min(g.durable, g.last(n))
	g.twin = nil
	g.checkEnd()
}

func (g *player) sync() {
	if g.rng.IntN(2) == 0 {
		if err := g.node.EndSync(); err != nil {
			g.t.Fatal(err)
		}
	} else {
		g.node.BeginSync()
	}
	g.durable = g.node.Durable()
}

func (g *player) release() {
	done := g.node.Released()
	if mark := g.node.Watermark(); mark > done {
		g.node.Release(done + uint64(g.rng.Int64N(int64(mark-done)+1)))
	}
}

// read goes on with a reader and a subscriber that stay over cuts.
func (g *player) read() {
	var err error
	if g.reader == nil {
		g.seen = g.node.Released()
		g.got = g.seen
		if g.reader, err = g.node.ReadFrom(g.seen + 1); err != nil {
			g.t.Fatal(err)
		}
		if g.subscriber, err = g.node.Subscribe(g.got + 1); err != nil {
			g.t.Fatal(err)
		}
	}
	for range g.rng.IntN(30) {
		seq, payload, ok := g.reader.Next()
		if ok != (g.seen < g.node.Watermark()) || ok && seq != g.seen+1 {
			g.t.Fatalf("the reader gives record %d (%v) after %d, the watermark is %d", seq, ok, g.seen, g.node.Watermark())
		}
		if ok {
			g.same(seq, payload)
			g.seen = seq
		}
	}
	for range g.rng.IntN(30) {
		seq, payload, ok := g.subscriber.Next()
		if ok != (g.got < g.node.Watermark()) || ok && seq != g.got+1 {
			if errors.Is(g.subscriber.err, ErrGone) {
				g.subscriber.Close()
				g.got = g.node.Released()
				if g.subscriber, err = g.node.Subscribe(g.got + 1); err != nil {
					g.t.Fatal(err)
				}
				break
			}
			g.t.Fatalf("the subscriber gives record %d (%v) after %d, the watermark is %d: %v", seq, ok, g.got, g.node.Watermark(), g.subscriber.err)
		}
		if ok {
			g.same(seq, payload)
			g.got = seq
		}
	}
}

// same compares a record with that of its entry.
func (g *player) same(seq uint64, payload []byte) {
	g.t.Helper()
	n := 0
	for g.entries[n].Last < seq {
		n++
	}
	rest := g.entries[n].bytes
	for at := g.entries[n].First; ; at++ {
		want, size, ok := parseRecord(rest, at)
		if !ok || at == seq && !bytes.Equal(want, payload) {
			g.t.Fatalf("record %d is %x, want %x", seq, payload, want)
		}
		if at == seq {
			return
		}
		rest = rest[size:]
	}
}

func (g *player) restart() {
	committed := g.node.Committed()
	if err := g.node.Close(); err != nil {
		g.t.Fatal(err)
	}
	g.node.disk.Kill()
	g.reopen(committed)
	if len(g.entries) != int(g.node.LastIndex()) {
		g.t.Fatalf("%d entries after a restart, want %d", g.node.LastIndex(), len(g.entries))
	}
}

func (g *player) kill() {
	committed := g.node.Committed()
	g.node.Crash()
	g.node.disk.Kill()
	if g.startInVain() {
		g.reopen(min(committed, g.durable))
		return
	}
	g.reopen(committed)
	if len(g.entries) != int(g.node.LastIndex()) {
		g.t.Fatalf("%d entries after a kill, want %d", g.node.LastIndex(), len(g.entries))
	}
}

// powerLoss leaves at least what was durable. It may come in the middle of a cut, and again in
// the recovery.
func (g *player) powerLoss() {
	committed := g.node.Committed()
	if g.rng.IntN(2) == 0 && g.node.Leads() == 0 {
		n := g.committedEntries()
		n += g.rng.IntN(len(g.entries) - n + 1)
		g.failSoon()
		g.node.Truncate(g.last(n)) // may fail
		g.durable = min(g.durable, g.last(n))
	}
	g.node.Crash()
	g.node.disk.Fault = nil
	g.node.disk.PowerLoss(g.rng)
	g.startInVain()
	g.reopen(min(committed, g.durable))
}

// startInVain starts on what is left, now and then, fails somewhere on the way or just manages,
// and loses power. It reports whether that happened.
func (g *player) startInVain() bool {
	if g.rng.IntN(3) > 0 {
		return false
	}
	g.failSoon()
	if s, err := OpenStepped(g.node.o, g.node.disk); err == nil {
		s.Crash()
	}
	g.node.disk.Fault = nil
	g.node.disk.PowerLoss(g.rng)
	return true
}

// failSoon has the disk fail for good after a few calls.
func (g *player) failSoon() {
	left := g.rng.IntN(30)
	g.node.disk.Fault = func(string, string) error {
		if left--; left < 0 {
			return errDisk
		}
		return nil
	}
}

func (g *player) reopen(committed uint64) {
	g.node.open()
	g.tail, g.twin, g.reader = nil, nil, nil
	n := int(g.node.LastIndex())
	if n > len(g.entries) || g.last(n) < g.durable && g.lastDurable() > n {
		g.t.Fatalf("the log ends with entry %d (record %d); there were %d, and record %d was durable", n, g.node.Appended(), len(g.entries), g.durable)
	}
	g.entries = g.entries[:n]
	g.durable = g.node.Durable()
	for n > 0 && g.last(n) > committed {
		n--
	}
	g.node.Commit(g.last(n))
	g.check()
}

// lastDurable is the number of entries that are durable whole.
func (g *player) lastDurable() (n int) {
	for n < len(g.entries) && g.entries[n].Last <= g.durable {
		n++
	}
	return n
}

func (g *player) checkEnd() {
	g.t.Helper()
	last := g.last(len(g.entries))
	if g.node.Appended() != last || int(g.node.LastIndex()) != len(g.entries) || g.node.Durable() > last {
		g.t.Fatalf("the log ends with record %d of entry %d, durable to %d; want record %d of entry %d",
			g.node.Appended(), g.node.LastIndex(), g.node.Durable(), last, len(g.entries))
	}
}

// check reads all that the log has, in each way that there is.
func (g *player) check() {
	g.t.Helper()
	for i := g.node.FirstIndex(); i <= g.node.LastIndex(); i++ {
		want := g.entries[i-1]
		e, err := g.node.Entry(i)
		if err != nil || e != want.Entry {
			g.t.Fatalf("entry %d is %+v, want %+v: %v", i, e, want.Entry, err)
		}
		b, err := g.node.AppendBytes(nil, i)
		if err != nil || !bytes.Equal(b, want.bytes) {
			g.t.Fatalf("entry %d has other bytes: %v", i, err)
		}
	}
	if n := len(g.entries); n > 0 && g.node.Head().Hash != g.entries[n-1].hash {
		g.t.Fatalf("the head is %+v, want the hash %s", g.node.Head(), g.entries[n-1].hash)
	}
	g.checkReaders()
}

// checkReaders: readers see what is committed, and no more.
func (g *player) checkReaders() {
	g.t.Helper()
	r, err := g.node.ReadFrom(g.node.Released() + 1)
	if err != nil {
		g.t.Fatal(err)
	}
	defer r.Close()
	s, err := g.node.Subscribe(g.node.Released() + 1)
	if err != nil {
		g.t.Fatal(err)
	}
	defer s.Close()
	last := g.node.Released()
	for {
		seq, p, ok := r.Next()
		also, q, too := s.Next()
		if ok != too || seq != also || !bytes.Equal(p, q) {
			g.t.Fatalf("a reader is at %d (%v), a subscriber at %d (%v)", seq, ok, also, too)
		}
		if !ok {
			break
		}
		last = seq
	}
	if last != max(g.node.Watermark(), g.node.Released()) {
		g.t.Fatalf("readers end at %d, the watermark is %d", last, g.node.Watermark())
	}
}
