package live

import (
	"runtime"

	"isuride/bench/client/burn"
)

// ClientUse is the CPU that the client has burned during the load, in seconds, to be as
// dear as the official tool's.
type ClientUse struct {
	Threads int          `json:"threads"`
	Kinds   []ClientKind `json:"kinds"`
	Idle    float64      `json:"idle_seconds"`    // what calls cost more while the client is not busy
	Due     float64      `json:"due_seconds"`     // by the prices
	Burned  float64      `json:"burned_seconds"`  // by the threads' clocks; differs from Due if the calibration was off
	Worked  float64      `json:"worked_seconds"`  // decoding and hashing of files
	Waiting float64      `json:"waiting_seconds"` // mean wait for a thread
}

// ClientKind is a part of what is due.
type ClientKind struct {
	Name    string  `json:"name"`
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
}

func clientUse(u burn.Use) *ClientUse {
	c := &ClientUse{Threads: u.Threads, Idle: u.Idle.Seconds(), Due: u.Due().Seconds(), Burned: u.Burned.Seconds(), Worked: u.Worked.Seconds()}
	for _, k := range burn.Kinds() {
		n := u.Counts[k]
		c.Kinds = append(c.Kinds, ClientKind{k.String(), n, float64(n) * u.Prices.Kinds[k].Seconds()})
	}
	if u.Passed > 0 {
		c.Waiting = u.Waited.Seconds() / float64(u.Passed)
	}
	return c
}

// startBurner starts the pool of a dear client: a thread for each CPU, as the official
// tool's goroutines have. The runtime gets as many more processors, so that the threads
// compete for CPUs, as far as the system is concerned, but none waits in Go's scheduler
// behind another, the event loop least of all.
func (r *run) startBurner() {
	if !r.config.Official {
		return
	}
	var burners []burn.Burner
	spinner := burn.Calibrate()
	for range r.procs {
		burners = append(burners, spinner)
	}
	runtime.GOMAXPROCS(r.procs + len(burners))
	r.burner = burn.New(burn.Official(), burners)
}
