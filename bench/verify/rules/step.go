package rules

import (
	"strings"

	"isuride/bench/verify/probe"
)

// steps lists the statuses of a ride from one to another, inclusive.
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

// sequence shows steps, with letters for the rides in order of appearance.
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

// onlyRide leaves out other rides, to which a chair may have been sent after this one.
func onlyRide(all []probe.Step, r *ride) []probe.Step {
	var own []probe.Step
	for _, s := range all {
		if s.Ride == r.id {
			own = append(own, s)
		}
	}
	return own
}

// seen is a status on one of the two kinds of streams. unseen holds those that never
// come, as smoke found out.
type (
	seen   struct{ path, status string }
	unseen map[seen]bool
)

// covers reports whether the wanted steps were received, in order, apart from those that
// never come.
func (t *trial) covers(s *probe.Stream, wanted []probe.Step) bool {
	wanted = t.possible(s, wanted)
	for _, x := range s.Statuses() {
		if len(wanted) > 0 && wanted[0] == x {
			wanted = wanted[1:]
		}
	}
	return len(wanted) == 0
}

// possible leaves out steps that never come.
func (t *trial) possible(s *probe.Stream, wanted []probe.Step) []probe.Step {
	var all []probe.Step
	for _, x := range wanted {
		if !t.unseen[seen{s.Path, x.Status}] {
			all = append(all, x)
		}
	}
	return all
}

// delivered is the latest status, up to the given one, that ever comes.
func (t *trial) delivered(s *probe.Stream, r *ride, status string) string {
	all := t.possible(s, steps(r, probe.Matching, status))
	if len(all) == 0 {
		return status
	}
	return all[len(all)-1].Status
}

// inOrder reports whether no status came at a wrong time or again. Missing ones are
// judged elsewhere.
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
