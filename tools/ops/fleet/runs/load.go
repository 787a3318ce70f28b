package runs

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// LoadScript prints on a host what ParseLoad reads.
//
//go:embed load.sh
var LoadScript string

// Counters are what a host's processors have done so far, in ticks. The first question
// about a score is which host was at its limit.
type Counters struct {
	cores             int
	total, idle, host uint64 // host was taken by other machines on the same metal
	processes         map[process]uint64
}

// process identifies one; the kernel gives a pid again, but not at the same time.
type process struct {
	name  string
	pid   int
	since uint64
}

// The fields of /proc/stat's first line and of /proc/PID/stat after the name, see proc(5).
const (
	cpuIdle, cpuWait, cpuSteal = 3, 4, 7
	cpuFields                  = 8 // the next ones are in those before

	statUser, statSystem, statSince = 11, 12, 19
)

// ParseLoad reads what LoadScript has printed.
func ParseLoad(text string) (Counters, error) {
	c := Counters{processes: map[process]uint64{}}
	first, rest, _ := strings.Cut(text, "\n")
	second, rest, _ := strings.Cut(rest, "\n")
	kernel, err := numbers(strings.TrimPrefix(first, "cpu "))
	if err != nil || len(kernel) < cpuFields {
		return c, fmt.Errorf("%q has no counters of the kernel", first)
	}
	for i, n := range kernel[:cpuFields] {
		c.total += n
		if i == cpuIdle || i == cpuWait {
			c.idle += n
		}
	}
	c.host = kernel[cpuSteal]
	if c.cores, err = strconv.Atoi(second); err != nil || c.cores < 1 {
		return c, fmt.Errorf("%q is no number of cores", second)
	}
	for line := range strings.Lines(rest) {
		if p, ticks, err := parseProcess(line); err == nil {
			c.processes[p] = ticks
		}
	}
	return c, nil
}

// parseProcess reads a line of the form PID (NAME) STATE NUMBER... The name may have
// spaces and parentheses in it.
func parseProcess(line string) (process, uint64, error) {
	head, tail := strings.Index(line, " ("), strings.LastIndex(line, ") ")
	if head < 0 || tail < head {
		return process{}, 0, errors.New("no process")
	}
	pid, err := strconv.Atoi(line[:head])
	if err != nil {
		return process{}, 0, err
	}
	fields := strings.Fields(line[tail+len(") "):])
	if len(fields) <= statSince {
		return process{}, 0, errors.New("too short")
	}
	n, err := numbers(strings.Join([]string{fields[statUser], fields[statSystem], fields[statSince]}, " "))
	if err != nil {
		return process{}, 0, err
	}
	return process{line[head+len(" (") : tail], pid, n[2]}, n[0] + n[1], nil
}

func numbers(text string) ([]uint64, error) {
	var list []uint64
	for word := range strings.FieldsSeq(text) {
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// Use is the work of the processors between two moments. Shares are of all cores together.
type Use struct {
	Cores     int
	Busy      float64 // 0 to 1
	Stolen    float64 // by other machines on the same metal, part of Busy
	Processes []Share // the largest first, those with the same name together
}

// Share is the part of a program.
type Share struct {
	Name string
	Part float64
}

// Since compares with counters taken before.
func (c Counters) Since(before Counters) Use {
	use := Use{Cores: c.cores}
	if c.total <= before.total { // no time, or a boot in between
		return use
	}
	all := float64(c.total - before.total)
	use.Busy = 1 - float64(c.idle-min(c.idle, before.idle))/all
	use.Stolen = float64(c.host-min(c.host, before.host)) / all
	parts := map[string]float64{}
	for p, ticks := range c.processes {
		parts[p.name] += float64(ticks-min(ticks, before.processes[p])) / all
	}
	for name, part := range parts {
		use.Processes = append(use.Processes, Share{name, part})
	}
	slices.SortFunc(use.Processes, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Part, a.Part), cmp.Compare(a.Name, b.Name))
	})
	return use
}

// worth is the least part that String mentions.
const worth = 0.005

func (u Use) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.0f %% of %d cores busy", 100*u.Busy, u.Cores)
	if u.Stolen >= worth {
		fmt.Fprintf(&b, ", %.0f %% stolen by other machines", 100*u.Stolen)
	}
	sep := ": "
	for _, s := range u.Processes[:min(len(u.Processes), 5)] {
		if s.Part < worth {
			break
		}
		fmt.Fprintf(&b, "%s%s %.0f %%", sep, s.Name, 100*s.Part)
		sep = ", "
	}
	return b.String()
}
