package watch

import (
	"cmp"
	"slices"
)

// window is the number of samples for rates and percentiles.
const window = 5

// forget is after how many seconds without a sample rates start over.
const forget = 10

// machine keeps the activity of a host in the last samples.
type machine struct {
	last  sample
	steps []work // at most window
}

// work is the activity between two samples.
type work struct {
	seconds        float64
	busy, stolen   float64 // CPU seconds
	received, sent float64 // bytes
	processes      map[string]float64
}

func (m *machine) add(now sample) {
	before := m.last
	m.last = now
	seconds := now.uptime - before.uptime
	if before.uptime == 0 || seconds <= 0 || seconds > forget {
		m.steps = nil
		return
	}
	m.steps = latest(m.steps, work{
		seconds:   seconds,
		busy:      now.busy - before.busy,
		stolen:    now.stolen - before.stolen,
		received:  now.received - before.received,
		sent:      now.sent - before.sent,
		processes: now.usedSince(before),
	})
}

// usedSince is the CPU time of the processes by name, in seconds. A new process has used
// all of its time since before.
func (s sample) usedSince(before sample) map[string]float64 {
	used := map[string]float64{}
	for p, total := range s.processes {
		used[p.name] += total - before.processes[p]
	}
	return used
}

// latest appends to a list that keeps window entries.
func latest[T any](list []T, one T) []T {
	list = append(list, one)
	return list[max(0, len(list)-window):]
}

// fill sets the figures from the kernel.
func (m *machine) fill(h *Host) {
	s := m.last
	h.CPUs, h.Load = s.cpus, s.load
	h.MemoryUsed, h.Memory = s.memory-s.available, s.memory
	h.TCP, h.TimeWait = s.tcp, s.timeWait
	if len(m.steps) == 0 {
		return
	}
	var all work
	used := map[string]float64{}
	for _, w := range m.steps {
		all.seconds += w.seconds
		all.busy += w.busy
		all.stolen += w.stolen
		all.received += w.received
		all.sent += w.sent
		for name, cpu := range w.processes {
			used[name] += cpu
		}
	}
	h.Busy, h.Stolen = all.busy/all.seconds, all.stolen/all.seconds
	h.Received, h.Sent = all.received/all.seconds, all.sent/all.seconds
	for name, cpu := range used {
		h.Processes = append(h.Processes, Process{name, cpu / all.seconds})
	}
	slices.SortFunc(h.Processes, func(a, b Process) int {
		return cmp.Or(cmp.Compare(b.CPUs, a.CPUs), cmp.Compare(a.Name, b.Name))
	})
}
