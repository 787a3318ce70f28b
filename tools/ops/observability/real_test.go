package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"isuride/tools/dev/bound"
)

// patience bounds the wait for things that normally happen within seconds.
const patience = time.Minute

// TestRealServer has a Prometheus watch a server while it serves rides, and while the
// systems it depends on fail.
func TestRealServer(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a server and starts a database")
	}
	needPrograms(t, "promtool", "prometheus")
	c := newCity(t)
	c.start()
	c.initialize()
	w := &watch{t: t, city: c, prometheus: prometheus(c.startPrometheus())}
	w.await("every target is up", `sum(up{job="isuride"}) == 1`)
	c.ride()
	w.await("two scrapes have seen the ride", `sum(increase(isuride_rides_completed_total[1m])) > 0`)
	w.loadRules()

	t.Run("scrape", func(t *testing.T) { checkScrape(t, c) })
	t.Run("dashboard", w.dashboard)
	t.Run("rules", w.rules)
	t.Run("payments fail", func(t *testing.T) {
		c.gatewayBroken.Store(true)
		defer c.gatewayBroken.Store(false)
		paid := c.rideUnpaid()
		w.fires(t, "IsuridePaymentsFail", nil)
		bound.Receive(t, "an answer to the rating", paid) // or failed, after some attempts
	})
	t.Run("initialize", func(t *testing.T) {
		c.initialize()
		w.fires(t, "IsurideInitialized", nil)
	})
	t.Run("the server goes and comes", func(t *testing.T) {
		c.kill()
		w.fires(t, "IsurideDown", nil)
		c.start()
		w.fires(t, "IsurideRestarted", nil)
	})
	t.Run("the database goes", func(t *testing.T) {
		c.database.Stop(t)
		defer c.database.Restart(t)
		go c.register("somebody") // something to write, acknowledged without the database
		w.fires(t, "IsurideFlushRetries", nil)
		// The real threshold of 10 s would be crossed too, only later than one of 2 s.
		w.fires(t, "IsurideFlushLags", strings.NewReplacer("> 10", "> 2"))
	})
}

// checkScrape has promtool check the names, types and help texts.
func checkScrape(t *testing.T, c *city) {
	response, err := http.Get("http://" + c.internal + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	scrape, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	check := bound.Command(t, "promtool", "check", "metrics")
	check.Stdin = strings.NewReader(string(scrape))
	if output, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, output)
	}
}

// watch queries the Prometheus that watches the city.
type watch struct {
	prometheus
	t      *testing.T
	city   *city
	loaded []rule
}

// rule is a loaded alert.
type rule struct {
	Name  string `json:"name"`
	Query string `json:"query"`
}

// now evaluates an expression at the current time.
func (w *watch) now(ctx context.Context, expr string) (model.Matrix, error) {
	now := time.Now()
	return w.query(ctx, expr, now, now, time.Second)
}

// await waits until an expression has a value.
func (w *watch) await(what, expr string) {
	w.t.Helper()
	w.until(what, expr, true)
}

// until waits until an expression has a value, or none. On a busy machine a scrape may take longer than the
// short interval lets it, and then the server counts as away until the next one.
func (w *watch) until(what, expr string, value bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var got model.Matrix
	var err error
	for tick := time.NewTicker(scrapeInterval); ; {
		if got, err = w.now(ctx, expr); err == nil && (len(got) > 0) == value {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("%s: not within %v; %s has %v, %v\n%s", what, patience, expr, got, err, w.city.log())
		case <-tick.C:
		}
	}
}

func (w *watch) loadRules() {
	var answer struct {
		Groups []struct {
			Rules []rule `json:"rules"`
		} `json:"groups"`
	}
	err := w.get(w.t.Context(), "rules", url.Values{"type": {"alert"}}, &answer)
	for _, g := range answer.Groups {
		w.loaded = append(w.loaded, g.Rules...)
	}
	if err != nil || len(w.loaded) != len(alerts(w.t)) {
		w.t.Fatalf("Prometheus has loaded %d rules of %d, %v", len(w.loaded), len(alerts(w.t)), err)
	}
}

// fires waits until an alert's expression, possibly edited, is true. The unit tests check
// how long it has to be true.
func (w *watch) fires(t *testing.T, alert string, edit *strings.Replacer) {
	t.Helper()
	i := slices.IndexFunc(w.loaded, func(r rule) bool { return r.Name == alert })
	if i < 0 {
		t.Fatalf("there is no alert %s", alert)
	}
	expr := w.loaded[i].Query
	if edit != nil {
		short := edit.Replace(expr)
		if short == expr {
			t.Fatalf("nothing to edit in %s", expr)
		}
		expr = short
	}
	w.await(alert+" fires", expr)
}

// dashboard evaluates all of the dashboard's queries: each must have a value, from
// existing metrics.
func (w *watch) dashboard(t *testing.T) {
	names := w.names(t)
	d, err := readDashboard()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, p := range d.Panels {
		for _, q := range p.Queries {
			if ofOthers(q.Expr) {
				continue
			}
			expr := span{now, now, scrapeInterval}.expand(q.Expr)
			checkNames(t, p.Title, expr, names)
			w.await(p.Title, expr)
		}
	}
}

// rules evaluates all alerts. None of them stays true for a healthy server, except those
// that fire when other tests on the same machine slow it down.
func (w *watch) rules(t *testing.T) {
	names := w.names(t)
	for _, r := range w.loaded {
		if ofOthers(r.Query) {
			continue
		}
		checkNames(t, r.Name, r.Query, names)
		if !strings.Contains(r.Query, "histogram_quantile") {
			w.until(r.Name+" is silent", r.Query, false)
		}
	}
}

// ofOthers reports whether an expression is about a group of servers, which this one is not, or about a sink:
// alerts_test.yml and TestReplicasAreShown have those.
func ofOthers(expr string) bool {
	return strings.Contains(expr, "isuride_replica_") || strings.Contains(expr, "isuride_sink_")
}

func (w *watch) names(t *testing.T) []string {
	t.Helper()
	var names []string
	if err := w.get(t.Context(), "label/__name__/values", nil, &names); err != nil {
		t.Fatal(err)
	}
	return names
}

// metricName finds the metrics in an expression by their prefix.
var metricName = regexp.MustCompile(`\b(?:isuride|go|process)_\w+|\bup\b`)

func checkNames(t *testing.T, where, expr string, known []string) {
	t.Helper()
	used := metricName.FindAllString(expr, -1)
	if len(used) == 0 {
		t.Errorf("%s: %s uses no metric of ours", where, expr)
	}
	for _, name := range used {
		if !slices.Contains(known, name) {
			t.Errorf("%s: the server has no metric %s", where, name)
		}
	}
}
