package api

import "sync/atomic"

// turns has one writer at a time write to a connection, and no goroutine wait while there is
// nothing to write: only the step from idle calls a writer, and what comes while one writes
// makes it look once more before it leaves.
type turns struct{ state atomic.Int32 }

const (
	idle int32 = iota
	writingOnce
	writingAgain
)

// begin has the caller be the writer, before anybody can wake, or before it looks.
func (t *turns) begin() { t.state.Store(writingOnce) }

// wake reports whether a writer must be called, since there is something to write.
func (t *turns) wake() bool { return t.state.Swap(writingAgain) == idle }

// end reports whether the writer may leave; else it has to begin again. A writer that finds
// the connection dead leaves without asking, so that none is called any more.
func (t *turns) end() bool { return t.state.CompareAndSwap(writingOnce, idle) }
