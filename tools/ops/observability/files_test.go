package main

// This folder's files are checked with promtool, against each other, and with a real
// Prometheus that watches a real server. Tests that need Debian's package prometheus are
// skipped if it is not installed.

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
)

func promtool(t *testing.T, args ...string) {
	t.Helper()
	needPrograms(t, "promtool")
	if output, err := bound.Command(t, "promtool", args...).CombinedOutput(); err != nil {
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

// TestConfig also checks the rule files that the configuration names.
func TestConfig(t *testing.T) { promtool(t, "check", "config", "prometheus.yml") }

// TestAlerts runs the unit tests, in which every alert fires and stays silent.
func TestAlerts(t *testing.T) { promtool(t, "test", "rules", "alerts_test.yml") }

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// matches returns the first groups of all matches, without duplicates.
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

// TestEveryAlertIsTested: for each alert there is a test that expects it to fire; every
// test also checks that the others are silent. promtool would reject an unknown name.
func TestEveryAlertIsTested(t *testing.T) {
	tested := matches(read(t, "alerts_test.yml"), `exp_samples: \[\{labels: '\{alertname="(\w+)"`)
	for _, name := range alerts(t) {
		if !slices.Contains(tested, name) {
			t.Errorf("%s does not fire in any test of alerts_test.yml", name)
		}
	}
}

// TestEveryAlertSaysWhatToDo checks the annotations, which promtool does not.
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

// TestReplicasAreShown: whatever a group of replicas tells about itself is on the dashboard, and
// nothing else is asked for. (webapp/acceptance compares metrics.md with a server.)
func TestReplicasAreShown(t *testing.T) {
	names := matches(read(t, "../../../webapp/docs/metrics.md"), `\| `+"`"+`(isuride_replica_\w+)`)
	if len(names) < 10 {
		t.Fatalf("metrics.md has %d metrics of replicas", len(names))
	}
	shown := read(t, "dashboard.json")
	for _, name := range names {
		if !regexp.MustCompile(name + `(_bucket)?\b`).MatchString(shown) {
			t.Errorf("%s is in no panel", name)
		}
	}
	for _, name := range matches(shown+read(t, "alerts.yml"), `(isuride_replica_\w+)`) {
		if !slices.Contains(names, strings.TrimSuffix(name, "_bucket")) {
			t.Errorf("no server has the metric %s", name)
		}
	}
}

// gridColumns is the width of Grafana's grid.
const gridColumns = 24

// TestDashboard: Grafana can show all panels, and every alert named in their texts
// exists.
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
				t.Errorf("panel %q mentions %s, which is not an alert", p.Title, name)
			}
		}
	}
}
