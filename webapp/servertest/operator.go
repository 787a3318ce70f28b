package servertest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// operators is apart from HTTPClient, whose calls are recorded for the document of the API.
var operators = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

// Operator reads an address of the internal listener.
func (p *Process) Operator(method, path string) (status int, body []byte) {
	p.TB.Helper()
	req, err := http.NewRequest(method, p.Inside+path, nil)
	if err != nil {
		p.TB.Fatal(err)
	}
	resp, err := operators.Do(req)
	if err != nil {
		p.TB.Fatal(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		p.TB.Fatal(err)
	}
	return resp.StatusCode, body
}

// Well checks that the server says it is well.
func (p *Process) Well() {
	p.T.Helper()
	if status, body := p.Operator("GET", "/healthz"); status != 200 {
		p.T.Errorf("the server is not well: %d %s", status, body)
	}
}

// Unwell checks that the server gives a reason, perhaps among others.
func (p *Process) Unwell(why string) {
	p.T.Helper()
	if status, body := p.Operator("GET", "/healthz"); status != 503 || !strings.Contains(string(body), why) {
		p.T.Errorf("of its health the server says %d %s, want 503 %s", status, body, why)
	}
}

// Scrape holds the metrics by name.
type Scrape struct {
	t        testing.TB
	Families map[string]*dto.MetricFamily
}

// Scrape reads /metrics.
func (p *Process) Scrape() Scrape {
	p.TB.Helper()
	status, body := p.Operator("GET", "/metrics")
	if status != 200 {
		p.TB.Fatalf("/metrics: %d %s", status, body)
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		p.TB.Fatal(err)
	}
	return Scrape{p.TB, families}
}

// Value is that of a metric with labels, given as name and value in turn; of a histogram
// the number of what it has counted.
func (s Scrape) Value(name string, labels ...string) float64 {
	s.t.Helper()
	m := s.metric(name, labels)
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	}
	return float64(m.Histogram.GetSampleCount())
}

func (s Scrape) metric(name string, labels []string) *dto.Metric {
	s.t.Helper()
	m := s.find(name, labels)
	if m == nil {
		s.t.Fatalf("there is no metric %s%v", name, labels)
	}
	return m
}

// Has says whether there is such a metric: some come and go.
func (s Scrape) Has(name string, labels ...string) bool { return s.find(name, labels) != nil }

func (s Scrape) find(name string, labels []string) *dto.Metric {
	want := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		want[labels[i]] = labels[i+1]
	}
	for _, m := range s.Families[name].GetMetric() {
		have := map[string]string{}
		for _, l := range m.Label {
			have[l.GetName()] = l.GetValue()
		}
		if maps.Equal(have, want) {
			return m
		}
	}
	return nil
}

// Flushed returns when everything recorded is in the database.
func (p *Process) Flushed() {
	p.T.Helper()
	Eventually(p.T, func() error {
		if n := p.Scrape().Value("isuride_flush_backlog"); n > 0 {
			return fmt.Errorf("%v events are not in the database", n)
		}
		return nil
	})
}
