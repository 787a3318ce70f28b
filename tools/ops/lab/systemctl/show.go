package systemctl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"isuride/tools/ops/lab/supervisor"
	"isuride/tools/ops/lab/unit"
)

// property is a line of systemctl show. As with systemd, one that does not exist is left
// out without a word.
type property struct {
	name  string
	value func(c *call, s supervisor.Snapshot) string
}

var properties = []property{
	{"Type", func(_ *call, s supervisor.Snapshot) string { return string(s.Unit.Service.Type) }},
	{"Restart", func(_ *call, s supervisor.Snapshot) string { return string(s.Unit.Service.Restart) }},
	{"PIDFile", func(_ *call, s supervisor.Snapshot) string { return s.Unit.Service.PIDFile }},
	{"NRestarts", func(_ *call, s supervisor.Snapshot) string { return strconv.Itoa(s.Restarts) }},
	{"Result", func(_ *call, s supervisor.Snapshot) string { return s.Result }},
	{"StatusText", func(_ *call, s supervisor.Snapshot) string { return s.Status }},
	{"User", func(_ *call, s supervisor.Snapshot) string { return s.Unit.Service.User }},
	{"LimitNOFILE", func(_ *call, s supervisor.Snapshot) string { return limit(supervisor.OpenFiles(s.Unit).Hard) }},
	{"LimitNOFILESoft", func(_ *call, s supervisor.Snapshot) string { return limit(supervisor.OpenFiles(s.Unit).Soft) }},
	{"MainPID", func(_ *call, s supervisor.Snapshot) string { return strconv.Itoa(s.Main) }},
	{"ExecMainPID", func(_ *call, s supervisor.Snapshot) string { return strconv.Itoa(s.LastMain) }},
	{"ExecMainCode", func(_ *call, s supervisor.Snapshot) string { return strconv.Itoa(execCode(s)) }},
	{"ExecMainStatus", func(_ *call, s supervisor.Snapshot) string { return strconv.Itoa(execStatus(s)) }},
	{"ExecMainStartTimestamp", func(_ *call, s supervisor.Snapshot) string { return timestamp(s.Started) }},
	{"MemoryCurrent", func(c *call, s supervisor.Snapshot) string {
		return strconv.FormatUint(c.Supervisor.Memory(s.Unit.Name), 10)
	}},
	{"Id", func(_ *call, s supervisor.Snapshot) string { return s.Unit.Name }},
	{"Names", func(_ *call, s supervisor.Snapshot) string { return s.Unit.Name }},
	{"Description", func(_ *call, s supervisor.Snapshot) string { return s.Unit.Description }},
	{"LoadState", func(*call, supervisor.Snapshot) string { return "loaded" }},
	{"ActiveState", func(_ *call, s supervisor.Snapshot) string { return string(s.Active) }},
	{"SubState", func(_ *call, s supervisor.Snapshot) string { return s.Sub }},
	{"FragmentPath", func(_ *call, s supervisor.Snapshot) string { return s.Unit.Path }},
	{"UnitFileState", func(c *call, s supervisor.Snapshot) string {
		state, _ := c.Supervisor.FileState(s.Unit.Name)
		return state
	}},
	{"StateChangeTimestamp", func(_ *call, s supervisor.Snapshot) string { return timestamp(s.Since) }},
	{"ActiveEnterTimestamp", func(_ *call, s supervisor.Snapshot) string { return timestamp(s.Started) }},
	{"InvocationID", func(_ *call, s supervisor.Snapshot) string { return s.Invocation }},
}

// missing are the properties of a unit without file.
var missing = map[string]string{
	"LoadState": "not-found", "ActiveState": string(supervisor.Inactive), "SubState": "dead", "MainPID": "0",
	"ExecMainPID": "0", "ExecMainStatus": "0", "ExecMainCode": "0", "NRestarts": "0", "Result": "success", "UnitFileState": "",
	"FragmentPath": "", "MemoryCurrent": "[not set]", "ActiveEnterTimestamp": "", "StateChangeTimestamp": "",
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("Mon 2006-01-02 15:04:05 MST")
}

func limit(n uint64) string {
	if n == unit.Unlimited {
		return "infinity"
	}
	return strconv.FormatUint(n, 10)
}

// Codes of waitid(2).
const (
	cldExited = 1
	cldKilled = 2
)

func execCode(s supervisor.Snapshot) int {
	switch {
	case !s.Ended:
		return 0
	case s.Exit.Exited():
		return cldExited
	}
	return cldKilled
}

func execStatus(s supervisor.Snapshot) int {
	switch {
	case !s.Ended:
		return 0
	case s.Exit.Exited():
		return s.Exit.ExitStatus()
	}
	return int(s.Exit.Signal())
}

func (c *call) show() {
	for i, name := range c.units() {
		if i > 0 {
			fmt.Fprintln(&c.out)
		}
		s, err := c.Supervisor.Snapshot(name)
		if err != nil {
			c.showMissing(name, err)
			continue
		}
		for _, p := range properties {
			if c.wanted(p.name) {
				c.property(p.name, p.value(c, s))
			}
		}
	}
}

func (c *call) wanted(name string) bool {
	return len(c.options.properties) == 0 || slices.Contains(c.options.properties, name)
}

func (c *call) property(name, value string) {
	if !c.options.value {
		fmt.Fprint(&c.out, name, "=")
	}
	fmt.Fprintln(&c.out, strings.TrimSpace(value))
}

func (c *call) showMissing(name string, err error) {
	for _, p := range properties {
		value, ok := missing[p.name]
		if p.name == "Id" {
			value, ok = name, true
		}
		if !ok || !c.wanted(p.name) {
			continue
		}
		if p.name == "LoadState" && errors.Is(err, unit.ErrMasked) {
			value = "masked"
		} else if p.name == "LoadState" && !errors.Is(err, unit.ErrNotFound) {
			value = "bad-setting"
		}
		c.property(p.name, value)
	}
}
