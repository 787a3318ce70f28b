package burn

import "time"

// Use is what a pool has burned.
type Use struct {
	Threads int
	Counts  Bill
	Prices  Prices
	Idle    time.Duration // for calls while the pool was idle
	Burned  time.Duration // by the threads' clocks
	Worked  time.Duration // decoding and hashing, by the same
	Passed  int           // pieces
	Waited  time.Duration // of all pieces, for a thread
}

func (u *Use) add(more Use) {
	for k, n := range more.Counts {
		u.Counts[k] += n
	}
	u.Idle += more.Idle
	u.Burned += more.Burned
	u.Worked += more.Worked
	u.Passed += more.Passed
	u.Waited += more.Waited
}

// Use returns what has been burned so far.
func (p *Pool) Use() Use {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.use
}

// Since is what came after an earlier reading.
func (u Use) Since(begin Use) Use {
	for k := range u.Counts {
		u.Counts[k] -= begin.Counts[k]
	}
	u.Idle -= begin.Idle
	u.Burned -= begin.Burned
	u.Worked -= begin.Worked
	u.Passed -= begin.Passed
	u.Waited -= begin.Waited
	return u
}

// Due is what should have been burned, by the prices.
func (u *Use) Due() time.Duration {
	return u.Prices.of(&u.Counts) + u.Idle
}

// Kinds lists all kinds.
func Kinds() []Kind {
	list := make([]Kind, kinds)
	for k := range list {
		list[k] = Kind(k)
	}
	return list
}
