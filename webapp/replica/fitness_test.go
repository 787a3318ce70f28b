package replica

import (
	"errors"
	"fmt"
	"testing"
)

// open has the leader take records.
func (g *table) open() (leader int) {
	g.t.Helper()
	leader, _ = g.leader()
	if err := g.cores[leader].Accept(g.cores[leader].term); err != nil {
		g.t.Fatal(err)
	}
	return leader
}

// leads is who leads now, -1 for nobody.
func (g *table) leads() int {
	for i, c := range g.cores {
		if c != nil && c.ready() {
			return i
		}
	}
	return -1
}

// Without room for another segment nobody stands for election, or takes over; its vote counts all the
// same, and it stands again once there is room.
func TestScarceMemberDoesNotStand(t *testing.T) {
	for range 10 { // who is first to stand is a matter of luck
		g := newTable(t, "a", "b", "c")
		leader := g.open()
		scarce, other := (leader+1)%3, (leader+2)%3
		g.logs[scarce].room = Scarce
		g.tick()
		if err := g.cores[leader].Transfer(IDOf(g.members[scarce].Name)); err != nil {
			t.Fatal(err)
		}
		for range 3 * electionTicks {
			g.tick()
		}
		if got := g.leads(); got != leader {
			t.Fatalf("%d leads after a hand-over to a member without room, want %d", got, leader)
		}
		g.kill(leader)
		for range 4 * electionTicks {
			g.tick()
		}
		if got := g.leads(); got != other {
			t.Fatalf("%d leads after the loss of the leader, want %d, with the vote of %d", got, other, scarce)
		}
		g.logs[scarce].room = Ample
		g.kill(other)
		g.start(leader, "")
		for range 40 * electionTicks {
			g.tick()
		}
		if g.leads() < 0 {
			t.Fatal("nobody leads although there is room again")
		}
	}
}

// A member that cannot store its state is as good as silent, though its log has room: it says so.
func TestMemberWithoutRoomForItsState(t *testing.T) {
	g := newTable(t, "a", "b", "c")
	leader := g.open()
	mute, other := (leader+1)%3, (leader+2)%3
	g.logs[mute].mute = true
	if err := g.cores[leader].Transfer(IDOf(g.members[other].Name)); err != nil {
		t.Fatal(err)
	}
	for range 2 * roomTicks {
		g.tick()
	}
	if g.leads() != other || g.cores[mute].fit() {
		t.Errorf("%d leads, want %d; the member that took no part in that would stand: %v", g.leads(), other, g.cores[mute].fit())
	}
	g.logs[mute].mute = false
	for range 2 * roomTicks {
		g.tick()
	}
	if c := g.cores[mute]; !c.fit() || c.last != g.cores[other].last {
		t.Errorf("with room it has %d of %d entries, and would stand: %v", c.last, g.cores[other].last, c.fit())
	}
}

// A leader that has no room for the first entry of its term has others lead: it cannot, and as long
// as they hear of it nobody else would.
func TestLeaderWithoutRoomForItsFirstEntry(t *testing.T) {
	for _, apart := range []bool{false, true} {
		g := newTable(t, "a", "b", "c")
		leader := g.open()
		for range 3 {
			_ = g.logs[leader].append("record")
			g.cores[leader].Grown()
			g.settle()
		}
		next := (leader + 1) % 3
		g.logs[next].full = true
		if err := g.cores[leader].Transfer(IDOf(g.members[next].Name)); err != nil {
			t.Fatal(err)
		}
		if apart { // its state has room
			g.logs[next].roomy = true
		}
		g.settle()
		if c := g.cores[next]; !c.leads() || c.ready() {
			t.Fatalf("the next leader, without room: %+v", c.Standing())
		}
		for range roomTicks + 4 {
			g.tick()
		}
		if got := g.leads(); got < 0 || got == next {
			t.Errorf("%d leads; %d has no room", got, next)
		}
	}
}

// A leader that loses nothing by its scarce room goes on.
func TestScarceLeaderGoesOn(t *testing.T) {
	g := newTable(t, "a", "b", "c")
	leader := g.open()
	g.logs[leader].room = Scarce
	for range 4 * stallTicks {
		g.tick()
	}
	if got := g.leads(); got != leader {
		t.Errorf("%d leads, want %d", got, leader)
	}
}

// load appends a record with each tick, and has the disks of some be durable every so many ticks.
func (g *table) load(ticks int, every []int) {
	g.t.Helper()
	marks := make([]uint64, len(g.logs))
	for i, l := range g.logs {
		if every[i] > 1 {
			l.synced = func() uint64 { return marks[i] }
		}
	}
	for n := range ticks {
		leader := g.leads()
		if leader >= 0 && g.cores[leader].open {
			_ = g.logs[leader].append(fmt.Sprint(n))
			g.cores[leader].Grown()
			g.settle()
		}
		for i, l := range g.logs {
			if n%every[i] == 0 {
				marks[i] = l.Last()
				g.cores[i].Synced()
				g.settle()
			}
		}
		g.tick()
	}
}

// A leader whose disk alone is slow hands over; one whose disk is no slower than the others', or is
// needed, leads on.
func TestSlowLeader(t *testing.T) {
	for name, test := range map[string]struct {
		own, others int
		goes        bool
	}{
		"slow":      {own: 8, others: 1, goes: true},
		"all":       {own: 8, others: 8},
		"not very":  {own: 3, others: 1},
		"they are":  {own: 1, others: 8},
		"all hang":  {own: 16, others: 16},
		"one hangs": {own: 400, others: 1, goes: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newTable(t, "a", "b", "c")
			leader := g.open()
			every := []int{test.others, test.others, test.others}
			every[leader] = test.own
			g.load(6*slowTime, every)
			if gone := g.leads() != leader; gone != test.goes {
				t.Errorf("the leader has gone: %v, want %v", gone, test.goes)
			}
		})
	}
}

// A log that has stopped ends its member, and who leads has another one elected at once.
func TestStoppedLog(t *testing.T) {
	g := newTable(t, "a", "b", "c")
	leader := g.open()
	broken := errors.New("a sync has failed")
	g.logs[leader].broken = broken
	g.tick()
	if err := g.cores[leader].Err(); !errors.Is(err, broken) {
		t.Fatalf("the member has ended with %v", err)
	}
	g.tick() // without a word it would take electionTicks at least
	if got := g.leads(); got < 0 || got == leader {
		t.Errorf("%d leads right after the log of %d has stopped", got, leader)
	}
}

// A vote that finds no room on the disk is not given, and is given once there is room.
func TestVoteWithoutRoom(t *testing.T) {
	g := newTable(t, "a", "b", "c")
	leader := g.open()
	voter, other := (leader+1)%3, (leader+2)%3
	g.logs[voter].full = true
	g.kill(leader)
	for range 6 * electionTicks {
		g.tick()
	}
	if got := g.leads(); got >= 0 || g.logs[voter].refused == 0 {
		t.Fatalf("%d leads by a vote that was not stored", got)
	}
	g.logs[voter].full = false
	for range 6 * electionTicks {
		g.tick()
	}
	if got := g.leads(); got < 0 || g.logs[voter].state.Term != g.cores[got].term {
		t.Errorf("%d leads, of %d and %d", got, voter, other)
	}
}
