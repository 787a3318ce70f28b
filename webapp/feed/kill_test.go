package feed

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// childEnv has the folder of a town's log for the process that lives in it, childSeed what
// happens there, childResume where its two readers are.
const (
	childEnv    = "FEED_TEST_FOLDER"
	childSeed   = "FEED_TEST_SEED"
	childResume = "FEED_TEST_RESUME"
)

// TestMain is also the town that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		liveUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

// failing is a testing.TB for a process that has none.
type failing struct{ testing.TB }

func (failing) Helper()        {}
func (failing) Fatal(a ...any) { fmt.Fprintln(os.Stderr, a...); os.Exit(1) }
func (failing) Fatalf(format string, a ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", a...)
	os.Exit(1)
}

// liveUntilKilled opens a town, goes on with its life, and writes what its readers get to
// the standard output, a frame a line. It asks for checksums now and then.
func liveUntilKilled(dir string) {
	n, _ := strconv.ParseUint(os.Getenv(childSeed), 10, 64)
	w := &town{Rand: rand.New(rand.NewPCG(n, 1)), t: failing{}, dir: dir, now: isuride.TimeOf(time.Now())}
	w.options = townOptions(dir)
	w.newFeed()
	w.start(1)
	w.remember()
	w.act(100) // not from a partial of nothing
	woken := make(chan struct{}, 1)
	conn := w.feed.Open(func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	resume := strings.Split(os.Getenv(childResume), ",")
	conn.Subscribe(Request{Name: "all", Tables: allTables, Viewer: Viewer{Class: Operator}, Resume: resume[0]})
	conn.Subscribe(Request{Name: "city", Tables: "city", Resume: resume[1]})
	out := bufio.NewWriter(os.Stdout)
	for round := 0; ; round++ {
		w.act(10)
		if round%20 == 10 {
			conn.Checksum("city", "city")
			conn.Checksum("all", tables[w.IntN(int(matches))].name)
		}
		<-woken
		for m, ok := conn.Next(); ok; m, ok = conn.Next() {
			out.Write(m.JSON)
			out.WriteByte('\n')
		}
		if out.Flush() != nil {
			return
		}
	}
}

// remember finds the accounts and rides of a town that was there before.
func (w *town) remember() {
	_, err := w.store.Walk(func(i *state.Image) error {
		switch {
		case i.Owner != nil:
			w.owners, w.ownerIDs = append(w.owners, i.Owner.ChairRegisterToken), append(w.ownerIDs, i.Owner.ID)
		case i.Chair != nil:
			w.chairIDs = append(w.chairIDs, i.Chair.ID)
		case i.User != nil:
			w.users, w.userIDs = append(w.users, i.User.AccessToken), append(w.userIDs, i.User.ID)
			for k := range i.User.Rides {
				w.rideIDs = append(w.rideIDs, i.User.Rides[k].ID)
			}
		}
		return nil
	})
	w.must(err)
	slices.Sort(w.rideIDs) // the newest last
	w.serial = len(w.users) + len(w.owners) + len(w.chairIDs) + w.Int()
}

// TestKill kills the server again and again. Its readers resume where they are, and their
// copies equal what the server says, with nothing missing and nothing twice.
func TestKill(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(*seed, 2))
	copies := map[string]*Copy{"all": {}, "city": {}}
	partials := 0
	for range 12 {
		for _, c := range copies {
			c.Reconnect()
		}
		for _, f := range liveAndDie(t, dir, copies, 100+r.IntN(1500), r.Uint64()) {
			switch f.Action {
			case Partial:
				partials++
			case Failed:
				t.Fatalf("a reader was told: %+v", f)
			}
		}
	}
	if want := len(strings.Split(allTables, ",")) + 1; partials != want {
		t.Errorf("%d partials came, want %d: one for each table of a subscription", partials, want)
	}
	if city := copies["city"].Rows("city"); !maps.Equal(city, copies["all"].Rows("city")) && copies["city"].Position() == copies["all"].Position() {
		t.Error("two copies of the city differ")
	}
}

// liveAndDie runs the town until it has written a number of frames, which it applies, and
// both copies were compared with the town.
func liveAndDie(t *testing.T, dir string, copies map[string]*Copy, n int, seed uint64) (seen []Frame) {
	t.Helper()
	cmd := bound.Command(t, os.Args[0])
	resume := ""
	for i, name := range []string{"all", "city"} {
		if p := copies[name].Position(); p != (Position{}) {
			resume += p.String()
		}
		resume += strings.Repeat(",", 1-i)
	}
	cmd.Env = append(os.Environ(), childEnv+"="+dir, childSeed+"="+strconv.FormatUint(seed, 10), childResume+"="+resume)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewReader(out)
	compared := map[string]bool{}
	for len(seen) < n || len(compared) < len(copies) {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("the town ended by itself: %s", &problems)
		}
		name := "all"
		if bytes.HasPrefix(line, []byte(`{"sub":"city"`)) {
			name = "city"
		}
		f, err := copies[name].Apply(line)
		if err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		if f.Action == Checksum {
			rows, sum := copies[name].Checksum(f.Table)
			if want := fmt.Sprintf(`{"rows":%d,"crc32c":"%s"}`, rows, sum); want != string(f.Data[0]) {
				t.Fatalf("%s of %s at %d: the copy is %s, the server says %s", f.Table, name, f.Seq, want, f.Data[0])
			}
			compared[name] = true
		}
		seen = append(seen, f)
	}
	return seen
}
