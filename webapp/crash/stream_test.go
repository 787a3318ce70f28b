package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"isuride/webapp/servertest"
	"isuride/webapp/stream"
)

// TestClusterStreams: of a group whose servers all have a broker, the one that leads streams to it,
// also when it leads for the second time, without a start in between. Each event is there once.
func TestClusterStreams(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	g := servertest.NewGroup(t, func(p *servertest.Process) {
		p.Bare()
		p.Env = append(p.Env, "ISURIDE_KAFKA="+b.address)
	})
	g.Start()
	first := g.Leader()
	term, asked := termOf(g), 0
	// ours says that nobody came to lead but those that were asked for. Else a call may have been repeated whose answer was
	// lost, and a leader that was starved learns of the next one from the broker.
	ours := func() bool { return termOf(g) <= term+float64(asked) }
	_, token := first.Owner("owner")
	b.await(t, func() error {
		if b.owners == 0 { // with them the snapshot is complete
			return errors.New("the owner is not at the broker")
		}
		return nil
	})
	chair := first.Chair(token, "chair", "リラックス座", servertest.At(0, 0))
	const each = 10
	reports := 1
	for _, leader := range []*servertest.Process{first, g.Others(first)[0], first, g.Others(first)[1]} {
		asked += b.awaitStream(t, g, leader)
		chair.Process = leader
		for range each {
			reports++
			chair.Report(servertest.At(reports, 1))
		}
		b.awaitReports(t, reports, ours)
	}
	if logs := logsOf(g); strings.Contains(logs, "the stream to Kafka has ended") && ours() {
		t.Errorf("a server takes the next leader for a stranger:\n%s", logs)
	}
}

func logsOf(g *servertest.Group) string {
	var text strings.Builder
	for _, p := range g.Members {
		fmt.Fprintf(&text, "%s:\n%s\n", p.Node, p.Output)
	}
	return text.String()
}

// broker is one in this process, and what has been committed there.
type broker struct {
	address string

	mu sync.Mutex
	// The rest is guarded by mu.
	stream  string   // that the last cursor names
	owners  int      // rows of the city's owners
	reports []string // ids
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, stream.Events, stream.Cursor), kfake.SeedTopics(4, stream.Positions))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics(stream.Cursor, stream.Events, stream.Positions),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{address: cluster.ListenAddrs()[0]}
	ctx, cancel := context.WithCancel(t.Context())
	var reader sync.WaitGroup
	reader.Go(func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(b.add)
		}
	})
	t.Cleanup(func() {
		cancel()
		reader.Wait()
		client.Close()
	})
	return b
}

func (b *broker) add(r *kgo.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range r.Headers {
		switch {
		case r.Topic == stream.Cursor && h.Key == "owner":
			b.stream = string(h.Value)
		case r.Topic == stream.Positions && h.Key == "ce_id":
			b.reports = append(b.reports, string(h.Value))
		case h.Key == "ce_type" && bytes.HasPrefix(h.Value, []byte("isuride.owners.")):
			b.owners++
		}
	}
}

// await waits until something holds, which is asked under the lock.
func (b *broker) await(t *testing.T, holds func() error) {
	t.Helper()
	servertest.Eventually(t, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		return holds()
	})
}

// awaitStream has a server lead until it streams, and returns how often it was asked for: again where it has lost the
// lead, as on a busy machine.
func (b *broker) awaitStream(t *testing.T, g *servertest.Group, p *servertest.Process) (asked int) {
	t.Helper()
	servertest.Eventually(t, func() error {
		asked += promote(t, g, p)
		b.mu.Lock()
		defer b.mu.Unlock()
		if pid := p.Cmd.Process.Pid; !strings.Contains(b.stream, fmt.Sprintf("/%d/", pid)) {
			return fmt.Errorf("the stream is that of %q; want the process %d, which leads", b.stream, pid)
		}
		return nil
	})
	return asked
}

// awaitReports waits for so many reports, each of them once. There may be more if not only we have changed the leader.
func (b *broker) awaitReports(t *testing.T, want int, ours func() bool) {
	t.Helper()
	servertest.Eventually(t, func() error {
		all, once := b.count()
		if once < all || once < want || once > want && ours() {
			return fmt.Errorf("%d reports are at the broker, %d of them different; want %d", all, once, want)
		}
		return nil
	})
}

// count is how many reports have come, and how many different ones.
func (b *broker) count() (all, once int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.reports), len(slices.Compact(slices.Sorted(slices.Values(b.reports))))
}
