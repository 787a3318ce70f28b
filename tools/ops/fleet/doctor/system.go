package doctor

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"isuride/tools/ops/fleet/topology"
)

// clock compares the host's with ours. The host took the time between our asking and the
// arrival of its answer; what lies outside of that is skew.
func clock(e *examination) {
	const (
		small = 0.5 // seconds; records of different hosts can still be laid side by side
		large = 5
	)
	host, ok := e.facts.number("clock.now")
	from, _ := e.facts.number(asked)
	to, _ := e.facts.number(answered)
	if !ok {
		e.unread("clock", "clock.now")
		return
	}
	skew := max(from-host, host-to, 0)
	verdict := OK
	if skew > large {
		verdict = Bad
	} else if skew > small {
		verdict = Warning
	}
	figure := fmt.Sprintf("%.1f s off this machine's, known to %.1f s", skew, to-from)
	e.add("clock", verdict, figure, "run a time service on both sides: apt-get install chrony")
}

// system is what the figures of a run depend on.
func system(e *examination) {
	e.add("system", OK, fmt.Sprintf("%s, Linux %s, %s cores", e.facts["system.os"], e.facts["system.kernel"], e.facts["system.cores"]), "")
	if g := e.facts["system.governor"]; g != "" { // virtual machines have none
		e.demand("CPU governor", g != "powersave", Warning, g, "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")
	}
	if steal, ok := e.facts.number("system.steal"); ok {
		const much = 0.03
		e.demand("CPU steal", steal <= much, Warning, fmt.Sprintf("%.1f %% since the boot", 100*steal),
			"other machines on the same metal take time: compare scores with care, or move the host")
	}
}

func memory(e *examination) {
	const (
		scarce   = 0.10
		critical = 0.03
		swapped  = 64 << 10 // KiB
	)
	total, ok1 := e.facts.number("memory.MemTotal")
	free, ok2 := e.facts.number("memory.MemAvailable")
	if !ok1 || !ok2 || total == 0 {
		e.unread("memory", "memory.MemAvailable")
		return
	}
	verdict := OK
	if free < critical*total {
		verdict = Bad
	} else if free < scarce*total {
		verdict = Warning
	}
	e.add("memory", verdict, fmt.Sprintf("%s of %s free", size(free), size(total)), "see who has it: ps aux --sort -rss | head")
	if all, _ := e.facts.number("memory.SwapTotal"); all > 0 {
		left, _ := e.facts.number("memory.SwapFree")
		e.demand("swap", all-left < swapped, Warning, size(all-left)+" used", "what has been swapped out answers late: find room, then swapoff -a && swapon -a")
	}
}

// size is a number of KiB for people.
func size(kib float64) string {
	if kib < 1<<20 {
		return fmt.Sprintf("%.0f MiB", kib/(1<<10))
	}
	return fmt.Sprintf("%.1f GiB", kib/(1<<20))
}

// disks looks at each file system once.
func disks(e *examination) {
	const (
		scarce   = 2 << 20 // KiB; a run writes some hundred MiB of journal, rows and logs
		critical = 300 << 10
		advice   = "remove old releases in /home/isucon/webapp/releases and old logs in /var/log"
	)
	seen := map[string]bool{}
	for _, path := range e.facts.under("disk.") {
		words := strings.Fields(e.facts["disk."+path])
		if len(words) != 3 {
			e.unread("disk of "+path, "disk."+path)
			continue
		}
		mount := words[0]
		if seen[mount] {
			continue
		}
		seen[mount] = true
		total, _ := strconv.ParseFloat(words[1], 64)
		free, _ := strconv.ParseFloat(words[2], 64)
		verdict := OK
		if free < critical {
			verdict = Bad
		} else if free < scarce {
			verdict = Warning
		}
		e.add("disk "+mount, verdict, fmt.Sprintf("%s of %s free", size(free), size(total)), advice)
		e.inodes(mount, e.facts["inodes."+path])
	}
}

// inodes checks them where the file system has a fixed number.
func (e *examination) inodes(mount, fact string) {
	const scarce = 0.05
	var all, free float64
	if n, _ := fmt.Sscan(fact, &all, &free); n == 2 && all > 0 {
		e.demand("inodes "+mount, free >= scarce*all, Bad, fmt.Sprintf("%.0f %% free", 100*free/all), "remove folders with many small files: du --inodes -x "+mount+" | sort -n | tail")
	}
}

// again is for what is in a file that we make.
const again = "fleet deploy writes it; without effect, something else on the host sets it, too"

// kernel checks what decides how many connections a host can have and how fast they come.
func kernel(e *examination) {
	const backlog = 4096 // nginx asks for it; the kernel gives no more than somaxconn
	if !e.host.Has(topology.Front) && !e.host.Has(topology.App) {
		return
	}
	e.least("somaxconn", "sysctl.net.core.somaxconn", backlog, Warning, again)
	e.least("SYN backlog", "sysctl.net.ipv4.tcp_max_syn_backlog", backlog, Warning, again)
	if e.host.Has(topology.Front) && !e.host.Has(topology.App) {
		ports(e)
	}
}

// ports checks a front that reaches the server over TCP: each of its connections takes a
// local port, and one that has been closed keeps it for a minute.
func ports(e *examination) {
	const key = "sysctl.net.ipv4.ip_local_port_range"
	var first, last float64
	if n, _ := fmt.Sscan(e.facts[key], &first, &last); n != 2 {
		e.unread("local ports", key)
		return
	}
	n := math.Max(0, last-first+1)
	e.demand("local ports", n >= float64(e.Clients), Warning, fmt.Sprintf("%.0f for %d connections to the server", n, e.Clients), again)
	e.demand("ports that wait", e.facts["sysctl.net.ipv4.tcp_tw_reuse"] != "0", Warning, "tcp_tw_reuse="+e.facts["sysctl.net.ipv4.tcp_tw_reuse"], again)
}
