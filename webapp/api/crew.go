package api

// resident is how many writers are kept when there is nothing to write. Under full load
// messages come in bursts of a few hundred, as the chairs of a city move in step; a
// kept writer costs a stack of 8 KiB.
const resident = 256

// task is what a writer does: it writes what waits, and returns the buffer it was given.
type task interface{ write(buf []byte) []byte }

// crew runs the writers of all streams.
//
// A writer of its own for each message would begin with a small stack and grow it, copy by
// copy, on its way down to the socket: 4 % of the server's CPU time under full load. A
// writer whose peer does not read holds up nobody: as many more are started as are needed.
type crew struct {
	work chan task     // unbuffered: taken by who waits, or by nobody
	idle chan struct{} // a place for each writer that may wait
}

func newCrew() *crew {
	return &crew{work: make(chan task), idle: make(chan struct{}, resident)}
}

// write has somebody do t. It does not block.
func (c *crew) write(t task) {
	select {
	case c.work <- t:
	default:
		go c.serve(t)
	}
}

// serve does t, and then whatever comes, unless enough others wait for that.
func (c *crew) serve(t task) {
	buf := make([]byte, 0, 1<<10)
	for {
		buf = t.write(buf)
		select {
		case c.idle <- struct{}{}:
		default:
			return
		}
		t = <-c.work
		<-c.idle
	}
}
