package simulate

import "time"

// network is between all hosts. Riders use another, which only delays.
type network struct {
	world *world
	cut   [][]bool // from, to
	// Of a thousand frames, so many are lost, repeated, or late.
	lost, repeated, late int
}

func newNetwork(w *world, hosts int) network {
	n := network{world: w, lost: 2, repeated: 2, late: 5}
	for range hosts {
		n.cut = append(n.cut, make([]bool, hosts))
	}
	return n
}

// delay is how long a frame is on its way: mostly a quick network, sometimes a queue in it.
func (n *network) delay() time.Duration {
	d := n.world.between(50*time.Microsecond, 600*time.Microsecond)
	if n.world.dice.IntN(1000) < n.late {
		d += n.world.between(time.Millisecond, 600*time.Millisecond)
	}
	return d
}

// send sends a copy of a frame, which may come never, once or twice; whatever comes later is
// not in the order of sending.
func (n *network) send(from, to *host, frame []byte, image *image) {
	w := n.world
	w.mix(uint64(len(frame))<<8 | uint64(to.index))
	w.mix(uint64(frame[0]) | uint64(frame[1])<<8 | uint64(frame[2])<<16 | uint64(frame[3])<<24)
	copies := 1
	switch d := w.dice.IntN(1000); {
	case n.cut[from.index][to.index] || d < n.lost:
		copies = 0
	case d < n.lost+n.repeated:
		copies = 2
	}
	for range copies {
		carried := append([]byte(nil), frame...)
		delay := n.delay()
		if image != nil {
			delay += time.Duration(len(image.events)) * time.Microsecond
		}
		w.after(delay, 'f', to.index, func() { to.receive(carried, image) })
	}
	if image != nil {
		from.after(5*time.Millisecond, 'i', func() { from.core.ImageSent(to.id, copies > 0) })
	}
}

// heal ends all trouble.
func (n *network) heal() {
	for _, row := range n.cut {
		clear(row)
	}
	n.lost, n.repeated, n.late = 0, 0, 0
}
