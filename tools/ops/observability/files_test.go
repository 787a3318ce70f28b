package main

// The files of this folder are checked with promtool, with each other, and with a real
// Prometheus that watches a real server. Tests that need Debian's package prometheus are
// skipped where it is not installed.

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func promtool(t *testing.T, args ...string) {
	t.Helper()
	needPrograms(t, "promtool")
	if output, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, output)
	}
}

func needPrograms(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name, " is not installed (Debian package prometheus)")
		}
	}
}

// TestConfig includes the rules that the configuration names.
func TestConfig(t *testing.T) { promtool(t, "check", "config", "prometheus.yml") }

// TestAlerts sees every alert fire and stay silent.
func TestAlerts(t *testing.T) { promtool(t, "test", "rules", "alerts_test.yml") }

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// matches are the first groups of all matches, each once.
func matches(text, pattern string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(found, m[1]) {
			found = append(found, m[1])
		}
	}
	return found
}

func alerts(t *testing.T) []string {
	t.Helper()
	names := matches(read(t, "alerts.yml"), `(?m)^ *- alert: (\w+)$`)
	if len(names) == 0 {
		t.Fatal("alerts.yml has no alert")
	}
	return names
}

// TestEveryAlertIsTested: a test expects a sample with the name of each alert; that all
// are silent otherwise, every test sees. A name without an alert would fail in promtool.
func TestEveryAlertIsTested(t *testing.T) {
	tested := matches(read(t, "alerts_test.yml"), `exp_samples: \[\{labels: '\{alertname="(\w+)"`)
	for _, name := range alerts(t) {
		if !slices.Contains(tested, name) {
			t.Errorf("no test in alerts_test.yml sees %s fire", name)
		}
	}
}

// TestEveryAlertSaysWhatToDo: promtool knows nothing of annotations.
func TestEveryAlertSaysWhatToDo(t *testing.T) {
	text, n := read(t, "alerts.yml"), len(alerts(t))
	for _, part := range []string{`(?m)^ *summary: (".{20,}")$`, `(?m)^ *todo: (".{20,}")$`} {
		if got := len(matches(text, part)); got != n {
			t.Errorf("%d alerts have %d different lines like %s", n, got, part)
		}
	}
	if got := len(regexp.MustCompile(`(?m)^ *labels: \{severity: (page|warn|info)\}$`).FindAllString(text, -1)); got != n {
		t.Errorf("%d alerts have %d severities", n, got)
	}
}

// gridColumns is the width of Grafana's grid.
const gridColumns = 24

// TestDashboard: Grafana can show all panels, and what their texts call an alert is one.
func TestDashboard(t *testing.T) {
	var d struct {
		Panels []struct {
			panel
			ID    int
			Place struct{ X, Y, W, H int } `json:"gridPos"`
		}
	}
	if err := json.Unmarshal(dashboardFile, &d); err != nil || len(d.Panels) == 0 {
		t.Fatalf("%d panels, %v", len(d.Panels), err)
	}
	known := alerts(t)
	for i, p := range d.Panels {
		at := p.Place
		if at.X < 0 || at.Y < 0 || at.W < 1 || at.H < 1 || at.X+at.W > gridColumns {
			t.Errorf("panel %q is not on the grid", p.Title)
		}
		for _, q := range d.Panels[:i] {
			if q.ID == p.ID {
				t.Errorf("panels %q and %q have the same id", q.Title, p.Title)
			}
			if b := q.Place; at.X < b.X+b.W && b.X < at.X+at.W && at.Y < b.Y+b.H && b.Y < at.Y+at.H {
				t.Errorf("panel %q overlaps %q", p.Title, q.Title)
			}
		}
		if !slices.Contains([]string{"row", "stat", "timeseries"}, p.Kind) || (p.Kind == "row") != (len(p.Queries) == 0) {
			t.Errorf("panel %q is a %s with %d queries", p.Title, p.Kind, len(p.Queries))
		}
		for _, q := range p.Queries {
			if strings.TrimSpace(q.Expr) == "" {
				t.Errorf("panel %q has an empty query", p.Title)
			}
		}
		for _, name := range matches(p.Description, `\b(Isuride[A-Z]\w+)`) {
			if !slices.Contains(known, name) {
				t.Errorf("panel %q speaks of %s, which is no alert", p.Title, name)
			}
		}
	}
}
