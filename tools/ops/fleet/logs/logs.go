// Package logs handles the logs of the hosts: it empties them before a run, fetches them
// after it, shows their ends, and switches those that cost time. Its scripts run on the
// hosts and find out there where nginx and the database write.
//
// It leaves reading them to others: scripts/log-table.sh makes tables of them.
package logs

import (
	"context"
	"embed"
	"fmt"
	"regexp"
	"strconv"

	"isuride/tools/ops/fleet/hostscript"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

//go:embed *.sh
var scripts embed.FS

// mark is the file on a host with the latest run: its name, and when it began in seconds
// since 1970.
const mark = "/var/log/isuride-run"

var runID = regexp.MustCompile(`^[0-9A-Za-z-]+$`)

// Start empties a host's logs and marks the run.
func Start(ctx context.Context, r *remote.Remote, h topology.Host, id string) error {
	if !runID.MatchString(id) {
		return fmt.Errorf("%q is no name for a run: letters, digits and - are", id)
	}
	_, err := r.ChangeAsRoot(ctx, h, "empty the logs for run "+id, hostscript.For(h, scripts, "start", "mark", mark, "id", id))
	return err
}

// Slow switches the slow query log of the host with the database.
func Slow(ctx context.Context, r *remote.Remote, h topology.Host, on bool) error {
	word := onOff(on)
	_, err := r.ChangeAsRoot(ctx, h, "switch the slow query log "+word, hostscript.For(h, scripts, "slow", "word", word))
	return err
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// State has which of the logs that cost time are on.
type State struct{ Access, Slow bool }

// Look reads the state of a host.
func Look(ctx context.Context, r *remote.Remote, h topology.Host) (State, error) {
	out, err := r.LookAsRoot(ctx, h, "see which logs are on", hostscript.For(h, scripts, "state"))
	var s State
	for _, log := range remote.Answers(out) {
		s.Access, s.Slow = s.Access || log == "access", s.Slow || log == "slow"
	}
	return s, err
}

// Line is one of a log.
type Line struct {
	Host, Log, Text string
}

// failure finds what somebody should look at: slog's levels, those of nginx and of the
// database, and what the Go runtime and systemd say at the end of a process.
var failure = regexp.MustCompile(`(?i)\blevel"?[=:]"?(error|warn)|\[(warn|warning|error|crit|alert|emerg)\]|\b(panic|fatal error|failed with result|main process exited, code=(killed|dumped|exited, status=[1-9]))`)

// Failure reports whether the line reports one.
func (l Line) Failure() bool { return failure.MatchString(l.Text) }

// Tail reads the newest lines of each log of a host, at most n of each.
func Tail(ctx context.Context, r *remote.Remote, h topology.Host, n int) ([]Line, error) {
	out, err := r.LookAsRoot(ctx, h, "read the logs", hostscript.For(h, scripts, "tail", "lines", strconv.Itoa(n)))
	var list []Line
	for log, text := range remote.Answers(out) {
		list = append(list, Line{h.Name, log, text})
	}
	return list, err
}

// Collect fetches a host's logs since the mark into a folder, which it makes.
func Collect(ctx context.Context, r *remote.Remote, h topology.Host, dir string) error {
	return r.Fetch(ctx, h, "fetch the logs", hostscript.For(h, scripts, "collect", "mark", mark), dir)
}
