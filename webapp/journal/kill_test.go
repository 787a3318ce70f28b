package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"
)

const (
	killDirEnv   = "JOURNAL_TEST_KILL_DIR"
	killLevelEnv = "JOURNAL_TEST_KILL_LEVEL"
	killGroupEnv = "JOURNAL_TEST_KILL_GROUP" // not empty: the log is a group's

	killWriters = 4
	killKeep    = 1000              // records that the child never releases
	killKept    = 20 * smallSegment // bytes of those that it has released
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDirEnv); dir != "" {
		if err := victim(dir, os.Getenv(killLevelEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// ack is what a victim tells before it dies: this record of that writer is safe.
type ack struct {
	Seq    uint64
	Writer uint32
	N      uint32
}

func (a ack) payload() []byte {
	p := bytes.Repeat([]byte{byte(a.N)}, 8+int(a.N%300))
	binary.LittleEndian.PutUint32(p, a.Writer)
	binary.LittleEndian.PutUint32(p[4:], a.N)
	return p
}

// victim appends until it is killed and acknowledges each record on its standard output.
func victim(dir, level string) error {
	d, err := ParseDurability(level)
	if err != nil {
		return err
	}
	group := os.Getenv(killGroupEnv) != ""
	j, err := Open(Options{Dir: dir, Durability: d, SegmentBytes: 4 * smallSegment, Keep: killKept, Replicated: group})
	if err != nil {
		return err
	}
	errs := make(chan error, killWriters+1)
	if group {
		go func() { errs <- alone(j) }()
	}
	var out sync.Mutex
	for w := range killWriters {
		go func() { errs <- write(j, uint32(w), &out) }()
	}
	return <-errs
}

func write(j *Journal, writer uint32, out *sync.Mutex) error {
	for n := uint32(0); ; n++ {
		a := ack{Writer: writer, N: n}
		var err error
		if a.Seq, err = j.Append(a.payload()); err == nil {
			err = j.Wait(a.Seq)
		}
		if errors.Is(err, ErrNotLeading) {
			time.Sleep(time.Millisecond) // leave the processor to the others
			continue
		}
		if err != nil {
			return err
		}
		if n%200 == 0 && a.Seq > killKeep {
			j.Release(a.Seq - killKeep)
		}
		out.Lock()
		err = binary.Write(os.Stdout, binary.LittleEndian, a)
		out.Unlock()
		if err != nil {
			return err
		}
	}
}

// alone is a group of one member that commits what it has sealed, and now and then loses its
// leadership with some entries that nobody else has got.
func alone(j *Journal) error {
	for term := j.Head().Term + 1; ; term++ {
		if _, _, err := j.Seal(j.LastIndex()+1, term, nil, true); err != nil {
			return err
		}
		if err := j.Lead(term); err != nil {
			return err
		}
		for n := 0; n <= 40; n++ {
			_, ok, err := j.Seal(j.LastIndex()+1, term, nil, false)
			if err != nil {
				return err
			}
			if !ok {
				n--
				runtime.Gosched()
				continue
			}
			for synced := j.Safe(); j.level == Power && j.Durable() < j.Head().Last; synced = j.Safe() {
				<-synced
			}
			if n < 40 {
				j.Commit(j.Head().Last)
			}
		}
		if err := j.Follow(); err != nil {
			return err
		}
		if err := j.Truncate(j.Committed()); err != nil {
			return err
		}
	}
}

// What was acknowledged before a kill -9 is there after it, with its number.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and kills them")
	}
	rng := seeded(t)
	for _, c := range []struct {
		level Durability
		group string
	}{{Crash, ""}, {Power, ""}, {Crash, "yes"}, {Power, "yes"}} {
		level := c.level
		t.Setenv(killGroupEnv, c.group)
		most := 4000 // acknowledgements before a kill
		if level == Power {
			most = 400 // each waits for a real disk
		}
		dir := t.TempDir()
		acked := make(map[uint64]ack)
		for round := range 6 {
			last := murder(t, dir, level, 1+rng.IntN(most), acked)
			j := mustOpen(t, Options{Dir: dir, Durability: level, Replicated: c.group != ""}, linux())
			if j.replicated {
				j.Commit(j.Appended())
			}
			if j.Appended() < last {
				t.Fatalf("%s, round %d: the log ends at %d, %d was acknowledged", level, round, j.Appended(), last)
			}
			if j.Oldest() > max(1, j.Appended()-min(j.Appended(), killKeep)) {
				t.Fatalf("%s, round %d: the log goes from %d to %d, too much is gone", level, round, j.Oldest(), j.Appended())
			}
			for _, r := range contents(t, j) {
				if a, ok := acked[r.seq]; ok && !bytes.Equal(r.payload, a.payload()) {
					t.Fatalf("%s, round %d: record %d is %x, want %x", level, round, r.seq, r.payload, a.payload())
				}
			}
			mustClose(t, j)
		}
		t.Logf("%s, group %q: %d records acknowledged", level, c.group, len(acked))
	}
}

// murder kills a child after it has acknowledged some records, and returns the last of
// all it did.
func murder(t *testing.T, dir string, level Durability, after int, acked map[uint64]ack) (last uint64) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), killDirEnv+"="+dir, killLevelEnv+"="+level.String())
	var said bytes.Buffer
	child.Stderr = &said
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	for n := 1; ; n++ {
		var a ack
		err := binary.Read(out, binary.LittleEndian, &a)
		if errors.Is(err, io.EOF) && n > after {
			return last
		}
		if err != nil {
			t.Fatalf("after %d acknowledgements: %v %s", n, err, &said)
		}
		if _, twice := acked[a.Seq]; twice {
			t.Fatalf("number %d was given twice", a.Seq)
		}
		acked[a.Seq] = a
		last = max(last, a.Seq)
		if n == after {
			child.Process.Kill()
		}
	}
}
