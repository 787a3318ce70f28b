package watch

import (
	"fmt"
	"strconv"
	"strings"
)

// sample is the state of a host's kernel at one moment. Totals count since its boot.
type sample struct {
	uptime    float64 // seconds since the boot: the clock for rates
	cpus      int
	busy      float64 // CPU seconds, total
	stolen    float64 // CPU seconds that the hypervisor took, total
	load      float64 // mean of a minute
	memory    float64 // bytes
	available float64 // bytes of it
	received  float64 // bytes, total
	sent      float64 // bytes, total
	tcp       int     // sockets in use
	timeWait  int     // connections in TIME_WAIT
	processes map[process]float64
}

// process tells processes apart even if the kernel reuses a number. A sample has the CPU
// seconds of each.
type process struct {
	name  string
	pid   string
	start string
}

// ticks is the kernel's unit of CPU time as programs see it: USER_HZ, the same
// everywhere.
const ticks = 100

func parseSample(f frame) (s sample, err error) {
	if s.uptime, err = number(f["uptime"], 0); err != nil {
		return s, fmt.Errorf("uptime: %w", err)
	}
	if s.load, err = number(f["load"], 0); err != nil {
		return s, fmt.Errorf("load: %w", err)
	}
	for _, part := range []struct {
		name  string
		parse func(*sample, string) error
	}{
		{"cpu", (*sample).parseCPU},
		{"memory", (*sample).parseMemory},
		{"network", (*sample).parseNetwork},
		{"sockets", (*sample).parseSockets},
		{"processes", (*sample).parseProcess},
	} {
		for line := range strings.Lines(f[part.name]) {
			if err := part.parse(&s, line); err != nil {
				return s, fmt.Errorf("%s: %w", part.name, err)
			}
		}
	}
	return s, nil
}

// number parses one word of a line.
func number(line string, word int) (float64, error) {
	words := strings.Fields(line)
	if word >= len(words) {
		return 0, fmt.Errorf("%q has no word %d", line, word+1)
	}
	return strconv.ParseFloat(words[word], 64)
}

// parseCPU reads a line of /proc/stat: cpu user nice system idle iowait irq softirq
// steal.
func (s *sample) parseCPU(line string) error {
	if !strings.HasPrefix(line, "cpu ") {
		s.cpus++
		return nil
	}
	for _, word := range []int{1, 2, 3, 6, 7} {
		n, err := number(line, word)
		if err != nil {
			return err
		}
		s.busy += n / ticks
	}
	stolen, err := number(line, 8)
	s.stolen = stolen / ticks
	return err
}

// parseMemory reads a line of /proc/meminfo, in KiB.
func (s *sample) parseMemory(line string) error {
	n, err := number(line, 1)
	if strings.HasPrefix(line, "MemTotal:") {
		s.memory = n * 1024
	} else {
		s.available = n * 1024
	}
	return err
}

// parseNetwork reads a line of /proc/net/dev: a name, 8 figures of receiving, 8 of
// sending, bytes first. What a host sends to itself does not count.
func (s *sample) parseNetwork(line string) error {
	name, figures, ok := strings.Cut(line, ":")
	if !ok || strings.TrimSpace(name) == "lo" {
		return nil
	}
	received, err := number(figures, 0)
	if err != nil {
		return err
	}
	sent, err := number(figures, 8)
	s.received += received
	s.sent += sent
	return err
}

// parseSockets reads a line of /proc/net/sockstat or sockstat6: names and figures
// alternate.
func (s *sample) parseSockets(line string) error {
	protocol, figures, _ := strings.Cut(line, ":")
	if protocol != "TCP" && protocol != "TCP6" {
		return nil
	}
	words := strings.Fields(figures)
	for i := 0; i+1 < len(words); i += 2 {
		n, err := strconv.Atoi(words[i+1])
		if err != nil {
			return err
		}
		switch words[i] {
		case "inuse":
			s.tcp += n
		case "tw":
			s.timeWait += n
		}
	}
	return nil
}

// parseProcess reads /proc/PID/stat: the number, the name in parentheses, and from the
// third word on figures, see proc(5). utime and stime are words 14 and 15, starttime 22.
func (s *sample) parseProcess(line string) error {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return fmt.Errorf("%q has no name", line)
	}
	words := strings.Fields(line[end+1:])
	const third = 3
	if len(words) <= 22-third {
		return fmt.Errorf("%q is too short", line)
	}
	var used float64
	for _, word := range []int{14, 15} {
		n, err := strconv.ParseFloat(words[word-third], 64)
		if err != nil {
			return err
		}
		used += n / ticks
	}
	if s.processes == nil {
		s.processes = map[process]float64{}
	}
	s.processes[process{line[open+1 : end], strings.TrimSpace(line[:open]), words[22-third]}] = used
	return nil
}
