package client_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/freeport"
	"isuride/webapp/client"
	"isuride/webapp/servertest"
)

// said is a line that a script has printed.
type said struct {
	Connected bool
	Partials  int
	Rows      []string
	Rides     []string
	Told      []string
	Ride      string
	Refused   []any
}

// script is a program that Node runs.
type script struct {
	t     *testing.T
	lines chan said
	in    io.Writer
}

// needs skips a test without a program or a file.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip(p, " is not installed")
		}
	}
}

// run starts a script of testdata, until the test ends.
func run(t *testing.T, name string, args ...string) *script {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	cmd := bound.Command(t, "node", append([]string{"--experimental-websocket", "--no-warnings", path}, args...)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, lines: make(chan said, 10_000), in: in}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(s.lines)
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadBytes('\n')
			var l said
			if err != nil || json.Unmarshal(line, &l) != nil {
				return
			}
			s.lines <- l
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		for range s.lines {
		}
		<-read
		cmd.Wait()
		if t.Failed() {
			t.Logf("node says: %s", &complaints)
		}
	})
	return s
}

// until reads lines until one fits.
func (s *script) until(what string, fits func(said) bool) said {
	s.t.Helper()
	late := time.After(servertest.RideLimit)
	var last said
	for {
		select {
		case l, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("the script ended before %s; the last line is %+v", what, last)
			}
			if last = l; fits(l) {
				return l
			}
		case <-late:
			s.t.Fatalf("no line says %s; the last is %+v", what, last)
		}
	}
}

// town is a server at an address that stays over restarts.
type town struct {
	*servertest.Process
	scene *servertest.Scene
}

func newTown(t *testing.T) *town {
	t.Helper()
	p := servertest.New(t)
	p.Bare()
	p.Env = append(p.Env, "ISURIDE_LISTEN="+freeport.Address(t))
	p.Start()
	p.Initialize()
	return &town{p, p.Scene()}
}

// restart kills the server, as a failing machine would, and starts it again.
func (w *town) restart() {
	w.T.Helper()
	w.Kill()
	w.Start()
}

func (w *town) client() *client.Client {
	return &client.Client{URL: w.URL, HTTP: &http.Client{Transport: servertest.HTTPClient.Transport}}
}

// rows are those of a table as the server has them now.
func (w *town) rows(tables, token string) []string {
	t := w.T
	t.Helper()
	var c client.Copy
	for f, err := range w.client().As(token).Follow(t.Context(), client.Subscription{Tables: tables}) {
		if err == nil {
			err = c.Apply(f)
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.Position() != "" {
			break
		}
	}
	return c.Rows(tables)
}

// TestPageOfTheDocs: the 60 lines of feed-client.md keep an exact copy of the city while its
// server is killed and started again, and while chairs drive in between.
func TestPageOfTheDocs(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	module := filepath.Join(t.TempDir(), "city.mjs")
	if err := os.WriteFile(module, moduleOfTheDocs(t), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newTown(t)
	s := run(t, "page.mjs", module, w.URL)
	s.until("the beginning", func(l said) bool { return l.Connected && len(l.Rows) > 0 })
	ride := w.scene.User.Request(servertest.Pickup, servertest.Destination)
	w.scene.Drive(ride, "MATCHING", "ENROUTE")
	w.restart()
	w.scene.Drive(ride, "ENROUTE", "CARRYING")
	w.Kill()
	s.until("that the connection is lost", func(l said) bool { return !l.Connected })
	w.Start()
	for i := range 20 {
		w.scene.Chair.Report(servertest.At(i, 2*i))
	}
	w.scene.Drive(ride, "CARRYING", "COMPLETED")
	want := w.rows("city", "")
	last := s.until(fmt.Sprintf("the rows %v", want), func(l said) bool { return l.Connected && slices.Equal(l.Rows, want) })
	if last.Partials != 1 {
		t.Errorf("there were %d partials: the copy was made again instead of resumed", last.Partials)
	}
	w.Initialize()
	s.until("an empty city", func(l said) bool { return l.Connected && len(l.Rows) == 0 })
}

// moduleOfTheDocs is the script on feed-client.md.
func moduleOfTheDocs(t *testing.T) []byte {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "feed-client.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```js\n")
	code, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("feed-client.md has no script")
	}
	const most = 60
	n := 0
	for line := range strings.SplitSeq(code, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	if n > most {
		t.Errorf("the script has %d lines, more than %d", n, most)
	}
	return []byte(code)
}

// built is the folder with the TypeScript client, compiled once for all tests.
func built(t *testing.T) string {
	t.Helper()
	needs(t, "node")
	tsc := modules(t, "typescript/bin/tsc")
	compile.Do(func() {
		var err error
		if compiled, err = os.MkdirTemp("", "isuride-client"); err != nil {
			t.Fatal(err)
		}
		if out, err := bound.Command(t, "node", tsc, "--project", "ts", "--outDir", compiled).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := os.WriteFile(filepath.Join(compiled, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	return compiled
}

// modules is the path of a program of npm's.
func modules(t *testing.T, program string) string {
	t.Helper()
	path := filepath.Join("ts", "node_modules", filepath.FromSlash(program))
	if _, err := os.Stat(path); err != nil {
		t.Skip(program, " is not installed: run npm ci in webapp/client/ts")
	}
	return path
}

// TestTypeScriptClient: calls and feed as the interface uses them, through a restart.
func TestTypeScriptClient(t *testing.T) {
	t.Parallel()
	folder := built(t)
	w := newTown(t)
	s := run(t, "client.mjs", folder, w.URL, "10000")
	first := s.until("the beginning", func(l said) bool { return l.Connected && len(l.Rows) > 0 && len(l.Told) > 0 })
	if fmt.Sprint(first.Refused) != "[400 latitude is required]" {
		t.Errorf("a call that is refused throws %v", first.Refused)
	}
	fmt.Fprintln(s.in, "request")
	ride := s.until("the ride", func(l said) bool { return l.Ride != "" }).Ride
	w.scene.Drive(ride, "MATCHING", "ENROUTE")
	s.until("ENROUTE", func(l said) bool { return slices.Contains(l.Told, "ENROUTE") })
	w.restart()
	s.until("that the server is gone", func(l said) bool { return !l.Connected && l.Ride == "" })
	s.until("a new connection", func(l said) bool { return l.Connected && len(l.Rides) > 0 })
	w.scene.Drive(ride, "ENROUTE", "ARRIVED")
	s.until("ARRIVED", func(l said) bool { return slices.Contains(l.Told, "ARRIVED") })
	fmt.Fprintln(s.in, "rate", ride)
	s.until("COMPLETED", func(l said) bool { return slices.Contains(l.Told, "COMPLETED") })
	want := w.rows("city", "")
	last := s.until(fmt.Sprintf("the rows %v", want), func(l said) bool { return slices.Equal(l.Rows, want) })
	if last.Partials != 1 {
		t.Errorf("there were %d partials of the city: the copy was made again instead of resumed", last.Partials)
	}
	// After the restart the last status is told again, as on every new stream.
	if got := strings.Join(slices.Compact(last.Told), " "); got != "nothing MATCHING ENROUTE PICKUP CARRYING ARRIVED COMPLETED" {
		t.Errorf("told %s", got)
	}
	if len(last.Rides) != 1 || !strings.Contains(last.Rides[0], ride) {
		t.Errorf("the rider sees the rides %v", last.Rides)
	}
}

// TestSilence: a client from which the server is cut off, without being told, gives the connection up
// and resumes on another one.
func TestSilence(t *testing.T) {
	t.Parallel()
	folder := built(t)
	w := newTown(t)
	way := servertest.NewProxy(t, strings.TrimPrefix(w.URL, "http://"))
	s := run(t, "client.mjs", folder, "http://"+way.Address, "4000")
	s.until("the beginning", func(l said) bool { return l.Connected && len(l.Rows) > 0 && len(l.Told) > 0 })
	way.Set(true)
	s.until("that it is cut off", func(l said) bool { return !l.Connected && l.Refused != nil && l.Ride == "" })
	way.Set(false)
	last := s.until("a new connection", func(l said) bool { return l.Connected && len(l.Rows) > 0 })
	if last.Partials != 1 {
		t.Errorf("there were %d partials of the city: the copy was made again instead of resumed", last.Partials)
	}
}

// TestTypesAreThoseOfTheDocument: api.d.ts is what the pinned program makes of openapi.yaml.
func TestTypesAreThoseOfTheDocument(t *testing.T) {
	needs(t, "node")
	out := filepath.Join(t.TempDir(), "api.d.ts")
	if said, err := bound.Command(t, "node", modules(t, "openapi-typescript/bin/cli.js"), "../docs/openapi.yaml", "--output", out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	made, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := os.ReadFile(filepath.Join("ts", "api.d.ts"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, stored) {
		t.Error("webapp/client/ts/api.d.ts is not made from openapi.yaml: run npm run types in that folder")
	}
}
