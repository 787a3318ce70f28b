package simulate

import (
	"errors"
	"fmt"
	"time"

	"isuride/webapp/replica"
)

const tick = 25 * time.Millisecond

// host is a machine with one member of the group.
type host struct {
	world *world
	index int
	name  string
	id    uint64
	disk  *volume

	witness   bool // it keeps nothing but the log
	alive     bool
	life      int // of the process; what an earlier one has scheduled does not happen
	paused    time.Duration
	doubt     string        // what the next process learns of the end of this one
	since     time.Duration // start of the process
	pace      time.Duration // between two ticks
	skew      time.Duration // of the clock on the wall
	slow      time.Duration // a sync takes so much longer
	slowSince time.Duration // on its own clock
	seek      time.Duration // of its disk, for each sync
	syncedAt  time.Duration // the last sync in the background
	forgot    window        // what it may have forgotten, while it is forgetful
	forgetful bool          // see checks.forgets
	syncing   bool
	wants     bool          // another sync after this one
	hindering time.Duration // for how long its disk has been in everybody's way, see checks.fit

	core    *replica.Core
	server  *server
	tickets uint64
}

func (h *host) emptyDisk() *volume {
	return &volume{level: h.world.Level, flaw: h.world.Flaw, segment: h.world.segment, host: h, images: map[string]*image{}, incoming: map[string]*image{}}
}

// after schedules something for the process that runs now. A paused process does it when it
// goes on.
func (h *host) after(d time.Duration, what byte, do func()) {
	life := h.life
	var wake func()
	wake = func() {
		switch {
		case h.life != life || !h.alive:
		case h.paused > h.world.now:
			h.world.after(h.paused-h.world.now, what, h.index, wake)
		default:
			do()
			h.pump()
		}
	}
	h.world.after(d, what, h.index, wake)
}

// start begins a process.
func (h *host) start() {
	w := h.world
	h.alive, h.paused, h.since = true, 0, w.now
	h.life++
	h.disk.reopen()
	doubt := h.doubt
	if w.Flaw == DoubtIgnored {
		doubt = ""
		h.disk.state.Commit = min(h.disk.state.Commit, h.disk.Last())
	}
	h.doubt = ""
	var images replica.Snapshots
	if !h.witness {
		images = h.disk
	}
	core, err := replica.NewCore(replica.CoreOptions{
		Self: h.name, Members: w.members(), Log: h.disk, Images: images, Doubt: doubt,
		Now: h.clock, Tick: tick, Nonce: w.dice.Uint64(), Logger: w.logger(h.name),
	})
	if errors.Is(err, replica.ErrNoRoom) {
		h.giveUp()
		return
	}
	if err != nil {
		w.breach("%s does not start: %v", h.name, err)
		return
	}
	h.core, h.syncing, h.wants = core, false, false
	h.server = newServer(h)
	w.note("%s starts (%s)", h.name, doubt)
	if core.Standing().Role == replica.Learner && h.disk.hasState {
		w.result.Doubts++
	}
	h.after(h.pace, 't', h.tick)
	if h.disk.level == Crash {
		h.after(100*time.Millisecond, 's', h.background)
	}
	h.pump()
}

// clock is monotonic, and runs as fast as the machine's ticks do.
func (h *host) clock() time.Duration {
	now := time.Duration(float64(h.world.now) * float64(tick) / float64(h.pace))
	if h.world.Flaw == LeaseTooLong {
		now /= 100
	}
	if h.world.Flaw == SlownessUnseen && h.slow > 0 {
		return h.slowSince
	}
	h.slowSince = now
	return now
}

func (h *host) tick() {
	h.core.Tick()
	h.server.tick()
	h.world.checks.fit(h)
	h.after(h.pace, 't', h.tick)
}

// receive takes a frame from the network; a dead process does not.
func (h *host) receive(frame []byte, image *image) {
	if !h.alive {
		return
	}
	life := h.life
	if h.paused > h.world.now {
		h.world.after(h.paused-h.world.now, 'f', h.index, func() {
			if h.life == life {
				h.receive(frame, image)
			}
		})
		return
	}
	if image != nil {
		h.disk.incoming[image.Name] = image
	}
	if err := h.core.Receive(frame); err != nil {
		h.world.breach("%s refuses a frame: %v", h.name, err)
	}
	h.pump()
}

// pump does what the core wants done, and has the server follow it.
func (h *host) pump() {
	w := h.world
	for h.alive && w.broken == nil {
		h.server.follow()
		frames, confirmed := h.core.TakeFrames(), h.core.TakeConfirmed()
		for _, f := range frames {
			if to := w.hostOf(f.To); to != nil {
				var carried *image
				if f.Image != "" {
					carried = h.disk.images[f.Image]
					w.result.Snapshots++
				}
				w.net.send(h, to, f.Frame, carried)
			}
			h.core.Recycle(f.Frame)
		}
		for _, c := range confirmed {
			h.server.confirmed(c)
		}
		err := h.core.Err()
		if errors.Is(err, replica.ErrNoRoom) {
			h.giveUp()
			return
		}
		if err != nil && !errors.Is(err, replica.ErrClosed) {
			w.breach("%s has ended: %v", h.name, err)
			return
		}
		if len(frames) == 0 && len(confirmed) == 0 {
			return
		}
	}
}

// giveUp ends a process that has no room for what it must not forget. It is started again.
func (h *host) giveUp() {
	h.kill()
	h.later(500 * time.Millisecond)
}

// wrote has what was written synced, at level power.
func (h *host) wrote() {
	if h.disk.level != Power || h.core == nil {
		return
	}
	if h.syncing {
		h.wants = true
		return
	}
	h.sync()
}

func (h *host) sync() {
	h.syncing, h.wants = true, false
	h.disk.log.BeginSync()
	h.after(h.slow+h.seek+h.world.between(50*time.Microsecond, time.Millisecond), 's', func() {
		if err := h.disk.log.EndSync(); err != nil {
			h.world.breach("the journal of %s: %v", h.name, err)
		}
		h.core.Synced() // which may write, and must not begin a sync beside this one: a slow disk would be a fast one
		h.syncing = false
		if h.wants || h.disk.durable() < h.disk.Last() {
			h.sync()
		}
	})
}

// background syncs every 100 ms, at level crash.
func (h *host) background() {
	if err := h.disk.log.Sync(); err != nil {
		h.world.breach("the journal of %s: %v", h.name, err)
	}
	h.syncedAt = h.world.now
	h.after(100*time.Millisecond, 's', h.background)
}

// kill ends the process; what was written stays.
func (h *host) kill() {
	if !h.alive {
		return
	}
	h.world.note("%s is killed", h.name)
	h.server.end()
	h.alive = false
	h.life++
	h.world.result.Kills++
}

// stop ends the process in an orderly way.
func (h *host) stop() {
	if h.paused > h.world.now {
		h.kill()
		return
	}
	h.world.note("%s is stopped", h.name)
	h.server.end()
	if err := h.core.Stop(); err != nil && !errors.Is(err, replica.ErrClosed) && !errors.Is(err, replica.ErrNoRoom) {
		h.world.breach("%s does not stop: %v", h.name, err)
	}
	h.disk.stop()
	h.alive = false
	h.life++
}

// losePower ends the machine.
func (h *host) losePower() {
	w := h.world
	if h.alive {
		h.server.end()
	}
	h.alive = false
	h.life++
	lost := h.disk.losePower()
	if h.disk.level == Crash {
		h.doubt = "the machine lost its power"
		w.checks.outage(h, h.syncedAt)
	}
	w.result.Outages++
	w.note("%s loses its power (records lost: %v)", h.name, lost)
}

func (w *world) hostOf(id uint64) *host {
	for _, h := range w.hosts {
		if h.id == id {
			return h
		}
	}
	return nil
}

func (w *world) members() (list []replica.Member) {
	for _, h := range w.hosts {
		list = append(list, replica.Member{Name: h.name, Address: fmt.Sprintf("127.0.0.1:%d", 1000+h.index), Witness: h.witness})
	}
	return list
}

// begin makes the hosts and the riders.
func (w *world) begin(members int) {
	w.net = newNetwork(w, members)
	w.checks.world = w
	seek := time.Duration(0)
	if w.chance(2) {
		seek = w.between(0, 50*time.Millisecond)
	}
	witness := -1
	if members == 3 && w.chance(4) {
		witness = w.dice.IntN(members)
	}
	w.segment = 8 << 10
	if w.chance(2) {
		w.segment = 32 << 10
	}
	for i := range members {
		h := &host{world: w, index: i, name: string(rune('a' + i))}
		h.id = replica.IDOf(h.name)
		h.pace = time.Duration(float64(tick) * (0.97 + 0.06*w.dice.Float64()))
		h.seek = seek
		h.skew = w.between(-2*time.Second, 2*time.Second)
		h.disk = h.emptyDisk()
		h.witness = i == witness
		w.hosts = append(w.hosts, h)
	}
	for _, h := range w.hosts {
		h.start()
	}
	w.beginRiders()
	w.beginTrouble()
}
