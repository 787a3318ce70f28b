package rules

import "time"

// tick is one step of the benchmarker's world (S1.2).
const tick = 30 * time.Millisecond
