package server

import (
	"os"
	"runtime/debug"
)

// The garbage collector's settings, unless GOGC or GOMEMLIMIT say otherwise. State is
// small, even with some 20 KiB for each open connection, and nearly all of it lives
// forever, so collecting each time it has doubled finds little: it took 9 % of the CPU
// time under full load, and another 4 % to regrow the stacks that each collection shrinks.
const (
	gcPercent   = 400
	memoryLimit = 2 << 30 // bytes; beyond it the collector works as hard as it must
)

func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
