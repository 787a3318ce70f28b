package ui_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/freeport"
	"isuride/webapp/servertest"
	"isuride/webapp/ui"
)

func TestMain(m *testing.M) { os.Exit(servertest.Main(m)) }

// TestBrowser has Chromium do what people do, against the real server. The scenes are in
// test/scenarios.mjs.
func TestBrowser(t *testing.T) {
	needsBrowser(t)
	t.Parallel()
	b := launch(t)
	t.Run("leader", func(t *testing.T) {
		t.Parallel()
		playCluster(t, b)
	})
	for _, s := range []struct {
		scene string
		http2 bool
	}{{"people", true}, {"city", false}, {"restart", false}, {"restart", true}, {"keyboard", false}} { // the longest first
		t.Run(fmt.Sprintf("%s/http2=%t", s.scene, s.http2), func(t *testing.T) {
			t.Parallel()
			p := servertest.New(t)
			port := "ISURIDE_LISTEN="
			if s.http2 {
				p.UseHTTP2()
				port = "ISURIDE_TLS_LISTEN="
			}
			p.Env = append(p.Env, port+freeport.Address(t)) // the same after a restart
			b.play(t, p, s.scene, t.TempDir())
		})
	}
}

// needsBrowser skips where something is missing that scripts/test.sh installs.
func needsBrowser(t testing.TB) {
	t.Helper()
	for _, program := range []string{"node", "chromium"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program, " is not installed")
		}
	}
	if _, err := os.Stat("node_modules/playwright-core"); err != nil {
		t.Skip("webapp/ui/node_modules is not installed: npm ci --prefix webapp/ui")
	}
	if _, err := fs.Stat(ui.Files(), "index.html"); err != nil {
		t.Skip("the interface is not built: make interface")
	}
}

// browser is a Chromium in which scenes are played side by side.
type browser struct {
	mu     sync.Mutex
	orders *json.Encoder       // guarded by mu
	scenes []chan<- sceneEvent // guarded by mu; by id; closed at the browser's end
}

// sceneOrder is a line for test/browser.mjs.
type sceneOrder struct {
	ID      int     `json:"id"`
	Scene   string  `json:"scene,omitempty"` // "" says that what the scene has asked for is done
	URL     string  `json:"url,omitempty"`
	Folder  string  `json:"folder,omitempty"` // for pictures
	Data    string  `json:"data,omitempty"`   // the server's folder
	Minutes float64 `json:"minutes,omitempty"`
}

// sceneEvent is a line of it.
type sceneEvent struct {
	ID      int                `json:"id"`
	Asks    string             `json:"asks"`
	Figures map[string]float64 `json:"figures"`
	Faults  []string           `json:"faults"` // not nil at the end
}

// launch starts a browser, which ends with the test.
func launch(t testing.TB) *browser {
	t.Helper()
	cmd := exec.Command("node", "test/browser.mjs")
	var says bytes.Buffer
	cmd.Stderr = &says
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &browser{orders: json.NewEncoder(in)}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		b.listen(out)
	}()
	t.Cleanup(func() {
		in.Close()
		<-heard
		if err := cmd.Wait(); err != nil {
			t.Errorf("the browser ended: %v\n%s", err, &says)
		}
	})
	return b
}

// listen hands on what the scenes say, until the browser ends.
func (b *browser) listen(out io.Reader) {
	for d := json.NewDecoder(out); ; {
		var e sceneEvent
		err := d.Decode(&e)
		b.mu.Lock()
		if err != nil {
			for _, scene := range b.scenes {
				close(scene)
			}
			b.scenes = nil
			b.mu.Unlock()
			return
		}
		scene := b.scenes[e.ID]
		b.mu.Unlock()
		scene <- e
	}
}

func (b *browser) order(o sceneOrder) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.orders.Encode(o)
}

// mostEvents is more than a scene ever tells, so that one whose test has ended keeps no other waiting.
const mostEvents = 16

// begin begins a scene; the channel says what becomes of it.
func (b *browser) begin(o sceneOrder) (<-chan sceneEvent, int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := make(chan sceneEvent, mostEvents)
	o.ID = len(b.scenes)
	b.scenes = append(b.scenes, events)
	return events, o.ID, b.orders.Encode(o)
}

// perform plays a scene, has obey do what it asks for, and returns what it measures, by unit.
func (b *browser) perform(t testing.TB, o sceneOrder, obey func(what string)) map[string]float64 {
	t.Helper()
	events, id, err := b.begin(o)
	if err != nil {
		t.Fatal("the browser has ended: ", err)
	}
	figures := map[string]float64{}
	for e := range events {
		maps.Copy(figures, e.Figures)
		if e.Asks != "" {
			obey(e.Asks)
			if err := b.order(sceneOrder{ID: id}); err != nil {
				t.Error(err)
			}
		}
		if e.Faults != nil {
			if len(e.Faults) > 0 {
				t.Errorf("%s: %s", o.Scene, strings.Join(e.Faults, "\n"))
			}
			return figures
		}
	}
	t.Errorf("%s: the browser ended in the middle of it", o.Scene)
	return figures
}

// play plays a scene on a server of its own.
func (b *browser) play(t testing.TB, p *servertest.Process, scene, pictures string) map[string]float64 {
	t.Helper()
	p.Bare()
	p.Start()
	p.Initialize()
	logs := []*servertest.OutputLog{p.Output}
	figures := b.perform(t, sceneOrder{Scene: scene, URL: p.URL, Folder: pictures, Data: p.Data, Minutes: soak.Minutes()}, func(what string) {
		if what != "restart" {
			t.Errorf("%s asks for %q, which nobody can do", scene, what)
			return
		}
		p.Kill()
		p.Start()
		logs = append(logs, p.Output)
	})
	if t.Failed() {
		t.Logf("the server is %s", health(p.Inside))
		for _, l := range logs {
			t.Logf("a server said:\n%s", ending(l.String()))
		}
	}
	return figures
}

// health asks a server at its internal listener.
func health(inside string) string {
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(inside + "/healthz?leader")
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return answer.Status + ": " + strings.TrimSpace(string(text))
}

// ending is what of a log is worth reading.
func ending(log string) string {
	const most = 64 << 10
	return log[max(0, len(log)-most):]
}

// playCluster has the leader of `make cluster` killed in the middle of a ride, by the page.
func playCluster(t *testing.T, b *browser) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed")
	}
	program := filepath.Join(t.TempDir(), "cluster")
	if out, err := exec.Command("go", "build", "-o", program, "isuride/tools/dev/cluster").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	folder, port := filepath.Join(t.TempDir(), "data"), freeport.Ports(t, 20)
	cmd := exec.Command(program, "run", "-dir", folder, "-port", strconv.Itoa(port), "-binary", os.Args[0], "-data", "../../sql/2-master-data.sql")
	cmd.Env = append(os.Environ(), servertest.AsServer+"=1")
	var says servertest.OutputLog
	cmd.Stdout, cmd.Stderr = &says, &says
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			tellCluster(t, &says, folder)
		}
		_ = cmd.Process.Signal(syscall.SIGINT) // it stops its servers and nginx
		_ = cmd.Wait()
	})
	front := fmt.Sprintf("http://127.0.0.1:%d", port)
	servertest.Eventually(t, func() error { return initialize(front, fmt.Sprintf("http://127.0.0.1:%d", port+18)) })
	b.perform(t, sceneOrder{Scene: "leader", URL: front, Data: folder}, func(what string) { t.Errorf("the scene asks for %q", what) })
}

var insideOf = regexp.MustCompile(`(?m)^([abc]) +http://\S+, for operators (http://[^\s,]+)`)

// tellCluster shows how the members are, and what all have said.
func tellCluster(t *testing.T, says *servertest.OutputLog, folder string) {
	t.Logf("the cluster said:\n%s", says)
	for _, m := range insideOf.FindAllStringSubmatch(says.String(), -1) {
		log, err := os.ReadFile(filepath.Join(folder, m[1], "log"))
		t.Logf("%s is %s, and said (%v):\n%s", m[1], health(m[2]), err, ending(string(log)))
	}
}

func initialize(front, gateway string) error {
	answer, err := http.Post(front+"/api/initialize", "application/json", strings.NewReader(fmt.Sprintf(`{"payment_server":%q}`, gateway)))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}

// TestTypes has the compiler look at all sources.
func TestTypes(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("node_modules/typescript"); err != nil {
		t.Skip("webapp/ui/node_modules is not installed: npm ci --prefix webapp/ui")
	}
	if out, err := exec.Command("node", "node_modules/typescript/bin/tsc", "-p", ".").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLint has biome look for what the compiler allows and people regret.
func TestLint(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("node_modules/@biomejs/biome"); err != nil {
		t.Skip("webapp/ui/node_modules is not installed: npm ci --prefix webapp/ui")
	}
	if out, err := exec.Command("node", "node_modules/@biomejs/biome/bin/biome", "lint", "--error-on-warnings").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
