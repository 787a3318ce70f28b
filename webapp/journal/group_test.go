package journal

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"isuride/webapp/internal/disk"
)

// copyOf copies a disk in memory as it is now.
func copyOf(d *disk.Memory) *disk.Memory {
	to := new(disk.Memory)
	names, _ := d.List("log")
	for _, name := range names {
		b, _ := readFile(d, "log/"+name)
		f, _ := to.Create("log/" + name)
		f.WriteAt(b, 0)
		f.Sync()
	}
	to.SyncFolder("log")
	return to
}

// addAll puts the files of one disk on another that lacks them.
func addAll(to, from *disk.Memory) {
	names, _ := from.List("log")
	for _, name := range names {
		b, _ := readFile(from, "log/"+name)
		f, _ := to.Create("log/" + name)
		f.WriteAt(b, 0)
	}
}

// Files that a cut has removed or made shorter and that come back, as a disk may do that does
// not keep its promise, lose against what was written in a later term.
func TestLaterTermWins(t *testing.T) {
	n := newNode(t, Crash)
	n.lead(1)
	n.add(1, fillers(1, 3000)...)
	keep := n.add(1, numbered(2, 100))
	n.add(1, fillers(3, 9000)...)
	if err := n.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := n.Follow(); err != nil {
		t.Fatal(err)
	}
	before := copyOf(n.disk)
	if err := n.Truncate(keep.Last); err != nil {
		t.Fatal(err)
	}
	n.lead(2)
	last := n.add(2, numbered(4, 100))
	head := n.Head()
	n.Crash()
	addAll(n.disk, before)
	for range 2 { // the second start finds what the first has left
		n.disk.Kill()
		n.open()
		if n.Head() != head || n.Appended() != last.Last {
			t.Fatalf("the log ends with %+v, want %+v", n.Head(), head)
		}
		n.Crash()
	}
}

// In the same term that is corruption.
func TestRepetitionIsCorruption(t *testing.T) {
	n := newNode(t, Crash)
	n.lead(1)
	keep := n.add(1, numbered(2, 100))
	n.add(1, fillers(3, 5000)...)
	if err := n.Follow(); err != nil {
		t.Fatal(err)
	}
	before := copyOf(n.disk)
	if err := n.Truncate(keep.Last); err != nil {
		t.Fatal(err)
	}
	n.lead(1)
	n.add(1, numbered(4, 100))
	n.Sync()
	n.Crash()
	addAll(n.disk, before)
	n.disk.Kill()
	var corrupt *CorruptError
	if _, err := OpenStepped(n.o, n.disk); !errors.As(err, &corrupt) {
		t.Fatalf("opened: %v", err)
	}
}

// A log that is reset goes on behind the snapshot, also when the power goes in the middle; then
// it may be the old one, but never a mixture.
func TestReset(t *testing.T) {
	rng := seeded(t)
	source := newNode(t, Crash)
	source.lead(5)
	for i := range 40 {
		source.add(5, fillers(i, 800)...)
	}
	at := source.Head()
	later := source.add(5, numbered(1, 50))
	for round := range 300 {
		n := newNode(t, Crash)
		n.lead(3)
		for i := range rng.IntN(20) {
			n.add(3, fillers(i, 700)...)
		}
		n.Sync()
		if n.Follow() != nil {
			t.Fatal("follow")
		}
		old := n.Head()
		left := rng.IntN(30)
		n.disk.Fault = func(string, string) error {
			if left--; left < 0 {
				return errDisk
			}
			return nil
		}
		err := n.Reset(at)
		n.disk.Fault = nil
		n.Crash()
		if rng.IntN(2) == 0 {
			n.disk.PowerLoss(rng)
		} else {
			n.disk.Kill()
		}
		n.open()
		if head := n.Head(); head != at && (err == nil || head != old) {
			t.Fatalf("round %d: the log ends with %+v after %v", round, head, err)
		}
		if n.Head() == at {
			n.take(source, later.Index, 5)
		}
	}
}

// Readers of a log that is reset end, and its memory goes with them.
func TestReadersOfReset(t *testing.T) {
	n := newNode(t, Crash)
	n.lead(1)
	e := n.add(1, fillers(1, 9000)...)
	n.Commit(e.Last)
	if err := n.Follow(); err != nil {
		t.Fatal(err)
	}
	r, _ := n.ReadFrom(1)
	s, _ := n.Subscribe(1)
	r.Next()
	s.Next()
	if err := n.Reset(Base{Index: 70, Term: 2, Last: 900}); err != nil {
		t.Fatal(err)
	}
	for _, _, ok := r.Next(); ok; _, _, ok = r.Next() {
	}
	if err := r.Wait(t.Context()); !errors.Is(err, ErrGone) {
		t.Errorf("the reader: %v", err)
	}
	if _, _, ok := s.Next(); ok || !errors.Is(s.Wait(t.Context()), ErrGone) {
		t.Errorf("the subscriber goes on")
	}
	r.Close()
	s.Close()
	n.Release(900)
	if len(n.leaving) != 0 || n.Appended() != 900 || n.Watermark() != 900 || n.FirstIndex() != 71 {
		t.Fatalf("%d segments are left; record %d, watermark %d, first entry %d", len(n.leaving), n.Appended(), n.Watermark(), n.FirstIndex())
	}
	if term, err := n.Term(70); term != 2 || err != nil {
		t.Errorf("the term of the base is %d: %v", term, err)
	}
}

// A single server's log becomes that of a group's first member: what it has is before the first
// entry. Without being told it does not, and the way back is refused.
func TestFounding(t *testing.T) {
	d := new(disk.Memory)
	alone := Options{Dir: "log", SegmentBytes: smallSegment, Log: quiet()}
	s, err := OpenStepped(alone, d)
	if err != nil {
		t.Fatal(err)
	}
	log := fill(t, s.Journal, 100, 100)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	member := Options{Dir: "log", SegmentBytes: smallSegment, Replicated: true, Log: quiet()}
	if _, err := OpenStepped(member, d); !errors.Is(err, ErrGroup) {
		t.Fatalf("it became a member's by mistake: %v", err)
	}
	d.Kill()
	founder := member
	founder.Base = Base{Index: 1, Term: 1}
	for _, o := range []Options{founder, member} {
		if s, err = OpenStepped(o, d); err != nil {
			t.Fatal(err)
		}
		if s.FirstIndex() != 2 || s.LastIndex() != 1 || s.Head().Last != s.Appended() {
			t.Fatalf("entries %d to %d, after record %d of %d", s.FirstIndex(), s.LastIndex(), s.Head().Last, s.Appended())
		}
		s.Commit(s.Appended())
		got := slices.DeleteFunc(contents(t, s.Journal), func(r record) bool { return IsMark(r.payload) })
		sameLog(t, got, log)
		s.Crash()
		d.Kill()
	}
	if _, err := OpenStepped(alone, d); !errors.Is(err, ErrReplicated) {
		t.Fatalf("a member's folder was opened alone: %v", err)
	}
	d.Kill()
	member.Group = 7
	if _, err := OpenStepped(member, d); !errors.Is(err, ErrGroup) || !strings.Contains(err.Error(), "group 0") {
		t.Fatalf("a folder of another group was opened: %v", err)
	}
}

// The hashes of a log of entries tell a change of an old record, with its checksum put right.
func TestEntriesShowTampering(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir, Replicated: true}, unsynced())
	mustLead(t, j, 1)
	for i := range 60 {
		mustAppend(t, j, numbered(i, 100))
		if i%10 == 0 {
			mustSeal(t, j)
		}
	}
	mustClose(t, j)
	if said, damaged := remarksOn(t, dir); damaged {
		t.Fatalf("an untouched log is damaged:\n%s", said)
	}
	edit(t, segmentFiles(t, dir)[0], func(b []byte) []byte {
		at := headerSize3
		b[at+wordSize+50] ^= 1
		*wordAt(b, at) = commitWord(1, b[at+wordSize:][:100])
		return b
	})
	if said, damaged := remarksOn(t, dir); !damaged || !strings.Contains(said, "entry 1 was changed after it was written") {
		t.Fatalf("nobody has seen it:\n%s", said)
	}
}

func mustLead(t *testing.T, j *Journal, term uint64) {
	t.Helper()
	if err := j.Lead(term); err != nil {
		t.Fatal(err)
	}
}

func mustSeal(t *testing.T, j *Journal) {
	t.Helper()
	if _, _, err := j.Seal(j.LastIndex()+1, j.Leads(), nil, true); err != nil {
		t.Fatal(err)
	}
}

// The same calls on the same disk leave the same bytes.
func TestSteppedIsDeterministic(t *testing.T) {
	run := func(seed uint64) map[string][]byte {
		rng := rand.New(rand.NewPCG(seed, 0))
		g := &player{t: t, rng: rng, node: newNode(t, Power)}
		for range 2000 {
			g.step()
		}
		files := make(map[string][]byte)
		names, _ := g.node.disk.List("log")
		for _, name := range names {
			files[name], _ = readFile(g.node.disk, "log/"+name)
		}
		return files
	}
	seed := seeded(t).Uint64()
	if !maps.EqualFunc(run(seed), run(seed), bytes.Equal) {
		t.Fatalf("seed %d left two different disks", seed)
	}
}

// startFails starts on the disk again and again, each time with the next call that may fail as
// the last one, and loses power after it. Then a start that nothing disturbs has to find the
// entry as the last one.
func startFails(t *testing.T, n *node, last Base) {
	t.Helper()
	rng := seeded(t)
	for calls := range 60 {
		for range 20 {
			try := &node{t: t, disk: copyOf(n.disk), o: n.o}
			left := calls
			try.disk.Fault = func(string, string) error {
				if left--; left < 0 {
					return errDisk
				}
				return nil
			}
			OpenStepped(try.o, try.disk)
			try.disk.Fault = nil
			if rng.IntN(2) == 0 {
				try.disk.PowerLoss(rng)
			} else {
				try.disk.Kill()
			}
			s, err := OpenStepped(try.o, try.disk)
			if err != nil {
				t.Fatalf("%d calls: %v", calls, err)
			}
			if s.Head() != last || s.Appended() != last.Last {
				t.Fatalf("%d calls: the log ends with %+v, want %+v", calls, s.Head(), last)
			}
		}
	}
}

// What a killed leader had not sealed goes, though the disk has it.
func TestUnsealedGoesWhateverFails(t *testing.T) {
	n := newNode(t, Crash)
	n.lead(1)
	n.add(1, fillers(1, 1000)...)
	last := n.Head()
	for _, p := range fillers(2, 9000) {
		mustAppend(t, n.Journal, p)
	}
	n.Sync()
	n.Crash()
	n.disk.Kill()
	startFails(t, n, last)
}

// On a disk that lies a member may lose the end of an entry whose beginning it has released: the
// entry goes as a whole, and comes again from the others.
func TestLossOfReleasedEntry(t *testing.T) {
	n := newNode(t, Crash)
	n.o.Keep = 1 << 20
	n.disk = new(disk.Memory)
	n.open()
	n.lead(1)
	n.add(1, numbered(1, 50))
	last := n.Head()
	for _, p := range fillers(2, 5000) {
		mustAppend(t, n.Journal, p)
	}
	n.Sync()
	for range 3 { // the beginning of the last one that is committed and durable is never released
		n.Commit(n.add(1).Last)
		n.Sync()
	}
	n.Release(n.Committed())
	names, _ := n.disk.List("log")
	if !strings.HasSuffix(names[0], keptSuffix) {
		t.Fatalf("nothing is released: %v", names)
	}
	b, _ := readFile(n.disk, "log/"+names[1])
	clear(b[headerSize3:])
	clear(b[markAt : markAt+wordSize])
	f, _ := n.disk.Open("log/"+names[1], true)
	f.WriteAt(b, 0)
	n.Crash()
	n.disk.Kill()
	startFails(t, n, last)
	// A file that cannot be removed is in nobody's way.
	n.disk.Fault = func(operation, _ string) error {
		if operation == "remove" {
			return errDisk
		}
		return nil
	}
	n.open()
	n.lead(2)
	n.add(2, numbered(3, 50))
	last = n.Head()
	n.Sync()
	n.Crash()
	n.disk.Fault = nil
	n.disk.Kill()
	n.open()
	if n.Head() != last {
		t.Fatalf("the log ends with %+v, want %+v", n.Head(), last)
	}
}

// Each byte of a member's log that an orderly stop has left is safe: a change is told, or was
// of no meaning.
func TestEveryByteOfAGroupsLog(t *testing.T) {
	n := newNode(t, Power)
	n.lead(1)
	n.add(1, numbered(1, 20), numbered(2, 9))
	n.add(1, numbered(3, 20))
	head := n.Head()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := n.disk.List("log")
	name := "log/" + names[0]
	whole, _ := readFile(n.disk, name)
	for at := range whole {
		d := copyOf(n.disk)
		f, _ := d.Open(name, true)
		f.WriteAt([]byte{whole[at] ^ 0x10}, int64(at))
		s, err := OpenStepped(n.o, d)
		var corrupt *CorruptError
		switch {
		case errors.As(err, &corrupt), errors.Is(err, ErrVersion), errors.Is(err, ErrHistory):
		case err != nil:
			t.Fatalf("byte %d: %v", at, err)
		case s.Head() != head:
			t.Fatalf("byte %d: the log ends with %+v, want %+v", at, s.Head(), head)
		}
	}
}

// People are told what a start would do.
func TestLookAtAGroup(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir, Replicated: true, Group: 4}, unsynced())
	for term := uint64(1); term <= 2; term++ {
		lead(t, j, term)
		mustAppend(t, j, numbered(1, 100))
		if _, _, err := j.Seal(term, term, nil, false); err != nil {
			t.Fatal(err)
		}
		if err := j.Follow(); err != nil {
			t.Fatal(err)
		}
	}
	lead(t, j, 3)
	mustAppend(t, j, numbered(2, 8))
	if err := j.Follow(); err != nil {
		t.Fatal(err)
	}
	at := Base{Index: 9, Term: 5, Last: 100}
	if err := j.Reset(at); err != nil {
		t.Fatal(err)
	}
	at.Hash = Hash{1} // which the others know
	other := &node{t: t, disk: new(disk.Memory), o: Options{Dir: "log", Replicated: true, Group: 4, Base: at, Log: quiet()}}
	other.open()
	other.lead(6)
	b, _ := other.AppendBytes(nil, other.add(6, numbered(3, 10)).Index)
	if _, err := j.AppendEntry(6, b); err != nil {
		t.Fatal(err)
	}
	said, damaged := remarksOn(t, dir)
	if want := "term 5 of group 4 begins, after entry 9 of term 5"; damaged || !strings.Contains(said, want) {
		t.Errorf("it does not say %q, or of damage:\n%s", want, said)
	}
}

func remarksOn(t *testing.T, dir string) (said string, damaged bool) {
	t.Helper()
	err := Look(dir, func(s Sight) error {
		said += s.Remark + "\n"
		damaged = damaged || s.Damaged
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return said, damaged
}

// A look at the folder of a log of entries that has lived says nothing of damage, however its
// entries lie in the segments.
func TestLookAgreesWithLife(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	for round := range 30 {
		j := mustOpen(t, Options{Dir: dir, Replicated: true, Keep: 12 * smallSegment}, unsynced())
		mustLead(t, j, uint64(round+1))
		for range rng.IntN(80) {
			mustAppend(t, j, numbered(round, 8+rng.IntN(700)))
			if rng.IntN(20) == 0 {
				mustSeal(t, j)
			}
		}
		if err := j.sync(); err != nil {
			t.Fatal(err)
		}
		j.Commit(j.Head().Last)
		j.Release(j.Appended() * uint64(rng.IntN(3)) / 2 / 2)
		mustClose(t, j)
		if said, damaged := remarksOn(t, dir); damaged {
			t.Fatalf("round %d: %s", round, said)
		}
	}
}

// Terms that follow each other quickly do not fill the disk: what a segment has not used it
// gives back.
func TestTermsGiveBackTheirRoom(t *testing.T) {
	n := newNode(t, Crash)
	n.o.SegmentBytes = 64 * smallSegment
	n.disk = new(disk.Memory)
	n.open()
	for term := uint64(1); term <= 30; term++ {
		n.lead(term)
		n.add(term, numbered(1, 100))
		n.Sync()
		if err := n.Follow(); err != nil {
			t.Fatal(err)
		}
	}
	bytes := 0
	names, _ := n.disk.List("log")
	for _, name := range names {
		b, _ := readFile(n.disk, "log/"+name)
		bytes += len(b)
	}
	if most := 4 * n.o.SegmentBytes; len(names) < 30 || bytes > most {
		t.Errorf("%d files take %d bytes, want %d at most", len(names), bytes, most)
	}
	n.Crash()
	n.disk.Kill()
	n.open()
	if n.LastIndex() != 30 {
		t.Errorf("%d entries are left", n.LastIndex())
	}
}
