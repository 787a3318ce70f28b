package api

// resident is how many writers are kept when there is nothing to write. Under full load
// messages come in bursts of a few hundred, as the chairs of a city move in step; a
// kept writer costs a stack of 8 KiB.
const resident = 256

// crew runs the writers of all streams.
//
// A writer of its own for each message would begin with a small stack and grow it, copy by
// copy, on its way down to the socket: 4 % of the server's CPU time under full load. A
// writer whose peer does not read holds up nobody: as many more are started as are needed.
type crew struct {
	work chan *eventStream // unbuffered: taken by who waits, or by nobody
	idle chan struct{}     // a place for each writer that may wait
}

func newCrew() *crew {
	return &crew{work: make(chan *eventStream), idle: make(chan struct{}, resident)}
}

// write has somebody write what waits in s. It does not block.
func (c *crew) write(s *eventStream) {
	select {
	case c.work <- s:
	default:
		go c.serve(s)
	}
}

// serve writes s, and then whatever comes, unless enough others wait for that.
func (c *crew) serve(s *eventStream) {
	buf := make([]byte, 0, 1<<10)
	for {
		buf = s.write(buf)
		select {
		case c.idle <- struct{}{}:
		default:
			return
		}
		s = <-c.work
		<-c.idle
	}
}
