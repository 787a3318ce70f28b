package metrics

import "isuride/webapp/engine"

// replica sends the figures of a member of a group; a server alone has none.
func (s sink) replica(r *engine.ReplicaStats) {
	if r == nil {
		return
	}
	s.gauge(replicaRole, 1, roleOf(r))
	s.gauge(replicaTerm, float64(r.Term))
	s.gauge(replicaDoubt, truth(r.Doubt != ""))
	s.gauge(replicaLeader, truth(r.Leader != 0))
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

// truth is 1 for what holds.
func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
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
