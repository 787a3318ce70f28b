package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// figures are what a server has counted up to a moment.
type figures struct {
	at           time.Time
	leads        bool
	committed    float64
	wait, behind counts
}

// counts are those of a histogram, by the upper end of a bucket in seconds, each with the buckets below it.
type counts map[float64]uint64

const (
	roleName      = "isuride_replica_role"
	committedName = "isuride_replica_committed"
	waitName      = "isuride_replica_wait_seconds"
	behindName    = "isuride_replica_behind_seconds"
)

// figures asks the server.
func (m *member) figures(ctx context.Context) (figures, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.inside+"/metrics", nil)
	if err != nil {
		return figures{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return figures{}, err
	}
	defer res.Body.Close()
	f, err := readFigures(res.Body)
	if err != nil {
		return figures{}, fmt.Errorf("metrics of %s: %w", m.name, err)
	}
	f.at = time.Now()
	return f, nil
}

func readFigures(r io.Reader) (f figures, err error) {
	var parser expfmt.TextParser
	all, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return f, err
	}
	for _, name := range []string{roleName, committedName, waitName, behindName} {
		if len(all[name].GetMetric()) == 0 {
			return f, fmt.Errorf("%s is missing", name)
		}
	}
	for _, role := range all[roleName].GetMetric() {
		if role.GetLabel()[0].GetValue() == "leader" {
			f.leads = role.GetGauge().GetValue() == 1
		}
	}
	f.committed = all[committedName].GetMetric()[0].GetGauge().GetValue()
	f.wait, f.behind = countsOf(all[waitName]), countsOf(all[behindName])
	return f, nil
}

func countsOf(f *dto.MetricFamily) counts {
	h := f.GetMetric()[0].GetHistogram()
	c := counts{math.Inf(1): h.GetSampleCount()}
	for _, b := range h.GetBucket() {
		c[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	return c
}

// since is what was counted after an earlier moment.
func (c counts) since(before counts) counts {
	grown := counts{}
	for bound, n := range c {
		grown[bound] = n - before[bound]
	}
	return grown
}

// String has the number of values and the buckets that the median and the 99th percentile are in.
func (c counts) String() string {
	total := c[math.Inf(1)]
	within := func(q float64) string {
		below := 0.0
		for _, bound := range slices.Sorted(maps.Keys(c)) {
			if float64(c[bound]) >= q*float64(total) {
				if math.IsInf(bound, 1) {
					return fmt.Sprintf("above %v", seconds(below))
				}
				return fmt.Sprintf("%v to %v", seconds(below), seconds(bound))
			}
			below = bound
		}
		return ""
	}
	return fmt.Sprintf("p50 %s, p99 %s (of %d)", within(0.5), within(0.99), total)
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }

// describe says what a server did between two moments.
func describe(name string, from, to figures) string {
	if to.leads {
		return fmt.Sprintf("%s leads: %.0f events/s; what waits for a majority waits %s",
			name, (to.committed-from.committed)/to.at.Sub(from.at).Seconds(), to.wait.since(from.wait))
	}
	behind := to.behind.since(from.behind)
	if behind[math.Inf(1)] == 0 {
		return name + " has applied nothing"
	}
	return fmt.Sprintf("%s is behind the leader's clock by %s", name, behind)
}
