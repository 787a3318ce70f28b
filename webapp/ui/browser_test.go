package ui_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/freeport"
	"isuride/webapp/servertest"
	"isuride/webapp/ui"
)

func TestMain(m *testing.M) { os.Exit(servertest.Main(m)) }

// TestBrowser has Chromium do what people do, against the real server. The scenarios are in
// test/scenarios.mjs.
func TestBrowser(t *testing.T) {
	needsBrowser(t)
	t.Run("leader", func(t *testing.T) {
		t.Parallel()
		playCluster(t)
	})
	for _, s := range []struct {
		name  string
		http2 bool
	}{{"restart", false}, {"restart", true}, {"slow", true}, {"keyboard", false}, {"ride", true}, {"operator", true}, {"replay", true},
		{"city", false}, {"names", false}, {"languages", false}, {"table", false}} { // the longest first
		t.Run(fmt.Sprintf("%s/http2=%t", s.name, s.http2), func(t *testing.T) {
			t.Parallel()
			p := servertest.New(t)
			port := "ISURIDE_LISTEN="
			if s.http2 {
				p.UseHTTP2()
				port = "ISURIDE_TLS_LISTEN="
			}
			p.Env = append(p.Env, port+freeport.Address(t)) // the same after a restart
			play(t, p, s.name, t.TempDir())
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

// play runs a scenario on a server of its own, and returns what it measures, by unit.
func play(t testing.TB, p *servertest.Process, name, pictures string) map[string]float64 {
	p.Bare()
	p.Start()
	p.Initialize()
	return perform(t, name, p.URL, pictures, p.Data, func(order string) {
		if order != "restart" {
			t.Errorf("%s asks for %q, which nobody can do", name, order)
			return
		}
		p.Kill()
		p.Start()
	})
}

// perform runs a scenario against a URL, and has obey do what it asks for.
func perform(t testing.TB, name, url, pictures, data string, obey func(order string)) map[string]float64 {
	cmd := exec.CommandContext(t.Context(), "node", "test/browser.mjs", name, url, pictures, data, strconv.FormatFloat(soak.Minutes(), 'f', -1, 64))
	var faults bytes.Buffer
	cmd.Stderr = &faults
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	figures := map[string]float64{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var unit string
		var value float64
		if n, _ := fmt.Sscanf(lines.Text(), "figure %s %g", &unit, &value); n == 2 {
			figures[unit] = value
			continue
		}
		obey(lines.Text())
		fmt.Fprintln(in, "done")
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, &faults)
	}
	return figures
}

// playCluster has the leader of `make cluster` killed in the middle of a ride, by the page.
func playCluster(t *testing.T) {
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
		_ = cmd.Process.Signal(syscall.SIGINT) // it stops its servers and nginx
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(says.String())
		}
	})
	front := fmt.Sprintf("http://127.0.0.1:%d", port)
	servertest.Eventually(t, func() error { return initialize(front, fmt.Sprintf("http://127.0.0.1:%d", port+18)) })
	perform(t, "leader", front, t.TempDir(), folder, func(order string) { t.Errorf("the scenario asks for %q", order) })
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
	if _, err := os.Stat("node_modules/typescript"); err != nil {
		t.Skip("webapp/ui/node_modules is not installed: npm ci --prefix webapp/ui")
	}
	if out, err := exec.Command("node", "node_modules/typescript/bin/tsc", "-p", ".").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLint has biome look for what the compiler allows and people regret.
func TestLint(t *testing.T) {
	if _, err := os.Stat("node_modules/@biomejs/biome"); err != nil {
		t.Skip("webapp/ui/node_modules is not installed: npm ci --prefix webapp/ui")
	}
	if out, err := exec.Command("node", "node_modules/@biomejs/biome/bin/biome", "lint", "--error-on-warnings").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
