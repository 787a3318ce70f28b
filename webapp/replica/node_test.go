package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"isuride/tools/dev/allocs"
	"isuride/tools/dev/freeport"
)

// cluster is a group of running members on loopback.
type cluster struct {
	t       testing.TB
	members []Member
	logs    []*memLog
	images  []*memImages
	nodes   []*Node
	tick    time.Duration // 0: the usual one
}

const (
	// slowTick is for tests in which no leader is to be lost: members that share a busy machine may not hear each
	// other for some time.
	slowTick = 100 * time.Millisecond
	// patience ends a test that hangs, and decides nothing else.
	patience = time.Minute
)

var testSecret = []byte("0123456789abcdef0123456789abcdef")

func newCluster(t testing.TB, names ...string) *cluster {
	c := &cluster{t: t}
	if _, ok := t.(*testing.T); ok {
		c.tick = slowTick
	}
	for _, name := range names {
		name, witness := strings.CutSuffix(name, "+witness")
		c.members = append(c.members, Member{Name: name, Address: freeport.Address(t), Witness: witness})
		c.logs = append(c.logs, &memLog{})
		c.images = append(c.images, &memImages{})
		c.nodes = append(c.nodes, nil)
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.stop(i)
		}
	})
	return c
}

func (c *cluster) start(i int) {
	c.t.Helper()
	o := Options{Self: c.members[i].Name, Members: c.members, Secret: testSecret, Log: c.logs[i], Tick: c.tick, Logger: slog.New(slog.DiscardHandler)}
	if !c.members[i].Witness {
		o.Snapshots, o.Images = c.images[i], c.images[i]
	}
	c.logs[i].committed = c.logs[i].base.Index
	n, err := Start(o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.nodes[i] = n
}

func (c *cluster) startAll() {
	for i := range c.nodes {
		c.start(i)
	}
}

func (c *cluster) stop(i int) {
	if c.nodes[i] != nil {
		c.nodes[i].Close()
		c.nodes[i] = nil
	}
}

// leader waits for a leader that is ready, and opens its log.
func (c *cluster) leader() int {
	c.t.Helper()
	return c.leaderAfter(0)
}

func (c *cluster) leaderAfter(term uint64) int {
	c.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		for i, n := range c.nodes {
			if n == nil {
				continue
			}
			if s := n.Status(); s.Role == Leader && s.Ready && s.Term > term && n.Accept(s.Term) == nil {
				return i
			}
		}
		c.awaitChange()
	}
	c.t.Fatal("nobody leads")
	return -1
}

// awaitChange waits until something may have changed.
func (c *cluster) awaitChange() {
	for _, n := range c.nodes {
		if n != nil {
			select {
			case <-n.Changed():
			case <-time.After(20 * time.Millisecond):
			}
			return
		}
	}
}

// expect waits until all running members have these records committed.
func (c *cluster) expect(want []string) {
	c.t.Helper()
	for i, n := range c.nodes {
		if n == nil {
			continue
		}
		for end := time.Now().Add(patience); ; {
			moved := c.logs[i].moved.Next()
			got := c.logs[i].records()
			if slices.Equal(got, want) {
				break
			}
			if time.Now().After(end) {
				c.t.Fatalf("%s has %d records (%v), want %d", c.members[i].Name, len(got), n.Status(), len(want))
			}
			select {
			case <-moved:
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
}

// memImages keep one image in memory.
type memImages struct {
	mu        sync.Mutex
	offered   Snapshot
	content   []byte
	installed []Snapshot
	received  map[string][]byte
}

func (m *memImages) Latest(atLeast uint64) (Snapshot, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.offered, m.offered.Name != "" && m.offered.At.Index >= atLeast
}

func (m *memImages) Install(s Snapshot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.received[s.Name] == nil {
		return errors.New("not received")
	}
	m.installed = append(m.installed, s)
	return nil
}

func (m *memImages) Open(name string) (io.ReadCloser, int64, error) {
	return io.NopCloser(bytes.NewReader(m.content)), int64(len(m.content)), nil
}

func (m *memImages) Receive(name string, r io.Reader) error {
	b, err := io.ReadAll(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		if m.received == nil {
			m.received = map[string][]byte{}
		}
		m.received[name] = b
	}
	return err
}

// A group elects a leader, keeps its records equal, hands over, and survives the end of its
// leader and the return of a member.
func TestGroup(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "a", "b", "c")
	c.startAll()
	leader := c.leader()
	var want []string
	add := func(n int) {
		t.Helper()
		for range n {
			record := fmt.Sprintf("record %d", len(want))
			if err := c.logs[leader].append(record); err != nil {
				t.Fatal(err)
			}
			want = append(want, record)
		}
		c.expect(want)
	}
	add(1)
	add(500)
	if committed, err := c.nodes[leader].ReadIndex(t.Context()); err != nil || committed == 0 {
		t.Fatalf("the leader is not confirmed: %d, %v", committed, err)
	}
	follower := (leader + 1) % 3
	if _, err := c.nodes[follower].ReadIndex(t.Context()); !errors.Is(err, ErrNotLeader) {
		t.Fatalf("a follower was confirmed as leader: %v", err)
	}

	term := c.nodes[leader].Status().Term
	if err := c.nodes[leader].Transfer(t.Context(), c.members[follower].Name); err != nil {
		t.Fatal(err)
	}
	if leader = c.leaderAfter(term); leader != follower {
		t.Fatalf("%s leads, the hand-over was to %s", c.members[leader].Name, c.members[follower].Name)
	}
	add(10)

	term = c.nodes[leader].Status().Term
	gone := leader
	c.stop(leader)
	leader = c.leaderAfter(term)
	add(10)
	c.start(gone)
	add(10)
}

// A lease is granted to a leader that asks for it, and to nobody else.
func TestLease(t *testing.T) {
	c := newCluster(t, "a", "b", "c")
	c.startAll()
	leader := c.leader()
	n := c.nodes[leader]
	for end := time.Now().Add(patience); !n.Lease(); <-time.After(n.tick) {
		if time.Now().After(end) {
			t.Fatal("the leader gets no lease")
		}
	}
	if allocs := allocs.PerRun(100, func() { n.Lease(); n.Status(); n.Changed() }); allocs != 0 {
		t.Errorf("Lease, Status and Changed allocate %v times", allocs)
	}
	for i := range c.nodes {
		if i != leader && c.nodes[i].Lease() {
			t.Errorf("%s has a lease and does not lead", c.members[i].Name)
		}
	}
	if err := n.Transfer(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if n.Lease() {
		t.Error("the lease outlives the hand-over")
	}
}

// A member that is behind what the log holds gets a snapshot, and the log after it. A witness
// gets the log alone.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	for _, third := range []string{"c", "c+witness"} {
		t.Run(third, func(t *testing.T) {
			t.Parallel()
			for range 5 {
				if snapshotArrives(t, third) {
					return
				}
			}
			t.Fatal("no leader stays long enough")
		})
	}
}

// snapshotArrives is false if the leader, whose log alone was cut, did not stay the leader: on a busy machine
// another one may be elected, which has the whole log and needs no snapshot.
func snapshotArrives(t *testing.T, third string) bool {
	t.Helper()
	c := newCluster(t, "a", "b", third)
	c.startAll()
	leader := c.leader()
	term := c.nodes[leader].Status().Term
	if leader == 2 && third == "c+witness" {
		t.Fatal("a witness leads")
	}
	late := 2
	if leader == late {
		late = 0
	}
	c.stop(late)
	var want []string
	for i := range 200 {
		if c.logs[leader].append(fmt.Sprint(i)) != nil {
			return false
		}
		want = append(want, fmt.Sprint(i))
	}
	c.expect(want)
	log := c.logs[leader]
	index := log.Last()
	images := c.images[leader]
	images.mu.Lock()
	last, _ := log.End(index)
	images.offered, images.content = Snapshot{Position{index, term}, last, "one"}, bytes.Repeat([]byte("image"), 200_000)
	images.mu.Unlock()
	if err := c.nodes[leader].do(func() { log.compact(index) }); err != nil {
		t.Fatal(err)
	}
	c.start(late)
	if log.append("after") != nil {
		return false
	}
	for end := time.Now().Add(patience); ; {
		moved := c.logs[late].moved.Next()
		if slices.Equal(c.logs[late].records(), []string{"after"}) {
			break
		}
		s := c.nodes[leader].Status()
		if s.Role != Leader || s.Term != term {
			return false
		}
		if time.Now().After(end) {
			t.Fatalf("the late member has %v; %+v", c.logs[late].records(), s)
		}
		select {
		case <-moved:
		case <-time.After(100 * time.Millisecond):
		}
	}
	if third == "c" && !bytes.Equal(c.images[late].received["one"], images.content) {
		t.Error("the image did not come whole")
	}
	return true
}

// Servers are added, vote once they have caught up, and are removed again.
func TestMembership(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "a", "b", "c", "d", "e")
	all, nodes := c.members, c.nodes
	c.members, c.nodes = all[:3], nodes[:3]
	c.startAll()
	leader := c.leader()
	if err := c.logs[leader].append("before"); err != nil {
		t.Fatal(err)
	}
	for _, m := range all[3:] {
		if err := c.nodes[leader].Add(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.nodes[leader].Add(t.Context(), all[4]); err == nil {
		t.Error("a member was added twice")
	}
	c.members, c.nodes = all, nodes
	c.start(3)
	c.start(4)
	voters := func(s *Status) (n int) {
		for _, p := range s.Peers {
			if p.Voter {
				n++
			}
		}
		return n
	}
	c.eventually(func() bool {
		for _, n := range c.nodes {
			if voters(n.Status()) != 4 || n.Status().Doubt != "" {
				return false
			}
		}
		return true
	})
	leader = c.leader() // a newcomer moves the group on to a term that it did not know
	if err := c.logs[leader].append("after"); err != nil {
		t.Fatal(err)
	}
	c.expect([]string{"before", "after"})
	gone := (leader + 1) % 5
	if err := c.nodes[leader].Remove(t.Context(), all[gone].Name); err != nil {
		t.Fatal(err)
	}
	if err := c.nodes[leader].Remove(t.Context(), "nobody"); err == nil {
		t.Error("a stranger was removed")
	}
	if got := voters(c.nodes[leader].Status()); got != 3 {
		t.Errorf("after a removal the leader knows %d other voters, want 3", got)
	}
}

// eventually waits for something.
func (c *cluster) eventually(happened func() bool) {
	c.t.Helper()
	for end := time.Now().Add(patience); !happened(); c.awaitChange() {
		if time.Now().After(end) {
			for i, n := range c.nodes {
				if n != nil {
					c.t.Logf("%s: %+v", c.members[i].Name, n.Status())
				}
			}
			c.t.Fatal("it did not happen")
		}
	}
}

// Connections that do not fit are refused with a reason that names the fault.
func TestRefusals(t *testing.T) {
	base := credentials{self: "b", secret: testSecret, now: time.Now}
	for _, test := range []struct {
		name, want string
		change     func(c *credentials, h *hello)
	}{
		{"fits", "", func(*credentials, *hello) {}},
		{"secret", "another secret", func(c *credentials, _ *hello) { c.secret = []byte("another secret, long enough") }},
		{"group", "group 7", func(c *credentials, _ *hello) { c.group = 7 }},
		{"history", "not of the same history", func(c *credentials, _ *hello) { c.history[3] = 1 }},
		{"clock", "8760h0m0s ahead", func(c *credentials, _ *hello) {
			c.now = func() time.Time { return time.Now().Add(365 * 24 * time.Hour) }
		}},
		{"name", "looks for \"x\"", func(_ *credentials, h *hello) { h.to = "x" }},
		{"self", "two servers are called", func(c *credentials, _ *hello) { c.self = "b" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			other := base
			other.self = "a"
			h := hello{to: "b"}
			test.change(&other, &h)
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			accepted := make(chan error, 1)
			go func() {
				_, _, err := base.accepted(far)
				accepted <- err
			}()
			_, err := other.dialed(near, laneBulk, h.to)
			heard := <-accepted
			if test.want == "" {
				if err != nil || heard != nil {
					t.Fatalf("refused: %v, %v", err, heard)
				}
				return
			}
			for who, err := range map[string]error{"who listens": heard, "who dials": err} {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s is told %v, want something with %q", who, err, test.want)
				}
			}
		})
	}
}

// An older version is refused by the newer one, in its own words.
func TestOlderVersionIsRefused(t *testing.T) {
	c := credentials{self: "b", secret: testSecret, now: time.Now}
	h := c.hello(laneBulk, "b")
	h.from, h.protocol = "a", protocol-1
	if err := c.fits(&h); err == nil || !strings.Contains(err.Error(), "install the same release") {
		t.Errorf("an older version is told %v", err)
	}
}

// A frame that was changed, repeated or left out on the way ends the connection.
func TestSealedFrames(t *testing.T) {
	c := credentials{self: "b", secret: testSecret, now: time.Now}
	pair := func() (out, in *sealed) {
		out, err := c.seal(nil, []byte("asked"), []byte("answered"), true)
		if err != nil {
			t.Fatal(err)
		}
		in, err = c.seal(nil, []byte("asked"), []byte("answered"), false)
		if err != nil {
			t.Fatal(err)
		}
		return out, in
	}
	out, in := pair()
	stream := out.append(out.append(nil, []byte("one")), []byte("two"))
	r := bytes.NewReader(stream)
	for _, want := range []string{"one", "two"} {
		if got, err := in.read(r, nil); err != nil || string(got) != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	one := len(stream) / 2
	for name, b := range map[string][]byte{
		"changed":  append(append(slices.Clone(stream[:8]), stream[8]^1), stream[9:]...),
		"left out": stream[one:],
		"swapped":  append(slices.Clone(stream[one:]), stream[:one]...),
	} {
		_, in := pair()
		if got, err := in.read(bytes.NewReader(b), nil); err == nil {
			t.Errorf("%s: %q was taken", name, got)
		}
	}
	_, in = pair()
	r = bytes.NewReader(append(slices.Clone(stream[:one]), stream[:one]...))
	if _, err := in.read(r, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := in.read(r, nil); err == nil {
		t.Error("a repeated frame was taken")
	}
}

func TestParseMembers(t *testing.T) {
	for _, test := range []struct{ list, want string }{
		{"a=h:1,b=h:2,c=h:3+witness", ""},
		{"a=h:1", ""},
		{"a=h:1,a=h:2,c=h:3", "listed twice"},
		{"a=h:1,b=h:1,c=h:3", "same address"},
		{"a=h:1,b=h:2", "add a witness"},
		{"b=h:1", "not among the replicas"},
		{"a=h:1+witness", "all replicas are witnesses"},
		{"a", "write it as name=host:port"},
		{"a=h", "no host:port"},
	} {
		_, err := ParseMembers(test.list, "a")
		if (test.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want something with %q", test.list, err, test.want)
		}
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "a")
	c.startAll()
	n := c.nodes[0]
	c.leader()
	c.stop(0)
	if _, err := n.ReadIndex(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close ReadIndex says %v", err)
	}
	if err := n.Accept(1); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close Accept says %v", err)
	}
}

// A member whose folder is older than what it has acknowledged gets the rest, no matter who notices
// first: those who remember (TestOldFolderIsToldLate), or the leader, who just goes on.
func TestOldFolder(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "a", "b", "c")
	c.startAll()
	leader := c.leader()
	add := func(record string) {
		t.Helper()
		if err := c.logs[leader].append(record); err != nil {
			t.Fatal(err)
		}
	}
	add("one")
	c.expect([]string{"one"})
	old := (leader + 1) % 3
	c.stop(old)
	backup := c.logs[old].copy()
	c.start(old)
	add("two")
	c.expect([]string{"one", "two"})
	c.stop(old)
	c.logs[old] = backup
	c.start(old)
	c.eventually(func() bool {
		return c.nodes[old].Status().Commit >= c.nodes[leader].Status().Commit && c.nodes[old].Status().Doubt == ""
	})
	c.leader() // a doubt has moved the group on to another term
	c.expect([]string{"one", "two"})
}

// BenchmarkReplicate is what a change waits for a majority, one after the other and many at
// once: three members in this process, over loopback, without a disk.
func BenchmarkReplicate(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			c := newCluster(b, "a", "b", "c")
			c.startAll()
			log := c.logs[c.leader()]
			record := strings.Repeat("r", 120)
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						index := log.appendAt(record)
						for {
							moved := log.moved.Next()
							if log.committedPast(index) {
								break
							}
							<-moved
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// FuzzFrame: nobody's bytes end a member.
func FuzzFrame(f *testing.F) {
	head := appendHead(nil, frameTell, 0, 1, 2)
	f.Add(sealFrame(told{term: 3, voters: []Peer{{ID: 1, Member: Member{Name: "a", Address: "h:1"}}}}.append(head)))
	f.Add(sealFrame(appendNumber(appendHead(nil, frameAsk, 0, 1, 2), 4)))
	m, _ := appendRaft(appendHead(nil, frameRaft, 0, 1, 2), &raftpb.Message{Type: raftpb.MsgApp.Enum(), From: new(uint64(1)), To: new(uint64(2)), Entries: []*raftpb.Entry{{}}})
	f.Add(sealFrame(append(m, 0)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < frameHead {
			return
		}
		fr, err := parseFrame(sealFrame(slices.Clone(b)))
		if err != nil {
			return
		}
		switch fr.kind {
		case frameTell:
			if told, err := parseTold(fr.body); err == nil {
				again, err := parseTold(told.append(nil))
				if err != nil || again.term != told.term || len(again.voters) != len(told.voters) {
					t.Errorf("%+v became %+v, %v", told, again, err)
				}
			}
		case frameRaft:
			if body, err := parseRaft(fr.body); err == nil && len(body.records) != len(body.message.GetEntries()) {
				t.Error("entries and records differ in number")
			}
		}
	})
}
