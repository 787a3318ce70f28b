package replica

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// A leader is no better than its own disk: nothing that it takes is safe, or can be taken at all,
// before that has room and is done. Everybody would suffer from a disk that one member has, so such
// a leader hands over, and such a member does not stand for election. It votes, and follows as well
// as it can.
//
//   - Records are refused, or wait for the disk to make room: after roomTicks.
//   - A write hangs: after stallTicks.
//   - A majority of others has had each entry for slowTicks before the leader's own disk has it, in
//     more than a third of the time (slowTime): the disk works, and all would be faster without it. Where every
//     disk is as slow, or the leader's is needed for a majority, nothing would be won.
//   - There is no room for another segment, which each term begins: the member does not stand.
//     Who leads goes on, for as long as what there is lasts; it may be the same for all.
//   - The log has stopped for good, as after a sync that failed: the member ends. The one that
//     has most is told first, so that nobody has to miss this one before.
//
// A slow disk may lead once more, when the one who leads next is lost; then it goes again. Rejected:
// to remember that a disk was slow. It is most often somebody else's load on the same machine, which
// ends, and a group in which all have been slow once would have no leader.
//
// Nothing of this is about safety: a member that is told to stand has to be elected.
type fitness struct {
	room   Room
	hungry int    // ticks for which records have found no room
	slow   int    // twice the ticks in which only the own disk was waited for, less those in which it was not
	rest   uint64 // tick before which it is not tried again to hand over
	failed uint64 // who has not taken over last, 0 for nobody
}

// Found by TestUnfitLeader and TestSeeds, except for slowTicks, which is the longest that a disk
// in good health takes for a sync once in a while.
const (
	roomTicks  = 4
	stallTicks = 2 * electionTicks
	slowTicks  = 2
	slowTime   = 80
	restTicks  = electionTicks
)

// fit says whether the member may stand for election.
func (c *Core) fit() bool { return c.fitness.room != Scarce && c.fitness.hungry < roomTicks }

func (f *fitness) String() string {
	switch {
	case f.hungry >= roomTicks:
		return "its disk has no room for more records"
	case f.room == Scarce:
		return "its disk has no room for another segment of the log"
	case f.slow >= slowTime:
		return "its disk is slower than those of the others"
	}
	return ""
}

// lookAtDisk comes with each tick.
func (c *Core) lookAtDisk() {
	f := &c.fitness
	was := f.String()
	if f.room == Ample || c.ticks%roomTicks == 0 { // the disk is tried again
		var err error
		if f.room, err = c.log.Room(); err != nil {
			c.fail(err)
			return
		}
	}
	if f.hungry = min(f.hungry+1, roomTicks); f.room != NoRoom && c.written == len(c.writes) {
		f.hungry = 0
	}
	if c.waitsForItself() {
		f.slow = min(f.slow+2, slowTime)
	} else {
		f.slow = max(f.slow-1, 0)
	}
	if is := f.String(); is != was {
		c.logger.Warn("replica: whether this server should lead has changed", "unfit", is)
	}
}

// waitsForItself says of a leader that an entry waits for nothing but the own disk, and has done so
// for a while.
func (c *Core) waitsForItself() bool {
	if !c.ready() || c.written == 0 || c.now()-c.stalled < slowTicks*c.tick {
		return false
	}
	others, first := 0, c.writes[0].upTo
	c.node.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		if id != c.self && !pr.IsLearner && pr.Match >= first {
			others++
		}
	})
	return others > len(c.state.Voters)/2
}

// handOverIfUnfit has a leader go that keeps nothing but the log, or whose disk is in its way.
func (c *Core) handOverIfUnfit() {
	f := &c.fitness
	if !c.leads() || c.handing || c.ticks < f.rest {
		return
	}
	stalled := len(c.writes) > 0 && c.now()-c.stalled > stallTicks*c.tick
	if f.hungry < roomTicks && f.slow < slowTime && !stalled && !(c.ready() && c.isWitness(c.self)) {
		return
	}
	to := c.best()
	if to == 0 || c.isWitness(to) {
		return
	}
	f.rest, f.failed = c.ticks+restTicks, to // unless this is the end of the term
	if !c.ready() {
		c.order(to)
		return
	}
	c.logger.Warn("replica: this server hands over", "to", to, "unfit", f.String(), "disk hangs", stalled)
	f.slow = 0
	c.handOver(to)
}

// order has a member stand for election at once, whether it has everything or not: who has more does
// not vote for it.
func (c *Core) order(to uint64) {
	c.reads.forbidLease(c.term)
	c.sendFrame(&raftpb.Message{Type: raftpb.MsgTimeoutNow.Enum(), To: new(to), From: new(c.self), Term: new(c.term)}, Outgoing{})
}
