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
	way := w.dice.IntN(3)
	w.note("%s is cut off (%d)", h.name, way)
	for _, o := range w.hosts {
		if o != h {
			w.net.cut[h.index][o.index] = way != 0 || w.net.cut[h.index][o.index]
			w.net.cut[o.index][h.index] = way != 1 || w.net.cut[o.index][h.index]
		}
	}
	w.after(w.between(50*time.Millisecond, 3*time.Second), 'n', h.index, func() { w.rejoin(h) })
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
	w.after(w.between(200*time.Millisecond, 3*time.Second), 'd', h.index, func() { h.slow = 0 })
}

func (w *world) fullDisk(h *host) {
	d := h.disk
	d.full = true
	w.after(w.between(50*time.Millisecond, 2*time.Second), 'd', h.index, func() { d.full = false })
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
		h.disk.full, h.slow = false, 0
		if h.alive && h.paused > w.now {
			h.paused = w.now
		}
		if !h.alive && w.broken == nil {
			h.start()
		}
	}
}

var _ replica.Log = (*volume)(nil)
