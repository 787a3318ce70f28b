// Package watch shows what the hosts and the server do, every second: as a page on a
// terminal, or as lines for files and programs.
//
// Each host runs a small loop over one ssh session and sends the counters of its kernel,
// and the server's host the server's metrics as well. Rates and percentiles are computed
// here, from differences over the last seconds. Nothing on a host is changed, and what a
// host sends is never printed unfiltered: a log line may contain anything.
//
// The metrics are explained in webapp/docs/metrics.md; long histories and alerts are
// Prometheus's business.
package watch

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"isuride/tools/ops/fleet/topology"
)

// Target is a host to watch.
type Target struct {
	Name    string
	Roles   []topology.Role
	Metrics string // address of the server's internal listener, "" on hosts without a server
	// Stream runs a bash script on the host and writes its output to out, until the
	// script or the context ends. It is called again after it has returned.
	Stream Stream
}

// View displays reports.
type View interface {
	// Show gets the reports of the last minute, the newest last; there is at least one.
	Show(reports []Report) error
}

const (
	period = time.Second // between two reports
	memory = 60          // reports that a view gets
)

// Run shows reports until the context ends, which is not an error. Each value from
// redraw, which may be nil, makes the view show the same reports once more.
func Run(ctx context.Context, targets []Target, view View, redraw <-chan os.Signal) error {
	ctx, stop := context.WithCancel(ctx)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer stop()
	watchers := make([]*watcher, len(targets))
	for i, t := range targets {
		watchers[i] = &watcher{target: t, since: time.Now()}
		sessions.Go(func() { watchers[i].run(ctx) })
	}

	tick := time.NewTicker(period)
	defer tick.Stop()
	var reports []Report
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if len(reports) == memory {
				reports = append(reports[:0], reports[1:]...)
			}
			reports = append(reports, report(watchers))
		case <-redraw:
		}
		if len(reports) == 0 {
			continue
		}
		if err := view.Show(reports); err != nil {
			return err
		}
	}
}

func report(watchers []*watcher) Report {
	r := Report{Time: time.Now()}
	for _, w := range watchers {
		host, server := w.report(r.Time)
		r.Hosts = append(r.Hosts, host)
		if server != nil && (r.Server == nil || server.Replica.leads()) {
			r.Server = server
		}
	}
	return r
}

func roleNames(roles []topology.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, string(r))
	}
	return strings.Join(names, ",")
}
