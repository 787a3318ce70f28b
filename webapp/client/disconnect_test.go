package client_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/webapp/client"
	"isuride/webapp/servertest"
)

var (
	breaks = flag.Int("breaks", 40, "connections that TestDisconnects loses")
	seed   = flag.Uint64("seed", rand.Uint64(), "of the places at which they break")
)

// killEvery is the number of broken connections after which the server is killed, too.
const killEvery = 25

// view is what a reader sees.
type view struct{ name, token, tables string }

// TestDisconnects: copies of a city that changes stay exact while their connections break at random
// bytes, over both transports, in Go, in TypeScript and in the script of the docs, and while the
// server is killed and started again. No row comes twice, none is missing, and no copy is made again.
func TestDisconnects(t *testing.T) {
	t.Parallel()
	t.Logf("seed %d (repeat with -seed)", *seed)
	w := newTown(t)
	views := []view{
		{"an operator's", w.operator(), "users,owners,chairs,positions,rides,statuses,coupons,payments,city"},
		{"a rider's", w.tokenOf(w.scene.User), "users,rides,statuses,coupons,payments"},
		{"anybody's", "", "city"},
	}
	f := &frayed{t: t, target: strings.TrimPrefix(w.URL, "http://")}
	ctx, fail := context.WithCancelCause(bound.Context(t, t.Context()))
	defer fail(nil)
	var readers []*reader
	for _, v := range views {
		readers = append(readers, newReader(f, v, (*reader).events), newReader(f, v, (*reader).socket))
	}
	scripts := scripts(f)
	f.fray(*breaks)
	for _, r := range readers {
		go func() { r.ended <- r.follow(ctx, fail) }()
	}
	kills := w.liveUntilBroken(ctx, f)
	ends := map[view]*ending{}
	for _, v := range views {
		ends[v] = w.end(ctx, v)
	}
	for _, r := range readers {
		r.compare(ends[r.view])
	}
	for name, latest := range scripts {
		compareScript(t, name, latest, ends[views[2]].copy.Rows("city"))
	}
	t.Logf("%d connections broke over %d ways; the server was killed %d times; %d events", f.broken.Load(), len(f.ways), kills, ends[views[0]].seq)
}

func (w *town) operator() string {
	w.T.Helper()
	text, err := os.ReadFile(filepath.Join(w.Data, "operator-token"))
	if err != nil {
		w.T.Fatal(err)
	}
	return string(bytes.TrimSpace(text))
}

// tokenOf is the token in an account's cookie.
func (w *town) tokenOf(c *servertest.Client) string {
	_, token, _ := strings.Cut(c.Cookie, "=")
	return token
}

// liveUntilBroken has the city live, and its server die now and then, until all connections that are
// to break have broken. It returns how often the server was killed.
func (w *town) liveUntilBroken(ctx context.Context, f *frayed) (kills int) {
	for n := 0; f.left() > 0; n++ {
		ride := w.scene.User.Request(servertest.Pickup, servertest.Destination)
		for i := range 15 {
			w.scene.Chair.Report(servertest.At(-100+n%50+7*i, 11*i))
		}
		w.scene.Drive(ride, "MATCHING", "COMPLETED")
		w.User(fmt.Sprint("passer-by ", n), "")
		if int(f.broken.Load()) > killEvery*(kills+1) {
			w.restart()
			kills++
		}
		if ctx.Err() != nil {
			w.T.Fatalf("%v; %d connections have yet to break", context.Cause(ctx), f.left())
		}
	}
	return kills
}

// ending is the city once nothing happens any more, as the server tells it.
type ending struct {
	copy client.Copy
	seq  uint64
	sums map[string]string // checksums by table
}

// end asks for all rows and their checksums, over a connection that holds.
func (w *town) end(ctx context.Context, v view) *ending {
	t := w.T
	t.Helper()
	r, err := w.client().As(v.token).Realtime(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer context.AfterFunc(ctx, func() { r.Close() })()
	if err := r.Subscribe("", "", client.Subscription{Tables: v.tables}); err != nil {
		t.Fatal(err)
	}
	e := &ending{sums: map[string]string{}}
	tables := strings.Split(v.tables, ",")
	for asked := false; len(e.sums) < len(tables); {
		f, err := r.Next()
		if err == nil {
			err = e.copy.Apply(f)
		}
		if err == nil && f.Action == "checksum" {
			e.sums[f.Table] = string(f.Data[0])
		}
		for i := 0; err == nil && e.copy.Position() != "" && !asked && i < len(tables); i++ {
			err = r.Checksum("", tables[i])
		}
		if err != nil {
			t.Fatal(err)
		}
		asked = asked || e.copy.Position() != ""
	}
	e.seq = seqOf(&e.copy)
	return e
}

func seqOf(c *client.Copy) (seq uint64) {
	_, after, _ := strings.Cut(c.Position(), ":")
	_, _ = fmt.Sscan(after, &seq) // 0 before the first group
	return seq
}

// reader keeps a copy over connections that break.
type reader struct {
	view
	t     *testing.T
	way   *way
	calls *client.Client
	read  func(*reader, context.Context) error
	ended chan error
	end   atomic.Uint64 // the event up to which it reads, once that is known

	// owned by read until it has ended
	copy    client.Copy
	resumed bool // the connection goes on where the copy is
}

var errEnd = errors.New("the end")

// follow reads until the end, or says at once what went wrong.
func (r *reader) follow(ctx context.Context, fail context.CancelCauseFunc) error {
	err := r.read(r, ctx)
	if err == errEnd {
		return nil
	}
	err = fmt.Errorf("%s copy over %s, connection %d: %w", r.name, r.way.url, r.way.broken.Load()+1, err)
	fail(err)
	return err
}

// events follows by server-sent events, and connects again as Follow does.
func (r *reader) events(ctx context.Context) error {
	for f, err := range r.calls.Follow(ctx, client.Subscription{Tables: r.tables}) {
		if err == nil {
			err = r.take(f)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// socket follows over WebSockets.
func (r *reader) socket(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.connection(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return ctx.Err()
}

// connection reads one until it breaks, which is no error.
func (r *reader) connection(ctx context.Context) error {
	c, err := r.calls.Realtime(ctx)
	if err != nil {
		return nil
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if c.Subscribe("", "", client.Subscription{Tables: r.tables, Resume: r.copy.Position()}) != nil {
		return nil
	}
	for f := (client.Frame{Action: client.Connected}); ; {
		if err := r.take(f); err != nil {
			return err
		}
		if f, err = c.Next(); err != nil {
			return nil
		}
	}
}

// take applies a frame, and returns errEnd once the copy is where it is to end.
func (r *reader) take(f client.Frame) error {
	switch {
	case f.Action == client.Connected:
		r.resumed = r.copy.Position() != ""
	case f.Action == "error":
		return &client.Refused{Frame: f}
	case f.Action == "partial" && r.resumed:
		return fmt.Errorf("a partial of %s came at %s: %s", f.Table, r.copy.Position(), f.Reason)
	}
	if err := r.copy.Apply(f); err != nil {
		return err
	}
	if end := r.end.Load(); end != 0 && seqOf(&r.copy) >= end {
		return errEnd
	}
	return nil
}

// compare waits until the reader is where the server was, and compares its rows.
func (r *reader) compare(e *ending) {
	r.t.Helper()
	r.end.Store(e.seq)
	if err := <-r.ended; err != nil {
		r.t.Fatal(err)
	}
	for table, sum := range e.sums {
		got, want := r.copy.Rows(table), e.copy.Rows(table)
		if text := fmt.Sprintf(`{"rows":%d,"crc32c":"%s"}`, len(got), r.copy.Checksum(table)); text != sum || !slices.Equal(got, want) {
			r.t.Errorf("%s copy of %s is %s at %s, the server's %s at %s:\n%s\n%s", r.name, table, text, r.copy.Position(), sum, e.copy.Position(),
				strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// newReader makes one with a way of its own.
func newReader(f *frayed, v view, read func(*reader, context.Context) error) *reader {
	w := f.way()
	return &reader{view: v, t: f.t, way: w, calls: &client.Client{URL: w.url, Token: v.token, HTTP: &http.Client{Transport: new(http.Transport)}},
		read: read, ended: make(chan error, 1)}
}

// scripts starts those in JavaScript, where Node is installed, and returns what each said last.
func scripts(f *frayed) map[string]*atomic.Pointer[said] {
	latest := map[string]*atomic.Pointer[said]{}
	start := func(name, script, made string) {
		s, last := run(f.t, script, made, f.way().url), new(atomic.Pointer[said])
		latest[name] = last
		go func() {
			for l := range s.lines {
				last.Store(&l)
			}
		}()
	}
	if _, err := exec.LookPath("node"); err != nil {
		f.t.Log("node is not installed, so what is in JavaScript is left out")
		return nil
	}
	module := filepath.Join(f.t.TempDir(), "city.mjs")
	if err := os.WriteFile(module, moduleOfTheDocs(f.t), 0o600); err != nil {
		f.t.Fatal(err)
	}
	start("the script of the docs", "page.mjs", module)
	if _, err := os.Stat(filepath.Join("ts", "node_modules")); err == nil {
		start("the TypeScript client", "feed.mjs", built(f.t))
	}
	return latest
}

func compareScript(t *testing.T, name string, latest *atomic.Pointer[said], want []string) {
	t.Helper()
	servertest.Within(t, servertest.RideLimit, func() error {
		if l := latest.Load(); l == nil || l.Partials != 1 || !slices.Equal(l.Rows, want) {
			return fmt.Errorf("%s has %+v, want the rows %v, and one partial", name, l, want)
		}
		return nil
	})
}
