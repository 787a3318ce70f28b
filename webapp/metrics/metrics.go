// Package metrics hands the figures of all parts to Prometheus. The parts count for
// themselves and know nothing of it; here their figures are read when somebody asks, and
// get the names and units that docs/metrics.md explains.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"isuride/webapp/admission"
	"isuride/webapp/api"
	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/internal/build"
	"isuride/webapp/internal/histogram"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/stream"
)

// Sources are the parts that the figures come from.
type Sources struct {
	HTTP   func() httpd.Stats
	API    func() api.Stats
	Engine func() engine.Stats
	Errors func() uint64 // that were logged

	Admission func() admission.Stats
	Feed      func() feed.Stats
	Stream    func() stream.ProducerStats // zero without a stream
}

// Handler answers with all figures as text: those of the server, of Go's runtime and of
// the process.
func Handler(s Sources) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// collector is a prometheus.Collector.
type collector struct{ Sources }

// Describe lists what Collect collects.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range all {
		to <- d
	}
}

// Collect reads all figures. Each part is read at one moment, but not all at the same.
func (c collector) Collect(to chan<- prometheus.Metric) {
	s := sink(to)
	s.gauge(buildInfo, 1, build.Revision())
	s.counter(logErrors, float64(c.Errors()))
	s.http(c.HTTP())
	s.api(c.API())
	s.engine(c.Engine())
	s.admission(c.Admission())
	s.feed(c.Feed())
	s.stream(c.Stream())
}

// sink takes figures.
type sink chan<- prometheus.Metric

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (s sink) counter(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (s sink) histogram(d *prometheus.Desc, h *histogram.Snapshot, labels ...string) {
	buckets := make(map[float64]uint64, len(h.Counts))
	upTo := uint64(0)
	for i, bound := range histogram.Bounds() {
		upTo += h.Counts[i]
		buckets[bound.Seconds()] = upTo
	}
	s <- prometheus.MustNewConstHistogram(d, h.Count(), h.Sum.Seconds(), buckets, labels...)
}

func (s sink) http(h httpd.Stats) {
	s.gauge(httpConnections, float64(h.Conns))
	s.gauge(httpConnectionsMax, float64(h.MaxConns))
	s.counter(httpConnectionsRefused, float64(h.Refused))
	s.gauge(httpAnswersWaiting, float64(h.Waiting))
	s.counter(httpAnswersCut, float64(h.Cut))
}

// classes name what api.EndpointStats counts.
var classes = [...]string{"2xx", "3xx", "4xx", "5xx"}

func (s sink) api(a api.Stats) {
	for i := range a.Endpoints {
		e := &a.Endpoints[i]
		for class, n := range e.Answers {
			s.counter(httpRequests, float64(n), e.Name, classes[class])
		}
		if e.Timed {
			s.histogram(httpRequestDuration, &e.Took, e.Name)
		}
	}
	for recipient, r := range map[string]*api.RecipientStats{"user": &a.Users, "chair": &a.Chairs} {
		s.gauge(streamsOpen, float64(r.Streams), recipient)
		s.counter(notificationsSent, float64(r.Sent), recipient)
		s.histogram(notificationDelay, &r.Delay, recipient)
	}
}

func (s sink) admission(a admission.Stats) {
	for class := range admission.Class(len(a.Refused)) {
		for _, why := range admission.Reasons() {
			s.counter(shed, float64(a.Refused[class][why]), class.String(), why.String())
		}
		s.gauge(shedShare, a.Share[class], class.String())
	}
	pressure, _ := admission.Pressure()
	s.counter(cpuPressure, pressure.Seconds())
	for source, d := range a.Delay {
		s.gauge(admissionDelay, d.Seconds(), source)
	}
}

func (s sink) feed(f feed.Stats) {
	s.gauge(feedConnections, float64(f.Connections))
	s.gauge(feedSubscriptions, float64(f.Subscriptions))
	s.gauge(feedBehind, float64(f.Behind))
	s.counter(feedFrames, float64(f.Frames))
	s.counter(feedBytes, float64(f.Bytes))
	s.counter(feedPartials, float64(f.Partials))
	s.counter(feedDropped, float64(f.Dropped))
	s.counter(feedCut, float64(f.Cut))
}

func (s sink) engine(e engine.Stats) {
	s.gauge(generation, float64(e.Generation))
	s.counter(initializes, float64(e.Initialized), "done")
	s.counter(initializes, float64(e.NotInitialized), "failed")
	s.state(e)
	s.match(e)
	s.journal(e)
	s.flush(e)
	s.snapshot(e)
	s.audit(e)
	s.replica(e.Replica)
	s.counter(paymentAttempts, float64(e.Payment.Accepted), "accepted")
	s.counter(paymentAttempts, float64(e.Payment.Refused), "refused")
	s.counter(paymentAttempts, float64(e.Payment.Failed), "failed")
	s.gauge(paymentInProgress, float64(e.Payment.InProgress))
}

func (s sink) state(e engine.Stats) {
	o := &e.State
	s.gauge(users, float64(o.Users))
	s.gauge(rides, float64(o.Waiting), "waiting")
	s.gauge(rides, float64(o.Matched), "matched")
	s.gauge(rides, float64(o.Pickup), "pickup")
	s.gauge(rides, float64(o.Carrying), "carrying")
	s.gauge(rides, float64(o.Arrived), "arrived")
	s.gauge(rideOldestWait, o.OldestWait.Seconds())
	s.gauge(chairs, float64(o.Free), "free")
	s.gauge(chairs, float64(o.Busy), "busy")
	s.gauge(chairs, float64(o.Inactive), "inactive")
	s.counter(ridesRequested, float64(e.Rides.Requested))
	s.counter(ridesMatched, float64(e.Rides.Matched))
	s.counter(ridesCompleted, float64(e.Rides.Completed))
}

func (s sink) match(e engine.Stats) {
	m := &e.Match
	s.counter(matchRounds, float64(m.Took.Count()))
	s.histogram(matchRoundTime, &m.Took)
	s.gauge(matchRoundRides, float64(m.Rides))
	s.gauge(matchRoundChairs, float64(m.Chairs))
	s.counter(matchPickup, m.Pickup.Seconds())
}

func (s sink) journal(e engine.Stats) {
	j := &e.Journal
	s.counter(journalAppended, float64(j.Added))
	s.counter(journalAppendedBytes, float64(j.AddedBytes))
	s.counter(journalSynced, float64(j.Synced))
	s.gauge(journalUnsynced, float64(j.Appended-j.Durable))
	s.gauge(journalSegments, float64(j.Bytes))
	s.gauge(journalKept, float64(j.Kept))
	s.gauge(journalOldest, float64(j.Oldest))
}

func (s sink) snapshot(e engine.Stats) {
	n := &e.Snapshot
	s.counter(snapshots, float64(n.Written), "written")
	s.counter(snapshots, float64(n.Failed), "failed")
	s.gauge(snapshotAge, n.Age.Seconds())
	s.gauge(snapshotBytes, float64(n.Bytes))
	s.gauge(snapshotTime, n.Took.Seconds())
	s.gauge(snapshotTail, float64(n.Tail))
	s.counter(stateCounts, float64(e.Count.Equal), "equal")
	s.counter(stateCounts, float64(e.Count.Different), "different")
}

func (s sink) audit(e engine.Stats) {
	a := &e.Audit
	closed := 0.0
	if a.Closed != nil {
		closed = 1
	}
	s.gauge(auditClosed, closed)
	s.counter(auditViolations, float64(a.Violations))
	s.counter(auditRecounts, float64(a.Recounts))
	s.gauge(auditAge, a.Age.Seconds())
	s.gauge(auditTime, a.Took.Seconds())
	s.counter(auditGateway, float64(a.Gateway.Agreed), "agrees")
	s.counter(auditGateway, float64(a.Gateway.Differed), "differs")
	s.counter(auditGateway, float64(a.Gateway.Silent), "silent")
	for account, yen := range a.Totals.Yen {
		s.gauge(auditYen, float64(yen), account)
	}
}

func (s sink) flush(e engine.Stats) {
	f := &e.Flush
	s.gauge(flushBacklog, float64(f.Lag.Events))
	s.gauge(flushLag, f.Lag.Age.Seconds())
	s.counter(flushBatches, float64(f.Cuts))
	s.counter(flushRows, float64(f.Rows))
	s.counter(flushRetries, float64(f.Retries))
	s.level(flushLevel, f.Level)
	s.gauge(flushCutRows, float64(f.CutRows))
	s.histogram(flushTime, &f.Took)
	s.gauge(refusedRows, float64(e.Refused))
	s.counter(positionsDeleted, float64(e.PositionsDeleted))
}
