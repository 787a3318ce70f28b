package replica

import (
	"context"
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// raftFollower is what a member is before it has heard of anything.
var raftFollower = raft.SoftState{RaftState: raft.StateFollower}

// Standing returns where the member stands now. It does not allocate.
func (c *Core) Standing() Standing {
	return Standing{Role: c.role(), Term: c.term, Leader: c.soft.Lead, Ready: c.ready(), Open: c.open, Handing: c.handing, Last: c.last, Commit: c.commit}
}

// Status returns what the member knows now.
func (c *Core) Status() Status {
	s := Status{Standing: c.Standing(), Doubt: c.doubt.reason, Lost: c.doubt.lost, Unfit: c.fitness.String()}
	if s.Commit > 0 {
		s.Committed, _ = c.log.End(s.Commit) // 0 only if the log has just been emptied
	}
	end, _ := c.log.End(c.log.Last())
	progress := c.progress()
	for _, voter := range []bool{true, false} {
		peers := c.state.Voters
		if !voter {
			peers = c.state.Learners
		}
		for _, p := range peers {
			if p.ID != c.self {
				s.Peers = append(s.Peers, c.peerStatus(p, voter, progress, end))
			}
		}
	}
	return s
}

func (c *Core) peerStatus(p Peer, voter bool, progress map[uint64]tracker.Progress, end uint64) PeerStatus {
	s := PeerStatus{Peer: p, Voter: voter, Installing: c.installing[p.ID]}
	if at, heard := c.active[p.ID]; heard {
		s.Active = c.ticks-at <= electionTicks
	}
	if pr, known := progress[p.ID]; known {
		s.Match = pr.Match
		there, _ := c.log.End(pr.Match) // an entry that has gone counts as all
		s.Behind = end - min(there, end)
	}
	return s
}

// progress is what a leader knows of the others, nil for who does not lead.
func (c *Core) progress() map[uint64]tracker.Progress {
	if !c.leads() || c.err != nil {
		return nil
	}
	progress := map[uint64]tracker.Progress{}
	c.node.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) { progress[id] = pr })
	return progress
}

func (c *Core) role() Role {
	switch {
	case c.leads():
		return Leader
	case c.doubt.reason != "" || !c.state.has(c.self):
		return Learner
	case c.soft.RaftState == raft.StateCandidate || c.soft.RaftState == raft.StatePreCandidate:
		return Candidate
	}
	return Follower
}

// raftLogger has the library write to our log: its steps are for those who look for a fault.
type raftLogger struct{ *slog.Logger }

func (l raftLogger) say(level slog.Level, format string, args []any) {
	if l.Enabled(context.Background(), level) {
		l.Log(context.Background(), level, fmt.Sprintf(format, args...))
	}
}

func (l raftLogger) Debug(v ...any)              { l.say(slog.LevelDebug, "%s", []any{fmt.Sprint(v...)}) }
func (l raftLogger) Debugf(f string, v ...any)   { l.say(slog.LevelDebug, f, v) }
func (l raftLogger) Info(v ...any)               { l.say(slog.LevelDebug, "%s", []any{fmt.Sprint(v...)}) }
func (l raftLogger) Infof(f string, v ...any)    { l.say(slog.LevelDebug, f, v) }
func (l raftLogger) Warning(v ...any)            { l.say(slog.LevelInfo, "%s", []any{fmt.Sprint(v...)}) }
func (l raftLogger) Warningf(f string, v ...any) { l.say(slog.LevelInfo, f, v) }
func (l raftLogger) Error(v ...any)              { l.say(slog.LevelError, "%s", []any{fmt.Sprint(v...)}) }
func (l raftLogger) Errorf(f string, v ...any)   { l.say(slog.LevelError, f, v) }
func (l raftLogger) Fatal(v ...any)              { panic(fmt.Sprint(v...)) }
func (l raftLogger) Fatalf(f string, v ...any)   { panic(fmt.Sprintf(f, v...)) }
func (l raftLogger) Panic(v ...any)              { panic(fmt.Sprint(v...)) }
func (l raftLogger) Panicf(f string, v ...any)   { panic(fmt.Sprintf(f, v...)) }
