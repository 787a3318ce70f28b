package simulate

import (
	"time"

	"isuride/webapp/replica"
)

// trouble is one kind of misfortune, and how often it comes among the others.
type trouble struct {
	weight int
	strike func(w *world, h *host)
}

// beginTrouble chooses what this story suffers from: some kinds of trouble, of all.
func (w *world) beginTrouble() {
	kinds := []trouble{
		{4, (*world).killOne}, {1, (*world).stopOne}, {3, (*world).darken}, {3, (*world).pauseOne},
		{3, (*world).isolate}, {3, (*world).cutOne}, {1, (*world).slowDisk}, {1, (*world).fullDisk},
		{2, (*world).handOver}, {1, (*world).badNetwork},
		{2, (*world).squeeze}, {3, (*world).sleepwalk}, {1, (*world).scramble}, {2, (*world).ballot}, {1, (*world).wipe},
	}
	if w.chance(8) {
		kinds = append(kinds, trouble{2, (*world).blackout})
	}
	chosen := kinds[:0:0]
	for _, k := range kinds {
		if !w.chance(3) {
			chosen = append(chosen, k)
		}
	}
	if len(chosen) == 0 {
		chosen = kinds
	}
	rest := w.between(100*time.Millisecond, time.Second)
	w.after(w.between(600*time.Millisecond, 1200*time.Millisecond), 'x', -1, func() { w.strike(chosen, rest) })
}

// strike lets one come, and the next later.
func (w *world) strike(kinds []trouble, rest time.Duration) {
	if w.quiet {
		return
	}
	if w.now < w.calm {
		w.after(rest, 'x', -1, func() { w.strike(kinds, rest) })
		return
	}
	sum := 0
	for _, k := range kinds {
		sum += k.weight
	}
	n := w.dice.IntN(sum)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			h := w.hosts[w.dice.IntN(len(w.hosts))]
			if leader := w.leader(); leader != nil && w.chance(2) {
				h = leader // where it hurts
			}
			if w.impaired(h) <= len(w.hosts)/2 || w.chance(6) {
				k.strike(w, h)
			}
			break
		}
	}
	w.after(w.between(rest/4, 2*rest), 'x', -1, func() { w.strike(kinds, rest) })
}

// impaired is how many hosts are in trouble, with h among them.
func (w *world) impaired(h *host) (n int) {
	for i, o := range w.hosts {
		cut := false
		for j := range w.hosts {
			cut = cut || w.net.cut[i][j]
		}
		if o == h || !o.alive || o.paused > w.now || cut || w.checks.forgets(o) {
			n++
		}
	}
	return n
}

// later starts a host again.
func (h *host) later(d time.Duration) {
	life := h.life
	h.world.after(d, 'b', h.index, func() {
		if !h.alive && h.life == life {
			h.start()
		}
	})
}

func (w *world) killOne(h *host) {
	if h.alive {
		h.kill()
		h.later(w.between(5*time.Millisecond, 2*time.Second))
	}
}

func (w *world) stopOne(h *host) {
	if h.alive {
		h.stop()
		h.later(w.between(5*time.Millisecond, time.Second))
	}
}

// darken takes the power of one host; at level power also of more.
func (w *world) darken(h *host) {
	if !h.alive || w.Level == Crash && w.impaired(h) > len(w.hosts)/2 {
		return
	}
	h.losePower()
	h.later(w.between(50*time.Millisecond, 2*time.Second))
	if w.Level == Power && w.chance(3) {
		for _, o := range w.hosts {
			if o.alive && w.chance(2) {
				o.losePower()
				o.later(w.between(50*time.Millisecond, 2*time.Second))
			}
		}
	}
}

// wipe gives a host another disk, an empty one, while all others are there.
func (w *world) wipe(h *host) {
	if w.impaired(h) > 1 {
		return
	}
	w.note("%s loses its disk", h.name)
	h.kill()
	h.disk, h.doubt = h.emptyDisk(), ""
	w.checks.outage(h, 0)
	h.later(w.between(5*time.Millisecond, time.Second))
}

// blackout takes the power of all.
func (w *world) blackout(*host) {
	for _, h := range w.hosts {
		if h.alive {
			h.losePower()
			h.later(w.between(50*time.Millisecond, 2*time.Second))
		}
	}
}

// pauseOne stops a process and lets it go on, as SIGSTOP and SIGCONT do.
func (w *world) pauseOne(h *host) {
	if h.alive && h.paused <= w.now {
		h.paused = w.now + w.between(10*time.Millisecond, 3*time.Second)
		w.note("%s is paused until %v", h.name, h.paused)
	}
}

// isolate cuts one host off, wholly or in one direction.
func (w *world) isolate(h *host) {
	w.cutOff(h, w.dice.IntN(3))
	w.after(w.between(50*time.Millisecond, 3*time.Second), 'n', h.index, func() { w.rejoin(h) })
}

// cutOff cuts what comes to a host (0), what goes out (1), or both.
func (w *world) cutOff(h *host, way int) {
	w.note("%s is cut off (%d)", h.name, way)
	for _, o := range w.hosts {
		if o != h {
			w.net.cut[h.index][o.index] = way != 0 || w.net.cut[h.index][o.index]
			w.net.cut[o.index][h.index] = way != 1 || w.net.cut[o.index][h.index]
		}
	}
}

func (w *world) rejoin(h *host) {
	for _, o := range w.hosts {
		w.net.cut[h.index][o.index], w.net.cut[o.index][h.index] = false, false
	}
}

// cutOne cuts one link, in one direction.
func (w *world) cutOne(h *host) {
	o := w.hosts[w.dice.IntN(len(w.hosts))]
	w.net.cut[h.index][o.index] = true
	w.after(w.between(50*time.Millisecond, 3*time.Second), 'n', h.index, func() { w.net.cut[h.index][o.index] = false })
}

func (w *world) slowDisk(h *host) {
	h.slow = w.between(10*time.Millisecond, time.Second)
	w.note("a sync of %s takes %v longer", h.name, h.slow)
	w.after(w.disk(200*time.Millisecond, 3*time.Second), 'd', h.index, func() { h.slow = 0 })
}

// fullDisk leaves no room for another segment, and sometimes for nothing else.
func (w *world) fullDisk(h *host) {
	d := h.disk
	d.setFull(true, w.chance(3))
	w.note("the disk of %s is full, to the brim: %v", h.name, d.brim)
	w.after(w.disk(50*time.Millisecond, 2*time.Second), 'd', h.index, func() { d.setFull(false, false) })
}

// disk is how long a disk is in trouble: mostly that is one trouble of many, but sometimes it goes on
// while nothing else happens, so that only who leads can be why nothing goes on.
func (w *world) disk(low, high time.Duration) time.Duration {
	if !w.chance(3) {
		return w.between(low, high)
	}
	d := 12 * time.Second
	w.calm = w.now + d
	return d
}

// The rest are several strikes that belong together: what needs luck to be found otherwise.

// squeeze lets entries be acknowledged by the leader and one other member alone, which then
// loses its power; the leader dies, and who knew nothing comes back.
func (w *world) squeeze(*host) {
	leader := w.leader()
	if leader == nil || w.impaired(leader) > 1 {
		return
	}
	others := w.othersThan(leader)
	witness, rest := others[0], others[1:]
	w.note("squeeze: %s leads, %s alone knows", leader.name, witness.name)
	for _, o := range rest[:len(w.hosts)/2] {
		w.cutOff(o, 0)
	}
	w.after(w.between(50*time.Millisecond, 150*time.Millisecond), 'x', -1, func() {
		if witness.alive {
			witness.losePower()
			witness.later(5 * time.Millisecond)
		}
		if leader.alive {
			leader.kill()
			leader.later(w.between(2*time.Second, 4*time.Second))
		}
		for _, o := range rest {
			w.rejoin(o)
		}
	})
	if w.chance(2) { // in doubt, it is killed once more
		w.after(w.between(200*time.Millisecond, 300*time.Millisecond), 'x', -1, func() {
			if witness.alive {
				witness.kill()
				witness.later(5 * time.Millisecond)
			}
		})
	}
}

// othersThan are all other hosts, in an order of chance.
func (w *world) othersThan(h *host) (others []*host) {
	for _, o := range w.hosts {
		if o != h {
			others = append(others, o)
		}
	}
	w.dice.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	return others
}

// sleepwalk cuts the leader off and pauses it, so that it wakes up without anybody to tell it
// that another one leads.
func (w *world) sleepwalk(*host) {
	leader := w.leader()
	if leader == nil || w.impaired(leader) > 1 {
		return
	}
	w.note("%s sleepwalks", leader.name)
	w.cutOff(leader, 2)
	leader.paused = w.now + w.between(500*time.Millisecond, 1200*time.Millisecond)
	w.after(w.between(1500*time.Millisecond, 3*time.Second), 'n', leader.index, func() { w.rejoin(leader) })
}

// scramble kills one process after the other while votes are late.
func (w *world) scramble(*host) {
	w.net.late = 300
	n := 3 + w.dice.IntN(10)
	var next func()
	next = func() {
		if n--; n < 0 || w.quiet {
			w.net.late = 5
			return
		}
		h := w.hosts[w.dice.IntN(len(w.hosts))]
		if h.alive {
			h.kill()
			h.later(w.between(time.Millisecond, 30*time.Millisecond))
		}
		w.after(w.between(20*time.Millisecond, 400*time.Millisecond), 'x', -1, next)
	}
	next()
}

// ballot has a host vote and forget everything but what is on its disk, and then asks it for its
// vote once more, in the same term: two candidates who do not hear of each other need it.
func (w *world) ballot(*host) {
	leader := w.leader()
	if leader == nil || len(w.hosts) != 3 || w.impaired(leader) > 1 {
		return
	}
	others := w.othersThan(leader)
	w.note("ballot: %s votes, %s and %s want to lead", leader.name, others[0].name, others[1].name)
	for i, o := range others {
		w.net.cut[o.index][others[1-i].index] = true
	}
	leader.kill()
	leader.later(time.Millisecond)
	leader.disk.voted = func(vote uint64) {
		// Its answer arrives, and nothing else of the new leader.
		winner := w.hostOf(vote)
		w.net.cut[winner.index][leader.index] = true
		w.after(2*time.Millisecond, 'x', -1, func() {
			leader.kill()
			leader.later(time.Millisecond)
		})
		w.after(time.Second, 'n', winner.index, func() { w.rejoin(winner) })
	}
}

// handOver moves the leadership on purpose.
func (w *world) handOver(*host) {
	if leader := w.leader(); leader != nil && leader.paused <= w.now {
		w.note("%s hands over", leader.name)
		_ = leader.core.Transfer(0)
		leader.pump()
	}
}

// badNetwork has more frames lost, repeated and late for a while.
func (w *world) badNetwork(*host) {
	w.net.lost, w.net.repeated, w.net.late = 100, 100, 150
	w.after(w.between(200*time.Millisecond, 2*time.Second), 'n', -1, func() { w.net.lost, w.net.repeated, w.net.late = 2, 2, 5 })
}

// heal ends all trouble: every host runs.
func (w *world) heal() {
	w.note("all heals")
	w.quiet = true
	w.net.heal()
	for _, h := range w.hosts {
		h.slow = 0
		h.disk.setFull(false, false)
		if h.alive && h.paused > w.now {
			h.paused = w.now
		}
		if !h.alive && w.broken == nil {
			h.start()
		}
	}
}

var _ replica.Log = (*volume)(nil)
