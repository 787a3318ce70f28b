package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// model drives a journal and a slice of payloads side by side.
type model struct {
	t   *testing.T
	rng *rand.Rand
	o   Options
	j   *Journal

	payloads [][]byte // of record i+1
	released uint64
	readers  []*modelReader
	aliases  []record // payloads that readers returned; valid until released
}

type modelReader struct {
	*Reader
	next uint64
}

func TestAgainstModel(t *testing.T) {
	rng := seeded(t)
	for _, level := range []Durability{Crash, Power, None} {
		for _, segment := range []int{smallSegment, 3 * smallSegment} {
			t.Run(fmt.Sprintf("%s/%d", level, segment), func(t *testing.T) {
				m := &model{t: t, rng: rng, o: Options{Dir: t.TempDir(), Durability: level, SegmentBytes: segment, Keep: int64(rng.IntN(3) * 5 * segment)}}
				m.open()
				for range 3000 {
					m.step()
				}
				m.checkAll()
			})
		}
	}
}

func (m *model) step() {
	switch p := m.rng.IntN(1000); {
	case p < 600:
		m.append()
	case p < 800:
		m.read()
	case p < 850:
		m.release()
	case p < 870:
		m.openReader()
	case p < 880:
		m.closeReader()
	case p < 890:
		m.tooLarge()
	case p < 900:
		m.checkAll()
	case p < 905:
		m.restart()
	case p < 910:
		m.kill()
	}
}

func (m *model) append() {
	size := m.rng.IntN(200)
	if m.rng.IntN(50) == 0 {
		size = m.rng.IntN(m.o.SegmentBytes - headerSize - wordSize + 1)
	}
	p := make([]byte, size)
	for i := range p {
		p[i] = byte(m.rng.Uint32())
	}
	seq := mustAppend(m.t, m.j, p)
	if err := m.j.Wait(seq); err != nil {
		m.t.Fatal(err)
	}
	m.payloads = append(m.payloads, p)
	if seq != uint64(len(m.payloads)) || m.j.Appended() != seq {
		m.t.Fatalf("number %d, appended %d, want %d", seq, m.j.Appended(), len(m.payloads))
	}
}

func (m *model) tooLarge() {
	if _, err := m.j.Append(make([]byte, m.o.SegmentBytes-headerSize)); err == nil {
		m.t.Fatal("oversized payload was accepted")
	}
}

func (m *model) read() {
	if len(m.readers) == 0 {
		return
	}
	r := m.readers[m.rng.IntN(len(m.readers))]
	for range m.rng.IntN(40) {
		seq, payload, ok := r.Next()
		if want := r.next <= uint64(len(m.payloads)); ok != want {
			m.t.Fatalf("reader at %d of %d: %v", r.next, len(m.payloads), ok)
		}
		if !ok {
			return
		}
		m.check(seq, r.next, payload)
		m.aliases = append(m.aliases, record{seq, payload})
		r.next++
	}
}

func (m *model) check(got, want uint64, payload []byte) {
	m.t.Helper()
	if got != want || !bytes.Equal(payload, m.payloads[want-1]) {
		m.t.Fatalf("record %d %x, want %d %x", got, payload, want, m.payloads[want-1])
	}
}

// release checks first that the payloads handed out have stayed what they were.
func (m *model) release() {
	upTo := m.released + uint64(m.rng.IntN(len(m.payloads)-int(m.released)+1))
	live := m.aliases[:0]
	for _, a := range m.aliases {
		m.check(a.seq, a.seq, a.payload)
		if a.seq > upTo {
			live = append(live, a)
		}
	}
	m.aliases = live
	m.j.Release(upTo)
	m.released = upTo
	if n := m.j.Oldest(); n > upTo+1 {
		m.t.Fatalf("the oldest record is %d after release up to %d", n, upTo)
	}
	if kept := m.j.Stats().Kept; kept > m.o.Keep && len(m.readers) == 0 {
		m.t.Fatalf("%d bytes are kept, not %d at most", kept, m.o.Keep)
	}
	m.checkBacklog()
}

func (m *model) checkBacklog() {
	m.t.Helper()
	want := int64(0)
	for _, p := range m.payloads[m.released:] {
		want += int64(recordSize(len(p)))
	}
	if got := m.j.Backlog(); got != want {
		m.t.Fatalf("backlog of %d bytes, want %d", got, want)
	}
}

func (m *model) openReader() {
	oldest := m.j.Oldest()
	from := oldest + uint64(m.rng.IntN(len(m.payloads)+2-int(oldest)))
	r, err := m.j.ReadFrom(from)
	if err != nil {
		m.t.Fatal(err)
	}
	m.readers = append(m.readers, &modelReader{r, from})
}

func (m *model) closeReader() {
	if n := len(m.readers); n > 0 {
		m.readers[n-1].Close()
		m.readers = m.readers[:n-1]
	}
}

// checkAll reads everything that the log must still have.
func (m *model) checkAll() {
	r, err := m.j.ReadFrom(m.released + 1)
	if err != nil {
		m.t.Fatal(err)
	}
	defer r.Close()
	for want := m.released + 1; want <= uint64(len(m.payloads)); want++ {
		seq, payload, ok := r.Next()
		if !ok {
			m.t.Fatalf("the log ends before %d of %d", want, len(m.payloads))
		}
		m.check(seq, want, payload)
	}
	if seq, _, ok := r.Next(); ok {
		m.t.Fatalf("record %d was never appended", seq)
	}
}

func (m *model) restart() {
	if m.o.Durability == None {
		return
	}
	m.dropReaders()
	mustClose(m.t, m.j)
	m.open()
}

// kill goes on with what is in the files at this moment.
func (m *model) kill() {
	if m.o.Durability == None {
		return
	}
	m.j.making.Lock() // a copy of the folder is no picture of one moment
	left := image(m.t, m.o.Dir)
	m.j.making.Unlock()
	m.dropReaders()
	m.j.Close()
	m.o.Dir = left
	m.open()
}

func (m *model) dropReaders() {
	for len(m.readers) > 0 {
		m.closeReader()
	}
	m.aliases = nil
}

// open finds at least all that was not released; the release itself is not remembered.
func (m *model) open() {
	m.j = mustOpen(m.t, m.o, unsynced())
	if n := m.j.Appended(); n != uint64(len(m.payloads)) {
		m.t.Fatalf("%d records after a restart, want %d", n, len(m.payloads))
	}
	m.j.Release(m.released)
	m.checkAll()
	m.checkBacklog()
}
