package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"isuride/webapp/client"
	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/internal/logging"
	"isuride/webapp/metrics"
	"isuride/webapp/stream"
)

// streaming is the stream to Kafka that runs in the server, nil without ISURIDE_KAFKA. It
// reads the server's own feed, and holds up nobody.
type streaming struct {
	producer *stream.Producer
	cancel   context.CancelFunc
	ended    chan struct{}
}

// kafka is what the environment says of the stream.
type kafka struct {
	brokers  []string // none: no stream
	region   string
	envelope stream.Envelope
}

func (e *environment) kafka() (k kafka) {
	if k.brokers = e.addresses("ISURIDE_KAFKA", ""); len(k.brokers) == 0 {
		k.brokers = nil
	}
	k.region = e.get("ISURIDE_REGION", stream.DefaultRegion)
	if err := stream.CheckRegion(k.region); err != nil {
		e.fail("ISURIDE_REGION", "%v", err)
	}
	k.envelope = stream.Envelope(e.choice("ISURIDE_KAFKA_ENVELOPE", string(stream.FrameEnvelope), string(stream.DebeziumEnvelope)))
	return k
}

// startStream begins the stream, if there is one.
func startStream(k kafka, e *engine.Engine, f *feed.Feed, log *slog.Logger) *streaming {
	if k.brokers == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &streaming{cancel: cancel, ended: make(chan struct{}), producer: stream.NewProducer(stream.Options{
		Brokers: k.brokers, Region: k.region, Envelope: k.envelope, Source: ownFeed{e, f}, Log: log})}
	go func() {
		defer close(s.ended)
		s.run(ctx, e, log)
	}()
	return s
}

// run streams until another producer takes over. Another server that leads does so
// rightly, and this one claims the region again when it leads again.
func (s *streaming) run(ctx context.Context, e *engine.Engine, log *slog.Logger) {
	for {
		if await(ctx, e, func() bool { return e.Current() != nil }) != nil {
			return
		}
		term := termOf(e)
		err := s.producer.Run(ctx)
		if err == nil {
			return
		}
		if termOf(e) == term {
			log.Error("the stream to Kafka has ended, and begins again when this server comes to lead its group again, or is restarted", "err", err)
		}
		if await(ctx, e, func() bool { return termOf(e) != term }) != nil {
			return
		}
	}
}

func (s *streaming) stop() {
	if s != nil {
		s.cancel()
		<-s.ended
	}
}

// stats are zero without a stream.
func (s *streaming) stats() (none stream.ProducerStats) {
	if s == nil {
		return none
	}
	return s.producer.Stats()
}

// await waits for something that a change of leaders brings about; an error is that of ctx. A server
// alone sees none.
func await(ctx context.Context, e *engine.Engine, holds func() bool) error {
	for {
		changed := e.Where().Changed
		if holds() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// termOf is the term in which this server leads its group, 0 without one, and -1 while
// another leads.
func termOf(e *engine.Engine) int64 {
	g := e.Current()
	if g == nil {
		return -1
	}
	return int64(g.Journal().Leads())
}

// ownFeed is the feed of this process, as an operator sees it.
type ownFeed struct {
	engine *engine.Engine
	feed   *feed.Feed
}

// Ready waits until this server leads.
func (o ownFeed) Ready(ctx context.Context) error {
	return await(ctx, o.engine, func() bool { return o.engine.Current() != nil })
}

func (o ownFeed) Open(_ context.Context, resume string) (stream.Reader, error) {
	return o.feed.Follow(feed.Request{Tables: stream.Tables, Viewer: feed.Viewer{Class: feed.Operator}, Resume: resume, Every: true}), nil
}

const streamHelp = `usage: isuride stream [flags]

Brings what happens in the city to Apache Kafka: it follows the feed of a server, and each
event arrives once, even if programs are killed. It may run anywhere, and once for a region: a second
one takes over, and the first ends with status 1. A server with ISURIDE_KAFKA does the same
by itself. webapp/docs/stream.md describes topics and messages.

  -kafka BROKERS    host:port, with commas between; without it ISURIDE_KAFKA, or
                    127.0.0.1:9092
  -server URL       the server; without it http://localhost:8080
  -token FILE       the file with its operator's token; without it operator-token in
                    ISURIDE_DATA
  -region NAME      names the city's log at the broker; without it ISURIDE_REGION, or city
  -envelope FORM    frame: messages are frames of the feed; debezium: a message for each row,
                    in the form of Debezium's events; without it ISURIDE_KAFKA_ENVELOPE, or frame
  -internal ADDRESS host:port of a listener for operators, which has /metrics
`

const defaultBroker = "127.0.0.1:9092"

func runStream(ctx context.Context, args []string) error {
	o, inside, err := parseStream(args, os.LookupEnv)
	if err != nil {
		return err
	}
	p := stream.NewProducer(o)
	end, err := showMetrics(inside, metrics.StreamHandler(p.Stats))
	if err != nil {
		return err
	}
	return errors.Join(p.Run(ctx), end())
}

// showMetrics serves /metrics, if there is an address, until end is called.
func showMetrics(address string, h http.Handler) (end func() error, err error) {
	if address == "" {
		return func() error { return nil }, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("-internal: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", h)
	s := &http.Server{Handler: guard(address, mux), ReadHeaderTimeout: headLimit, WriteTimeout: answerLimit, IdleTimeout: idleLimit, MaxHeaderBytes: maxHead}
	go s.Serve(l)
	return s.Close, nil
}

func parseStream(args []string, lookup func(string) (string, bool)) (o stream.Options, inside string, err error) {
	e := environment{lookup: lookup}
	f := newFlags("isuride stream")
	brokers := f.String("kafka", e.get("ISURIDE_KAFKA", defaultBroker), "")
	server := f.String("server", "http://localhost:8080", "")
	token := f.String("token", filepath.Join(e.get("ISURIDE_DATA", defaultData), operatorFile), "")
	f.StringVar(&o.Region, "region", e.get("ISURIDE_REGION", stream.DefaultRegion), "")
	f.StringVar(&inside, "internal", "", "")
	envelope := f.String("envelope", e.get("ISURIDE_KAFKA_ENVELOPE", string(stream.FrameEnvelope)), "")
	if err := parseCommand(f, args, streamHelp); err != nil {
		return o, inside, err
	}
	if f.NArg() > 0 {
		return o, inside, usageError{fmt.Errorf("unexpected argument %q; isuride stream -h lists the flags", f.Arg(0))}
	}
	checked := environment{lookup: func(name string) (string, bool) {
		v, ok := map[string]string{"ISURIDE_KAFKA": *brokers, "ISURIDE_REGION": o.Region, "ISURIDE_KAFKA_ENVELOPE": *envelope}[name]
		return v, ok
	}}
	k := checked.kafka()
	if len(checked.errs) > 0 {
		return o, inside, usageError{errors.New(strings.Join(checked.errs, "; "))}
	}
	text, err := os.ReadFile(*token)
	if err != nil {
		return o, inside, fmt.Errorf("the operator's token, which the server keeps in its data folder: %w; -token says where it is", err)
	}
	o.Brokers, o.Envelope, o.Log = k.brokers, k.envelope, logging.New(os.Stderr, logging.Text).Logger
	o.Source = stream.Served{Client: client.New(strings.TrimRight(*server, "/")).As(strings.TrimSpace(string(text)))}
	return o, inside, nil
}

const sinkHelp = `usage: isuride sink [flags]

Brings the messages of "isuride stream" from Apache Kafka to QuestDB, where each row is once.
Several share the work. A message that QuestDB refuses goes to the topic isuride.dead, with
the reason. webapp/docs/stream.md describes the tables.

  -kafka BROKERS  host:port, with commas between; without it ISURIDE_KAFKA, or 127.0.0.1:9092
  -questdb URL    QuestDB's HTTP; without it ISURIDE_QUESTDB, or http://127.0.0.1:9000
  -internal ADDRESS
                  host:port of a listener for operators, which has /metrics
`

// sinkMemory has garbage collected in time: a sink runs beside others, with 64 MiB at most, of
// which the program itself takes up to 20.
const sinkMemory = 40 << 20

const defaultQuestDB = "http://127.0.0.1:9000"

func runSink(ctx context.Context, args []string) error {
	o, inside, err := parseSink(args, os.LookupEnv)
	if err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(sinkMemory)
	}
	s := stream.NewSink(o)
	end, err := showMetrics(inside, metrics.SinkHandler(s.Stats))
	if err != nil {
		return err
	}
	return errors.Join(s.Run(ctx), end())
}

func parseSink(args []string, lookup func(string) (string, bool)) (o stream.SinkOptions, inside string, err error) {
	e := environment{lookup: lookup}
	f := newFlags("isuride sink")
	brokers := f.String("kafka", e.get("ISURIDE_KAFKA", defaultBroker), "")
	f.StringVar(&o.QuestDB, "questdb", e.get("ISURIDE_QUESTDB", defaultQuestDB), "")
	f.StringVar(&inside, "internal", "", "")
	if err := parseCommand(f, args, sinkHelp); err != nil {
		return o, inside, err
	}
	if f.NArg() > 0 {
		return o, inside, usageError{fmt.Errorf("unexpected argument %q; isuride sink -h lists the flags", f.Arg(0))}
	}
	checked := environment{lookup: func(string) (string, bool) { return *brokers, true }}
	if o.Brokers = checked.addresses("-kafka", ""); len(checked.errs) > 0 {
		return o, inside, usageError{errors.New(checked.errs[0])}
	}
	if !strings.Contains(o.QuestDB, "://") {
		o.QuestDB = "http://" + o.QuestDB
	}
	o.Log = logging.New(os.Stderr, logging.Text).Logger
	return o, inside, nil
}
