package stream_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"isuride/webapp/feed"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
	"isuride/webapp/stream"
)

// town is a real log of chairs that report, with its feed.
type town struct {
	b      *testing.B
	source feed.Source
	feed   *feed.Feed
	chairs []*state.Chair
	began  uint64 // the event before the first report
}

func now() isuride.Time { return isuride.TimeOf(time.Now()) }

func newTown(b *testing.B) *town {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	j, err := journal.Open(journal.Options{Dir: b.TempDir(), History: journal.History{1}, Keep: 8 << 30, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	store := state.New(state.Options{Log: j, Now: now, Describe: func(*isuride.Chair) []byte { return nil }},
		&isuride.Tables{ChairModels: []isuride.ChairModel{{Name: "m", Speed: 2}}}, nil)
	w := &town{b: b, source: feed.Source{Epoch: uint64(time.Now().Unix()), Store: store, Journal: j, Secret: []byte("secret")}}
	w.feed = feed.New(feed.Options{Current: func() feed.Source { return w.source }, Now: now, Log: log})
	b.Cleanup(func() {
		w.feed.Close()
		j.Close()
	})
	o, err := store.RegisterOwner("owner")
	if err != nil {
		b.Fatal(err)
	}
	for i := range 1000 {
		c, err := store.RegisterChair(o.ChairRegisterToken, fmt.Sprint("chair ", i), "m")
		if err != nil {
			b.Fatal(err)
		}
		w.chairs = append(w.chairs, c)
	}
	w.began = j.Appended()
	return w
}

func (w *town) report(i int) {
	if _, err := w.source.Store.Report(w.chairs[i%len(w.chairs)], isuride.Coordinate{Latitude: int32(i % 1000)}); err != nil {
		w.b.Fatal(err)
	}
}

// paced reports at a rate, so many in all.
func (w *town) paced(n, rate int) {
	began := time.Now()
	for i := range n {
		if i%100 == 0 {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		}
		w.report(i)
	}
}

// produce streams the town to Kafka until the benchmark ends.
func (w *town) produce(r *real, region string) *stream.Producer {
	p := stream.NewProducer(stream.Options{Brokers: []string{r.broker}, Region: region, Source: townSource{w},
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	w.b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.b.Error(err)
		}
	})
	return p
}

// townSource reads the feed as the server does.
type townSource struct{ *town }

func (townSource) Ready(context.Context) error { return nil }

func (s townSource) Open(_ context.Context, resume string) (stream.Reader, error) {
	if resume == "" {
		resume = fmt.Sprintf("%d:%d", s.source.Epoch, s.began) // no snapshot: every report counts
	}
	return s.feed.Follow(feed.Request{Tables: stream.Tables, Viewer: feed.Viewer{Class: feed.Operator}, Resume: resume, Every: true}), nil
}

// shown is how many reports QuestDB shows of a region.
func (r *real) shown(region string) int {
	rows, err := r.ask("SELECT count() FROM positions WHERE region = '" + region + "' AND action = 'update'")
	if err != nil || len(rows) == 0 {
		return 0
	}
	n, _ := rows[0][0].(float64)
	return int(n)
}

// batches is how many QuestDB has taken of reports.
func (r *real) batches() float64 {
	rows, err := r.ask("SELECT sequencerTxn FROM wal_tables() WHERE name = 'positions'")
	if err != nil || len(rows) == 0 {
		return 0
	}
	n, _ := rows[0][0].(float64)
	return n
}

func (r *real) awaitShown(b *testing.B, region string, want int) {
	moved := time.Now()
	for last := -1; last < want && time.Since(moved) < waitLimit; time.Sleep(20 * time.Millisecond) {
		if n := r.shown(region); n != last {
			last, moved = n, time.Now()
		}
	}
	if got := r.shown(region); got != want {
		b.Fatalf("QuestDB shows %d reports of %d", got, want)
	}
}

// awake waits until a sink has its partitions: one that was killed keeps them for seconds.
func (r *real) awake(b *testing.B) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	name := region("awake")
	sent := &kgo.Record{Topic: stream.Positions, Value: []byte(`{"table":"positions","action":"update","data":[{"chair_id":"c"}]}`), Headers: []kgo.RecordHeader{
		{Key: "ce_id", Value: []byte("1:1:0")}, {Key: "ce_source", Value: []byte("/isuride/" + name)}}}
	for client.ProduceSync(b.Context(), sent).FirstErr() != nil { // the topic may be new
		time.Sleep(100 * time.Millisecond)
	}
	r.awaitShown(b, name, 1)
}

// region names one that no other run has used.
func region(name string) string { return fmt.Sprintf("%s-%d", name, time.Now().UnixNano()) }

// cost is what a process has used.
func cost(p *program) (cpu time.Duration, peak float64) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	if f := strings.Fields(rest); len(f) > 12 {
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		cpu = time.Duration(user+system) * 10 * time.Millisecond
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		peak = kib / 1024
	}
	return cpu, peak
}

// own is the CPU time of this process.
func own() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// meter tells what each program has spent on a message. Other than a rate, that is about the same on a
// machine that does something else, too; the sum of all, over the number of processors, bounds the rate.
type meter struct {
	programs []*program
	before   []time.Duration
	own      time.Duration // of this process, which is the stream
}

func begin(programs ...*program) *meter {
	m := &meter{programs: programs, own: own()}
	for _, p := range programs {
		cpu, _ := cost(p)
		m.before = append(m.before, cpu)
	}
	return m
}

func (m *meter) report(b *testing.B, messages int) {
	each := func(name string, cpu time.Duration) {
		b.ReportMetric(float64(cpu.Microseconds())/float64(messages), name+"-us/msg")
	}
	all := own() - m.own
	each("stream", all)
	for i, p := range m.programs {
		cpu, _ := cost(p)
		each(p.name, cpu-m.before[i])
		all += cpu - m.before[i]
	}
	each("all", all)
}

// BenchmarkChain brings a log that was written beforehand to rows that can be asked.
func BenchmarkChain(b *testing.B) {
	r := shared.use(b)
	w, name := newTown(b), region("chain")
	for i := range b.N {
		w.report(i)
	}
	sink := r.sink(b)
	r.awake(b)
	m, batches := begin(sink, r.kafka, r.questdb), r.batches()
	b.ResetTimer()
	w.produce(r, name)
	r.awaitShown(b, name, b.N)
	b.StopTimer()
	m.report(b, b.N)
	b.ReportMetric(float64(b.N)/(r.batches()-batches), "row/batch")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	_, peak := cost(sink)
	b.ReportMetric(peak, "sink-MiB")
}

// BenchmarkProducer brings such a log to Kafka.
func BenchmarkProducer(b *testing.B) {
	r := shared.use(b)
	w, name := newTown(b), region("producer")
	for i := range b.N {
		w.report(i)
	}
	m := begin(r.kafka)
	b.ResetTimer()
	p := w.produce(r, name)
	for p.Stats().Seq < w.source.Journal.Appended() || p.Stats().Messages < uint64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	m.report(b, b.N)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(b.N)/float64(p.Stats().Transactions), "msg/transaction")
}

// agesAt is the load at which ages are measured, in reports a second.
const agesAt = 20_000

// ages collects how old the oldest of a batch was.
type ages struct {
	mu   sync.Mutex
	list []time.Duration
}

func (a *ages) add(oldest time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, time.Since(oldest))
}

func (a *ages) report(b *testing.B, unit string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.Sort(a.list)
	if n := len(a.list); n > 0 {
		b.ReportMetric(float64(a.list[n*99/100].Microseconds())/1000, unit)
	}
}

// BenchmarkAge measures, at a steady load, how old the oldest message of a batch is when a
// consumer of committed messages has it, and the oldest row when QuestDB has accepted it.
func BenchmarkAge(b *testing.B) {
	r := shared.use(b)
	w, name := newTown(b), region("age")
	var accepted, committed ages
	front := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) { r.pass(b, out, in, name, &accepted) }))
	defer front.Close()
	r.command(b, "sink", "-kafka", r.broker, "-questdb", front.URL)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var reader sync.WaitGroup
	reader.Go(func() { r.follow(b, ctx, name, &committed) })
	w.produce(r, name)
	w.paced(2*agesAt, agesAt) // what is cold
	r.awaitShown(b, name, 2*agesAt)
	accepted.list, committed.list = nil, nil
	b.ResetTimer()
	w.paced(b.N, agesAt)
	r.awaitShown(b, name, 2*agesAt+b.N)
	b.StopTimer()
	cancel()
	reader.Wait()
	accepted.report(b, "sink-p99-ms")
	committed.report(b, "committed-p99-ms")
}

// pass hands a call on to QuestDB, and notes how old its oldest row is when the answer is there.
func (r *real) pass(b *testing.B, out http.ResponseWriter, in *http.Request, region string, a *ages) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		b.Error(err)
	}
	req, err := http.NewRequest(in.Method, r.url+in.URL.String(), bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	defer answer.Body.Close()
	oldest := int64(0)
	for line := range bytes.Lines(body) {
		if !bytes.HasPrefix(line, []byte("positions,region="+region+" ")) {
			continue
		}
		at, err := strconv.ParseInt(string(bytes.TrimSpace(line[bytes.LastIndexByte(line, ' ')+1:])), 10, 64)
		if err == nil && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	if oldest != 0 {
		a.add(time.UnixMicro(oldest))
	}
	out.WriteHeader(answer.StatusCode)
	io.Copy(out, answer.Body)
}

// follow reads committed messages.
func (r *real) follow(b *testing.B, ctx context.Context, region string, a *ages) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker), kgo.ConsumeTopics(stream.Positions), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()))
	if err != nil {
		b.Error(err)
		return
	}
	defer client.Close()
	for ctx.Err() == nil {
		oldest := time.Time{}
		client.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
			if header(rec, "ce_source") != "/isuride/"+region {
				return
			}
			if at, err := time.Parse(time.RFC3339Nano, header(rec, "ce_time")); err == nil && (oldest.IsZero() || at.Before(oldest)) {
				oldest = at
			}
		})
		if !oldest.IsZero() {
			a.add(oldest)
		}
	}
}

var away = flag.Duration("away", time.Second, "how long BenchmarkAway has QuestDB away")

// outage is what BenchmarkAway has measured.
type outage struct{ catchUp, peak float64 }

var lastOutage outage // by the call with b.N 1

// BenchmarkAway takes QuestDB away under a steady load, and measures how long the sink needs
// to catch up once it answers, and what it has kept. How long that takes is -away: it does so
// once, with the first call, of which b.N is 1, and a second one for -benchtime only tells it again.
func BenchmarkAway(b *testing.B) {
	if b.N == 1 {
		lastOutage = measureOutage(b)
	}
	b.ReportMetric(lastOutage.catchUp, "catch-up-s")
	b.ReportMetric(lastOutage.peak, "sink-MiB")
}

func measureOutage(b *testing.B) (o outage) {
	r := shared.use(b)
	w, name := newTown(b), region("away")
	sink := r.sink(b)
	w.produce(r, name)
	w.paced(agesAt, agesAt)
	r.awaitShown(b, name, agesAt)
	r.questdb.kill()
	n := int(away.Seconds() * agesAt)
	w.paced(n, agesAt)
	if err := r.questdb.start(); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	r.awaitShown(b, name, agesAt+n)
	o.catchUp = time.Since(began).Seconds()
	_, o.peak = cost(sink)
	return o
}
