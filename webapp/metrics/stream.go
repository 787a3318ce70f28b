package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"isuride/webapp/internal/batch"
	"isuride/webapp/stream"
)

var (
	streamMessages     = newDesc("stream_messages_total", "Messages that Kafka has taken.")
	streamTransactions = newDesc("stream_transactions_total", "Transactions of Kafka committed.")
	streamFailures     = newDesc("stream_failures_total", "Times that the stream to Kafka began again after a failure.")
	streamSnapshots    = newDesc("stream_snapshots_total", "Snapshots sent to Kafka.")
	streamBroken       = newDesc("stream_broken_total", "Snapshots sent since the log no longer had what should have followed.")
	streamSeq          = newDesc("stream_seq", "The last event that was read for Kafka.")

	sinkMessages  = newDesc("sink_messages_total", "Messages of Kafka that are done.")
	sinkRows      = newDesc("sink_rows_total", "Rows that QuestDB has taken.")
	sinkDead      = newDesc("sink_dead_total", "Messages and rows set aside.")
	sinkFailures  = newDesc("sink_failures_total", "Attempts to read or write that failed.")
	sinkSuspended = newDesc("sink_suspended_tables", "Tables that QuestDB does not bring up to date.")
	sinkWaiting   = newDesc("sink_waiting_transactions", "Transactions that QuestDB has taken and does not show yet.")
	sinkLevel     = newDesc("sink_level", "1 for the level of the fullest queue.", "level")
	sinkPauses    = newDesc("sink_pauses_total", "Pauses of partitions.")
	sinkBatchRows = newDesc("sink_batch_rows", "Rows that a batch may have.")
)

func (s sink) stream(p stream.ProducerStats) {
	s.counter(streamMessages, float64(p.Messages))
	s.counter(streamTransactions, float64(p.Transactions))
	s.counter(streamFailures, float64(p.Failures))
	s.counter(streamSnapshots, float64(p.Snapshots))
	s.counter(streamBroken, float64(p.Broken))
	s.gauge(streamSeq, float64(p.Seq))
}

func (s sink) streamSink(k stream.SinkStats) {
	s.counter(sinkMessages, float64(k.Messages))
	s.counter(sinkRows, float64(k.Rows))
	s.counter(sinkDead, float64(k.Dead))
	s.counter(sinkFailures, float64(k.Failures))
	s.gauge(sinkSuspended, float64(k.Suspended))
	s.gauge(sinkWaiting, float64(k.Waiting))
	s.level(sinkLevel, k.Level)
	s.counter(sinkPauses, float64(k.Pauses))
	s.gauge(sinkBatchRows, float64(k.BatchRows))
}

// level is 1 for the level of a queue, and 0 for the others.
func (s sink) level(d *prometheus.Desc, at batch.Level) {
	for l := range batch.Levels {
		s.gauge(d, map[bool]float64{true: 1}[l == at], l.String())
	}
}

// program is the collector of a program that has few figures.
type program func(sink)

func (program) Describe(chan<- *prometheus.Desc)      {}
func (p program) Collect(to chan<- prometheus.Metric) { p(sink(to)) }
func handler(own func(sink)) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(program(own), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// StreamHandler answers with the figures of `isuride stream`.
func StreamHandler(stats func() stream.ProducerStats) http.Handler {
	return handler(func(s sink) { s.stream(stats()) })
}

// SinkHandler answers with the figures of `isuride sink`.
func SinkHandler(stats func() stream.SinkStats) http.Handler {
	return handler(func(s sink) { s.streamSink(stats()) })
}
