package grafana

import (
	"strings"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	d, err := Read(strings.NewReader(`{"title": "City", "panels": [
		{"id": 1, "type": "row", "title": "Flow", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}},
		{"id": 2, "type": "timeseries", "title": "Rides", "gridPos": {"x": 0, "y": 1, "w": 12, "h": 8},
			"fieldConfig": {"defaults": {"unit": "s", "custom": {"stacking": {"mode": "normal"}, "scaleDistribution": {"type": "log", "log": 10}}}},
			"targets": [{"expr": "rate(rides[$__rate_interval])", "legendFormat": "{{from}} to {{to}}"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	p := d.Panels[1]
	if d.Title != "City" || p.Unit() != "s" || !p.Stacked() || d.Panels[0].Stacked() || !p.Logarithmic() || d.Panels[0].Logarithmic() {
		t.Errorf("read %+v", d)
	}
	if got := p.Queries[0].In(RateInterval(5*time.Second, time.Second)); got != "rate(rides[20s])" {
		t.Errorf("the expression is %q", got)
	}
	if got := p.Queries[0].Of(map[string]string{"from": "a", "to": "b", "more": "c"}); got != "a to b" {
		t.Errorf("the name is %q", got)
	}
}

func TestReadRefuses(t *testing.T) {
	const panel = `{"id": 1, "type": "stat", "title": "One", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8}, "targets": [{"expr": "up"}]}`
	for name, c := range map[string]struct{ panels, complaint string }{
		"no panel":         {``, "no panels"},
		"a kind":           {strings.Replace(panel, "stat", "heatmap", 1), `"heatmap" cannot be drawn`},
		"beyond the edge":  {strings.Replace(panel, `"x": 0`, `"x": 13`, 1), "does not lie on the grid"},
		"no height":        {strings.Replace(panel, `"h": 8`, `"h": 0`, 1), "does not lie on the grid"},
		"one over another": {panel + "," + strings.Replace(panel, `"id": 1`, `"id": 2`, 1), `lies on "One"`},
		"the same id":      {panel + "," + strings.Replace(panel, `"x": 0`, `"x": 12`, 1), "same id"},
		"no query":         {strings.Replace(panel, `{"expr": "up"}`, ``, 1), "asks for nothing"},
		"an empty query":   {strings.Replace(panel, `up`, ` `, 1), "empty expression"},
	} {
		_, err := Read(strings.NewReader(`{"panels": [` + c.panels + `]}`))
		if err == nil || !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, c.complaint)
		}
	}
}
