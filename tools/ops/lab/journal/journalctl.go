package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// query is what the command line of journalctl asks for.
type query struct {
	units        []string
	lines        int // -1 is all
	since, until time.Time
	format       string
}

// Journalctl answers a command line like systemd's program of that name and returns its
// exit status. It knows -u, -n, --since, --until, -o short, short-iso and cat.
func Journalctl(folder string, args []string, now time.Time, out, complaints io.Writer) int {
	q, err := parseQuery(args, now)
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	entries, err := Read(folder, q.units, q.since, q.until)
	if errors.Is(err, fs.ErrPermission) || !mayList(folder) {
		fmt.Fprintln(complaints, "Hint: You are currently not seeing messages from other users and the system.")
		return 0
	}
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	if q.lines >= 0 {
		entries = entries[max(0, len(entries)-q.lines):]
	}
	if len(entries) == 0 {
		fmt.Fprintln(out, "-- No entries --")
	}
	host, _ := os.Hostname()
	for _, e := range entries {
		fmt.Fprintln(out, e.format(q.format, host))
	}
	return 0
}

func mayList(folder string) bool {
	_, err := os.ReadDir(folder)
	return err == nil
}

func (e Entry) format(format, host string) string {
	switch format {
	case "cat":
		return e.Text
	case "short-iso":
		return fmt.Sprintf("%s %s %s: %s", e.Time.Local().Format("2006-01-02T15:04:05-0700"), host, e.Speaker, e.Text)
	}
	return fmt.Sprintf("%s %s %s: %s", e.Time.Local().Format("Jan 02 15:04:05"), host, e.Speaker, e.Text)
}

func parseQuery(args []string, now time.Time) (q query, err error) {
	q = query{lines: -1, until: now.Add(time.Hour), format: "short"}
	for i := 0; i < len(args); i++ {
		name, value, inline := option(args[i])
		if name == "" {
			return q, fmt.Errorf("journalctl: unrecognized option '%s'", args[i])
		}
		if !takesValue[name] {
			continue
		}
		if !inline {
			if i++; i == len(args) {
				return q, fmt.Errorf("journalctl: option '%s' requires an argument", name)
			}
			value = args[i]
		}
		if err := q.set(name, value, now); err != nil {
			return q, err
		}
	}
	return q, nil
}

// aliases and takesValue are the options there are.
var aliases = map[string]string{
	"-u": "--unit", "-n": "--lines", "-S": "--since", "-U": "--until", "-o": "--output",
	"-q": "--quiet", "-b": "--boot", "-e": "--pager-end", "-x": "--catalog",
}

var takesValue = map[string]bool{
	"--unit": true, "--lines": true, "--since": true, "--until": true, "--output": true,
	"--quiet": false, "--boot": false, "--no-pager": false, "--pager-end": false, "--catalog": false,
}

// option takes "-n5", "-n", "--lines=5" and "--lines" apart.
func option(arg string) (name, value string, inline bool) {
	if strings.HasPrefix(arg, "--") {
		name, value, inline = strings.Cut(arg, "=")
	} else if len(arg) >= 2 {
		name, value, inline = aliases[arg[:2]], arg[2:], len(arg) > 2
	}
	if _, ok := takesValue[name]; !ok {
		return "", "", false
	}
	return name, value, inline
}

func (q *query) set(name, value string, now time.Time) (err error) {
	switch name {
	case "--unit":
		if filepath.Ext(value) == "" {
			value += ".service"
		}
		q.units = append(q.units, value)
	case "--lines":
		if value != "all" {
			q.lines, err = strconv.Atoi(value)
		}
	case "--since":
		q.since, err = parseTime(value, now)
	case "--until":
		q.until, err = parseTime(value, now)
	case "--output":
		q.format = value
	}
	return err
}

// parseTime reads what systemd.time(7) calls timestamps: "@1700000000", "-5min", "now",
// "2026-01-31 12:00:00" with or without parts of a second, in the local zone or UTC.
func parseTime(value string, now time.Time) (time.Time, error) {
	if value == "now" {
		return now, nil
	}
	if seconds, ok := strings.CutPrefix(value, "@"); ok {
		n, err := strconv.ParseFloat(seconds, 64)
		return time.UnixMicro(int64(n * 1e6)), err
	}
	if ago, ok := strings.CutPrefix(value, "-"); ok {
		d, err := time.ParseDuration(strings.NewReplacer("min", "m", "sec", "s").Replace(ago))
		return now.Add(-d), err
	}
	zone := time.Local
	if utc, ok := strings.CutSuffix(value, " UTC"); ok {
		value, zone = utc, time.UTC
	}
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, value, zone); err == nil {
			return at, nil
		}
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("Failed to parse timestamp: %s", value)
}
