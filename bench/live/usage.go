package live

import (
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what this process has used.
type Usage struct {
	UserSeconds   float64 `json:"user_seconds"`
	SystemSeconds float64 `json:"system_seconds"`
	MaxRSSBytes   int64   `json:"max_rss_bytes"` // since the process began
}

// usage is a reading of the counters.
type usage struct {
	user, system time.Duration
	maxRSS       int64
}

func measure() usage {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic("BUG: " + err.Error())
	}
	return usage{time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano()), u.Maxrss * 1024} // Maxrss is in KiB
}

func (u usage) since(begin usage) Usage {
	return Usage{(u.user - begin.user).Seconds(), (u.system - begin.system).Seconds(), u.maxRSS}
}
