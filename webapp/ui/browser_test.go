package ui_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"isuride/webapp/servertest"
	"isuride/webapp/ui"
)

func TestMain(m *testing.M) { os.Exit(servertest.Main(m)) }

// TestBrowser has Chromium do what people do, against the real server. The scenarios are in
// test/scenarios.mjs.
func TestBrowser(t *testing.T) {
	needsBrowser(t)
	for _, s := range []struct {
		name  string
		http2 bool
	}{{"city", false}, {"ride", true}, {"restart", false}, {"restart", true}, {"keyboard", false}, {"names", false}, {"languages", false},
		{"operator", true}, {"table", false}, {"replay", true}} {
		t.Run(fmt.Sprintf("%s/http2=%t", s.name, s.http2), func(t *testing.T) {
			p := servertest.New(t)
			port := "ISURIDE_LISTEN="
			if s.http2 {
				p.UseHTTP2()
				port = "ISURIDE_TLS_LISTEN="
			}
			p.Env = append(p.Env, port+freeAddress(t)) // the same after a restart
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

// play runs a scenario, does what it asks for, and returns what it measures, by unit.
func play(t testing.TB, p *servertest.Process, name, pictures string) map[string]float64 {
	p.Bare()
	p.Start()
	p.Initialize()
	cmd := exec.CommandContext(t.Context(), "node", "test/browser.mjs", name, p.URL, pictures, p.Data)
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
		obey(t, p, name, lines.Text())
		fmt.Fprintln(in, "done")
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &faults)
	}
	return figures
}

// obey does to the server what a scenario asks for.
func obey(t testing.TB, p *servertest.Process, name, order string) {
	switch order {
	case "restart":
		p.Kill()
		p.Start()
	case "stop":
		fill(p)
		p.Stop()
		p.Start()
	default:
		t.Errorf("%s asks for %q, which nobody can do", name, order)
	}
}

// fill makes so many events that a stop leaves an image: a mebibyte of the log
// (engine.Snapshots). They are reports of chairs that are switched off.
func fill(p *servertest.Process) {
	_, token := p.Owner("filler")
	var all sync.WaitGroup
	for n := range 8 {
		c := p.Chair(token, fmt.Sprint("filler ", n), "EasySit", servertest.Object{"latitude": 40, "longitude": n})
		c.Switches(false)
		all.Go(func() {
			for m := range 2500 {
				c.Report(servertest.Object{"latitude": 40, "longitude": m % 40})
			}
		})
	}
	all.Wait()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
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
