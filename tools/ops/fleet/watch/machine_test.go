package watch

import (
	"math"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// used makes processes of nginx, which have used CPU seconds.
func used(by map[string]float64) map[process]float64 {
	all := map[process]float64{}
	for pid, cpu := range by {
		all[process{"nginx", pid, "1"}] = cpu
	}
	return all
}

func filled(m *machine) (h Host) {
	m.fill(&h)
	return h
}

func TestMachineRates(t *testing.T) {
	var m machine
	m.add(sample{uptime: 100, busy: 50, stolen: 5, received: 1000, sent: 5000, processes: used(map[string]float64{"1": 10, "2": 20})})
	if h := filled(&m); h.Busy != 0 || len(h.Processes) != 0 {
		t.Errorf("one sample has no rates, got %+v", h)
	}
	m.add(sample{uptime: 102, busy: 53, stolen: 5.5, received: 3000, sent: 9000, processes: used(map[string]float64{"1": 11, "2": 20.5})})
	h := filled(&m)
	if !near(h.Busy, 1.5) || !near(h.Stolen, 0.25) || !near(h.Received, 1000) || !near(h.Sent, 2000) {
		t.Errorf("got %+v", h)
	}
	if len(h.Processes) != 1 || h.Processes[0].Name != "nginx" || !near(h.Processes[0].CPUs, 0.75) {
		t.Errorf("got %+v", h.Processes)
	}
}

// TestMachineForgets fills the window with work, then with rest.
func TestMachineForgets(t *testing.T) {
	var m machine
	for i := range window + 1 {
		m.add(sample{uptime: float64(100 + i), busy: float64(i)})
	}
	if h := filled(&m); !near(h.Busy, 1) {
		t.Errorf("one processor was busy, got %v", h.Busy)
	}
	for i := range window {
		if h := filled(&m); h.Busy == 0 {
			t.Fatalf("after %d seconds of rest nothing of the window is left", i)
		}
		m.add(sample{uptime: float64(101 + window + i), busy: window})
	}
	if h := filled(&m); h.Busy != 0 {
		t.Errorf("nothing was done, got %v", h.Busy)
	}
}

func TestMachineBeginsAnew(t *testing.T) {
	for name, next := range map[string]float64{"after a reboot": 3, "after a long silence": 200, "in the same moment": 101} {
		var m machine
		m.add(sample{uptime: 100, busy: 50})
		m.add(sample{uptime: 101, busy: 51})
		m.add(sample{uptime: next, busy: 2})
		if h := filled(&m); h.Busy != 0 {
			t.Errorf("%s: busy is %v, with nothing to compare with", name, h.Busy)
		}
	}
}

// TestMachineProcesses has workers that come and go; those that ended are not subtracted
// from the others.
func TestMachineProcesses(t *testing.T) {
	var m machine
	m.add(sample{uptime: 100, processes: used(map[string]float64{"1": 10, "2": 100})})
	m.add(sample{uptime: 101, processes: used(map[string]float64{"1": 10.25, "3": 0.5})})
	if h := filled(&m); !near(h.Processes[0].CPUs, 0.75) {
		t.Errorf("got %v, want what the old one and the new one used", h.Processes[0].CPUs)
	}
	m.add(sample{uptime: 102, processes: map[process]float64{{"nginx", "1", "2"}: 0.25, {"mariadbd", "9", "1"}: 3}})
	h := filled(&m)
	if len(h.Processes) != 2 || h.Processes[0].Name != "mariadbd" || !near(h.Processes[0].CPUs, 1.5) || !near(h.Processes[1].CPUs, 0.5) {
		t.Errorf("got %v: a number that is given again is another process", h.Processes)
	}
}
