package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"isuride/bench/live"
	"isuride/bench/report"
	"isuride/tools/measure"
)

// A run is a record of the bench with what the servers have used.
type run struct {
	Duel       string         `json:"duel"`
	Contestant string         `json:"contestant"`
	Pair       int            `json:"pair"`
	ServerCPU  float64        `json:"server_cpu_seconds"` // of the server and what stands before it
	PeakMemory int64          `json:"server_peak_bytes"`
	Stop       float64        `json:"stop_seconds,omitempty"`    // in good order, after the run
	Restart    float64        `json:"restart_seconds,omitempty"` // until it listens again, with what the run has left
	Record     *report.Record `json:"record"`
}

// sources is the number of loopback addresses to connect from. From one, a run takes most of the 28,000 ports, counting those
// closed within the last minute, and the kernel's search for a free one took a third of the bench's CPU.
const sources = 8

// play makes one run against a server with fresh data.
func (s *settings) play(ctx context.Context, d duel, c contestant, pair int) (*run, error) {
	st, err := s.start(ctx, c)
	if err != nil {
		return nil, err
	}
	defer st.end()
	done := measure.Progress(os.Stderr, fmt.Sprintf("%s, pair %d of %d, %s", d.name, pair+1, s.pairs, c.name))
	defer done()
	args := []string{"-target", st.target, "-addr", st.address, "-skip-data-check", "-seed", strconv.Itoa(pair + 1),
		"-t", strconv.FormatFloat(s.load.Seconds(), 'f', -1, 64), "-payment-bind-port", paymentPort, "-payment-url", "http://127.0.0.1:" + paymentPort}
	for i := range sources {
		args = append(args, "-source-ip", fmt.Sprintf("127.0.0.%d", i+1))
	}
	if c.static {
		args = append(args, "-static-list", s.path("static.list"))
	} else {
		args = append(args, "-s")
	}
	before, err := st.cpu()
	if err != nil {
		return nil, err
	}
	record, _, err := measure.Bench(ctx, s.path("bench"), s.path("run.json"), args...)
	if err != nil {
		return nil, err
	}
	after, err := st.cpu()
	if err != nil {
		return nil, err
	}
	peak, err := st.servers[0].PeakMemory()
	if err != nil {
		return nil, err
	}
	r := &run{Duel: d.name, Contestant: c.name, Pair: pair + 1, ServerCPU: (after - before).Seconds(), PeakMemory: peak, Record: record}
	if c.naive {
		return r, nil
	}
	stop, start, err := s.restart(ctx, c, st)
	r.Stop, r.Restart = stop.Seconds(), start.Seconds()
	return r, err
}

// appendTo adds the run to a file, as one line and without what takes most room.
func (r *run) appendTo(file string) error {
	brief := *r
	brief.Record = r.Record.Brief()
	b, err := json.Marshal(brief)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(b, '\n')); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// cpuPerPoint is the servers' CPU in milliseconds per 1,000 points.
func (r *run) cpuPerPoint() float64 {
	if r.Record.Score == 0 {
		return 0
	}
	return 1e6 * r.ServerCPU / float64(r.Record.Score)
}

// p99 is that of the named endpoint or notification in milliseconds.
func p99(list []live.Latency, name string) float64 {
	for _, l := range list {
		if l.Name == name {
			return float64(l.P99) / 1e3
		}
	}
	return 0
}

// slowestNotice is the p99 in milliseconds of the kind of notification that has the highest. Those a rider or chair
// causes by its own call are received behind that call's answer, which is the position report's latency once more, so
// they do not count.
func (r *run) slowestNotice() (slowest float64) {
	for _, l := range r.Record.Notices {
		if !strings.HasSuffix(l.Name, "PICKUP") && !strings.HasSuffix(l.Name, "ARRIVED") {
			slowest = max(slowest, float64(l.P99)/1e3)
		}
	}
	return slowest
}
