package live

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what this process and its machine have used during the load.
type Usage struct {
	UserSeconds   float64 `json:"user_seconds"`
	SystemSeconds float64 `json:"system_seconds"`
	RSSBytes      int64   `json:"rss_bytes"` // now; the highest reading in the usage of a whole run

	MachineSeconds float64 `json:"machine_seconds"` // CPU of all processes of the machine, this one included
	StolenSeconds  float64 `json:"stolen_seconds"`  // CPU that a hypervisor gave to other machines
}

// CPUSeconds is what this process has used.
func (u Usage) CPUSeconds() float64 { return u.UserSeconds + u.SystemSeconds }

// usage is a reading of the counters.
type usage struct {
	user, system    time.Duration
	machine, stolen time.Duration
	rss             int64
}

func measure() usage {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		panic("BUG: " + err.Error())
	}
	u := usage{user: time.Duration(r.Utime.Nano()), system: time.Duration(r.Stime.Nano()), rss: residentBytes()}
	u.machine, u.stolen = machineTime()
	return u
}

func (u usage) since(begin usage) Usage {
	return Usage{
		UserSeconds: (u.user - begin.user).Seconds(), SystemSeconds: (u.system - begin.system).Seconds(), RSSBytes: u.rss,
		MachineSeconds: (u.machine - begin.machine).Seconds(), StolenSeconds: (u.stolen - begin.stolen).Seconds(),
	}
}

// residentBytes is the memory of this process, 0 where there is no /proc.
func residentBytes() int64 {
	var size, resident int64
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// clockTick is the unit of /proc/stat: USER_HZ is 100 on every architecture Go runs on.
const clockTick = 10 * time.Millisecond

// machineTime is the CPU time of all processes and the stolen one since the machine's
// start, 0 where there is no /proc.
func machineTime() (busy, stolen time.Duration) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	var user, nice, system, idle, iowait, irq, softirq, steal time.Duration
	if _, err := fmt.Sscanf(string(b), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal); err != nil {
		return 0, 0
	}
	return clockTick * (user + nice + system + irq + softirq), clockTick * steal
}
