// Package observability_test checks the files of this folder: with promtool, with each
// other, and with a real Prometheus that watches a real server. The tests are skipped
// where Debian's package prometheus is not installed.
package observability_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"isuride/tools/ops/observability/grafana"
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

func dashboard(t *testing.T) *grafana.Dashboard {
	t.Helper()
	file, err := os.Open("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d, err := grafana.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboardNamesAlerts: what its texts call an alert is one.
func TestDashboardNamesAlerts(t *testing.T) {
	known := alerts(t)
	for _, p := range dashboard(t).Panels {
		for _, name := range matches(p.Description, `\b(Isuride[A-Z]\w+)`) {
			if !slices.Contains(known, name) {
				t.Errorf("panel %q speaks of %s, which is no alert", p.Title, name)
			}
		}
	}
}
