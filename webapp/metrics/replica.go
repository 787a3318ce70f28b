package metrics

import "isuride/webapp/engine"

// replica sends the figures of a member of a group; a server alone has none.
func (s sink) replica(r *engine.ReplicaStats) {
	if r == nil {
		return
	}
	s.gauge(replicaRole, 1, roleOf(r))
	s.gauge(replicaTerm, float64(r.Term))
	known := 0.
	if r.Leader != 0 {
		known = 1
	}
	s.gauge(replicaLeader, known)
	s.gauge(replicaCommitted, float64(r.Committed))
	s.gauge(replicaLag, float64(r.Lag))
	s.histogram(replicaBehind, &r.Behind)
	s.histogram(replicaWait, &r.Waits)
	s.counter(replicaChanges, float64(r.Promotions), "promoted")
	s.counter(replicaChanges, float64(r.Depositions), "deposed")
	s.gauge(replicaPromotion, r.Took.Seconds())
	s.counter(replicaHashes, float64(r.Equal), "equal")
	s.counter(replicaHashes, float64(r.Different), "different")
	if r.Leads {
		for _, p := range r.Peers {
			s.gauge(replicaPeerBehind, float64(p.Behind), p.Name)
		}
	}
}

func roleOf(r *engine.ReplicaStats) string {
	switch {
	case r.Leads:
		return "leader"
	case r.Witness:
		return "witness"
	case r.Role.String() == "follower":
		return "standby"
	}
	return r.Role.String()
}
