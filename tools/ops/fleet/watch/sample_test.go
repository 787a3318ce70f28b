package watch

import (
	"maps"
	"math"
	"strings"
	"testing"
)

// sections is a frame as a host with two processors sends it.
func sections() frame {
	return frame{
		"uptime": "5000.25 9000.00\n",
		"load":   "1.50 1.20 0.90 3/420 12345\n",
		"cpu":    "cpu  1000 100 500 7000 200 30 70 40 0 0\ncpu0 500 50 250 3500 100 15 35 20 0 0\ncpu1 500 50 250 3500 100 15 35 20 0 0\n",
		"memory": "MemTotal:        4000000 kB\nMemAvailable:    1000000 kB\n",
		"network": "Inter-|   Receive                                                |  Transmit\n" +
			" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
			"    lo:  999999   10    0    0    0     0          0         0  999999     10    0    0    0     0       0          0\n" +
			"  eth0:  100000  100    0    0    0     0          0         0   200000    150    0    0    0     0       0          0\n" +
			"  eth1:1000      100    0    0    0     0          0         0     2000    150    0    0    0     0       0          0\n",
		"sockets": "sockets: used 290\nTCP: inuse 12 orphan 0 tw 34 alloc 50 mem 3\nUDP: inuse 1 mem 0\nTCP6: inuse 5\n",
		"processes": "77 (isuride) S 1 77 77 0 -1 4194560 900 0 0 0 250 150 0 0 20 0 12 0 4200 99 88 18446744073709551615 1 1\n" +
			"80 (nginx) S 1 80 80 0 -1 4194560 900 0 0 0 1 1 0 0 20 0 1 0 4300 99 88 18446744073709551615 1 1\n" +
			"81 (nginx) S 80 80 80 0 -1 4194560 900 0 0 0 90 10 0 0 20 0 1 0 4301 99 88 18446744073709551615 1 1\n",
	}
}

func TestSample(t *testing.T) {
	s, err := parseSample(sections())
	if err != nil {
		t.Fatal(err)
	}
	processes := s.processes
	s.processes = nil
	want := sample{
		uptime: 5000.25, cpus: 2, busy: 17, stolen: 0.4, load: 1.5,
		memory: 4096000000, available: 1024000000,
		received: 101000, sent: 202000, tcp: 17, timeWait: 34,
	}
	if math.Abs(s.busy-want.busy) < 1e-9 {
		s.busy = want.busy
	}
	if got := s; got.uptime != want.uptime || got.cpus != want.cpus || got.busy != want.busy || got.stolen != want.stolen ||
		got.load != want.load || got.memory != want.memory || got.available != want.available ||
		got.received != want.received || got.sent != want.sent || got.tcp != want.tcp || got.timeWait != want.timeWait {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if want := map[process]float64{
		{"isuride", "77", "4200"}: 4,
		{"nginx", "80", "4300"}:   0.02,
		{"nginx", "81", "4301"}:   1,
	}; !maps.Equal(processes, want) {
		t.Errorf("got processes %v, want %v", processes, want)
	}
}

// TestSampleBroken takes a piece of each section away.
func TestSampleBroken(t *testing.T) {
	for name, text := range map[string]string{
		"uptime":    "",
		"load":      "high\n",
		"cpu":       "cpu  1000 100\n",
		"memory":    "MemTotal:\n",
		"network":   "eth0: 1 2 3\n",
		"sockets":   "TCP: inuse many\n",
		"processes": "77 (isuride) S 1 77\n",
	} {
		f := sections()
		f[name] = text
		if _, err := parseSample(f); err == nil || !strings.HasPrefix(err.Error(), name+":") {
			t.Errorf("%s: %q gives the error %v", name, text, err)
		}
	}
}
