package world

// Pauses between attempts to report a position: exponential with jitter (B5.7).
const (
	firstRetryPause = 500 * Millisecond
	maxRetryPause   = 60 * Second
	retryGiveUp     = 15 * 60 * Second
)

// A positionPost is the report of one position with its attempts.
type positionPost struct {
	since Instant // the first attempt
	pause Instant // before the next one, without jitter
}

// reportPosition is the last part of a turn: the position is sent if it has changed.
func (c *chair) reportPosition() {
	if !c.dirty {
		c.endTurn()
		return
	}
	c.posting = positionPost{since: c.world.now, pause: firstRetryPause}
	c.postPosition()
}

func (c *chair) postPosition() {
	c.step = chairPosition
	c.client.PostPosition(c.position)
}

func (c *chair) positionRecorded(e Event) {
	c.track[len(c.track)-1].at = e.Time
	c.dirty = false
	if c.activating {
		c.activating = false
		c.activatedAt = c.world.now
		c.cycle.free = c.world.now
	}
	c.endTurn()
}

// positionFailed makes the chair try again. It stays busy until an attempt succeeds;
// after a long time the turn is given up and the next one tries. Every failure counts.
func (c *chair) positionFailed(string, *Failure) {
	w := c.world
	p := &c.posting
	if w.now-p.since > retryGiveUp {
		c.endTurn()
		return
	}
	c.step = chairRetryPause
	c.retryAt = w.now + p.pause/2 + Instant(c.random.Int64N(int64(p.pause)))
	p.pause = min(p.pause*3/2, maxRetryPause)
	w.retries = append(w.retries, c)
}
