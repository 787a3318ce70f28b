package rules

import (
	"strings"

	"isuride/bench/verify/probe"
)

// steps are the statuses of one ride from one to another, inclusive.
func steps(r *ride, from, to string) []probe.Step {
	var all []probe.Step
	started := false
	for _, s := range []string{probe.Matching, probe.Enroute, probe.Pickup, probe.Carrying, probe.Arrived, probe.Completed} {
		started = started || s == from
		if started {
			all = append(all, probe.Step{Ride: r.id, Status: s})
		}
		if s == to {
			break
		}
	}
	return all
}

// sequence shows steps; rides are told apart by letters in the order of their appearance.
func sequence(all []probe.Step) string {
	if len(all) == 0 {
		return "nothing"
	}
	letters := map[string]string{}
	var parts []string
	for _, s := range all {
		if letters[s.Ride] == "" {
			letters[s.Ride] = string(rune('A' + len(letters)))
		}
		parts = append(parts, s.Status+"("+letters[s.Ride]+")")
	}
	return strings.Join(parts, " ")
}

// onlyRide leaves out other rides, which a chair may have been sent to after this one.
func onlyRide(all []probe.Step, r *ride) []probe.Step {
	var own []probe.Step
	for _, s := range all {
		if s.Ride == r.id {
			own = append(own, s)
		}
	}
	return own
}

// seen is a status on one of the two kinds of streams, and unseen holds those that never
// come: smoke has found out.
type (
	seen   struct{ path, status string }
	unseen map[seen]bool
)

// covers says whether all wanted steps are among those received, in order. What never
// comes is not missed.
func (t *trial) covers(s *probe.Stream, wanted []probe.Step) bool {
	wanted = t.possible(s, wanted)
	for _, x := range s.Statuses() {
		if len(wanted) > 0 && wanted[0] == x {
			wanted = wanted[1:]
		}
	}
	return len(wanted) == 0
}

// possible leaves out what never comes.
func (t *trial) possible(s *probe.Stream, wanted []probe.Step) []probe.Step {
	var all []probe.Step
	for _, x := range wanted {
		if !t.unseen[seen{s.Path, x.Status}] {
			all = append(all, x)
		}
	}
	return all
}

// delivered is the latest status up to a given one that comes at all.
func (t *trial) delivered(s *probe.Stream, r *ride, status string) string {
	all := t.possible(s, steps(r, probe.Matching, status))
	if len(all) == 0 {
		return status
	}
	return all[len(all)-1].Status
}

// inOrder says whether the statuses seen are those wanted, in their order. One that never
// came is judged elsewhere; this is about those that came at a wrong time or again.
func inOrder(seen, wanted []probe.Step) bool {
	i := 0
	for _, s := range seen {
		for i < len(wanted) && wanted[i] != s {
			i++
		}
		if i == len(wanted) {
			return false
		}
		i++
	}
	return true
}
