package stream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"isuride/webapp/servertest"
	"isuride/webapp/stream"
)

var (
	kills = flag.Int("kills", 1, "how often TestKills kills each of the processes")
	seed  = flag.Uint64("seed", 0, "of the random choices of TestKills; 0 draws one")
)

// sums are what was reported in each minute: how many positions, and what they add up to.
type sums map[string]sum

type sum struct{ n, latitude, longitude int64 }

func (s sums) add(minute string, latitude, longitude int64) {
	v := s[minute]
	s[minute] = sum{v.n + 1, v.latitude + latitude, v.longitude + longitude}
}

func (s sums) String() string {
	var lines []string
	for _, minute := range slices.Sorted(maps.Keys(s)) {
		lines = append(lines, fmt.Sprint(minute, s[minute]))
	}
	return strings.Join(lines, "\n")
}

// TestKills kills Kafka, QuestDB, the stream and the sink in turn while chairs report. In the
// end all three have each report, once.
func TestKills(t *testing.T) {
	t.Parallel()
	r := shared.alone(t)
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d (repeat with -seed %d)", *seed, *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	p := city(t)
	region := "kills"
	victims := []*program{r.stream(t, p, region), r.sink(t), r.kafka, r.questdb}
	l := beginLoad(t, p, r.live(t, p, region))
	for range *kills {
		random.Shuffle(len(victims), func(i, k int) { victims[i], victims[k] = victims[k], victims[i] })
		for _, v := range victims {
			l.until(t, uint64(500+random.IntN(1000)))
			v.kill()
			l.until(t, uint64(random.IntN(500)))
			if err := v.start(); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.until(t, 500)
	accepted := l.end()
	want := r.ofJournal(t, p)
	if n := total(want); n != accepted {
		t.Errorf("the journal has %d reports, and %d were accepted", n, accepted)
	}
	eventually(t, func() error { return same("QuestDB", r.ofQuestDB(region), want) })
	if err := same("Kafka", r.ofKafka(t, region), want); err != nil {
		t.Errorf("%v\n%s", err, r.repeated(t, region))
	}
	t.Logf("%d reports in %d minutes are in the journal, in Kafka and in QuestDB, once each", accepted, len(want))
}

func total(s sums) (n uint64) {
	for _, v := range s {
		n += uint64(v.n)
	}
	return n
}

func same(where string, got, want sums) error {
	if maps.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("%s has\n%v\nand the journal\n%v", where, got, want)
}

// load are chairs that report positions.
type load struct {
	stop     context.CancelFunc
	drivers  sync.WaitGroup
	accepted atomic.Uint64
}

// Eight chairs report every 5 ms at most: enough for every transaction and batch to have
// something in it, and not so much that two Java machines start in minutes.
const (
	loadChairs = 8
	loadEvery  = 5 * time.Millisecond
)

func beginLoad(t *testing.T, p *servertest.Process, token string) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{stop: cancel}
	for i := range loadChairs {
		chair := p.Chair(token, fmt.Sprint("chair ", i), "リラックス座", servertest.At(i, i))
		l.accepted.Add(1)
		l.drivers.Go(func() { l.drive(ctx, t, p.URL, chair.Cookie, i) })
	}
	t.Cleanup(func() { l.end() })
	return l
}

func (l *load) drive(ctx context.Context, t *testing.T, url, cookie string, id int) {
	due := time.NewTicker(loadEvery)
	defer due.Stop()
	for n := 1; ctx.Err() == nil; n++ {
		<-due.C
		req, err := http.NewRequest("POST", url+"/api/chair/coordinate", strings.NewReader(fmt.Sprintf(`{"latitude":%d,"longitude":%d}`, n%1000, id)))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Cookie", cookie)
		answer, err := caller.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("a report is answered with status %d", answer.StatusCode)
			return
		}
		l.accepted.Add(1)
	}
}

// until waits until some more reports were accepted.
func (l *load) until(t *testing.T, more uint64) {
	t.Helper()
	want := l.accepted.Load() + more
	eventually(t, func() error {
		if got := l.accepted.Load(); got < want {
			return fmt.Errorf("%d reports were accepted, and %d are awaited", got, want)
		}
		return nil
	})
}

func (l *load) end() uint64 {
	l.stop()
	l.drivers.Wait()
	return l.accepted.Load()
}

// minuteOf cuts a time of the form 2026-11-29T09:51:04.123456Z.
func minuteOf(ts string) string { return ts[:len("2026-11-29T09:51")] }

// ofJournal adds up what the server's log has.
func (r *real) ofJournal(t *testing.T, p *servertest.Process) sums {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "inspect", "-json", filepath.Join(p.Data, "journal"))
	cmd.Env = []string{servertest.AsServer + "=1"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := sums{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Time     string
			Location *struct {
				At struct{ Latitude, Longitude int64 }
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Location != nil {
			s.add(minuteOf(e.Time), e.Location.At.Latitude, e.Location.At.Longitude)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return s
}

// ofQuestDB adds up what the database shows.
func (r *real) ofQuestDB(region string) sums {
	s := sums{}
	rows, err := r.ask("SELECT to_str(ts, 'yyyy-MM-ddTHH:mm') m, count(), sum(latitude), sum(longitude) FROM positions WHERE region = '" + region +
		"' AND action = 'update' GROUP BY m")
	if err != nil {
		return s
	}
	for _, row := range rows {
		minute, _ := row[0].(string)
		n, _ := row[1].(float64)
		latitude, _ := row[2].(float64)
		longitude, _ := row[3].(float64)
		s[minute] = sum{int64(n), int64(latitude), int64(longitude)}
	}
	return s
}

// ofKafka adds up what committed transactions have.
func (r *real) ofKafka(t *testing.T, region string) sums {
	t.Helper()
	s := sums{}
	for _, rec := range r.committed(t, stream.Positions) {
		if header(rec, "ce_source") != "/isuride/"+region {
			continue
		}
		var f struct {
			TS   string
			Data []struct{ Latitude, Longitude int64 }
		}
		if err := json.Unmarshal(rec.Value, &f); err != nil {
			t.Fatal(err)
		}
		s.add(minuteOf(f.TS), f.Data[0].Latitude, f.Data[0].Longitude)
	}
	return s
}

// repeated tells of messages that are there twice, and of what is in the topic of cursors.
func (r *real) repeated(t *testing.T, region string) string {
	t.Helper()
	var text strings.Builder
	show := func(rec *kgo.Record, what string) {
		fmt.Fprintf(&text, "%s/%d/%d at %s by %d/%d: %s\n", rec.Topic, rec.Partition, rec.Offset, rec.Timestamp.Format(time.StampMilli), rec.ProducerID, rec.ProducerEpoch, what)
	}
	first, shown := map[string]*kgo.Record{}, 0
	for _, rec := range r.read(t, stream.Positions, kgo.ReadCommitted()) {
		if header(rec, "ce_source") != "/isuride/"+region || rec.Attrs.IsControl() {
			continue
		}
		id := header(rec, "ce_id")
		if before := first[id]; before != nil && shown < 100 {
			show(before, id)
			show(rec, id)
			shown++
		}
		first[id] = rec
	}
	for _, rec := range r.read(t, stream.Cursor, kgo.ReadUncommitted()) {
		if rec.Attrs.IsControl() {
			show(rec, fmt.Sprintf("mark %x", rec.Key))
		} else if string(rec.Key) == region {
			show(rec, string(rec.Value))
		}
	}
	return text.String()
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// committed reads a topic to its end, as those do who read committed messages only.
func (r *real) committed(t *testing.T, topic string) []*kgo.Record {
	t.Helper()
	return slices.DeleteFunc(r.read(t, topic, kgo.ReadCommitted()), func(rec *kgo.Record) bool { return rec.Attrs.IsControl() })
}

// read reads a topic to its end, with the marks of transactions.
func (r *real) read(t *testing.T, topic string, level kgo.IsolationLevel) (records []*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker), kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	left := map[int32]int64{}
	ends.Each(func(e kadm.ListedOffset) {
		if e.Offset > 0 {
			left[e.Partition] = e.Offset
		}
	})
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("read %s: %v; %v is left", topic, err, left)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			if rec.Offset+1 >= left[rec.Partition] {
				delete(left, rec.Partition)
			}
			records = append(records, rec)
		})
	}
	return records
}
