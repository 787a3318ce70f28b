package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/topology"
)

func newRemoteGenerator(h *fleettest.Host, out *strings.Builder) remoteGenerator {
	return remoteGenerator{h.Remote(), topology.Host{Name: "bench", Login: "bench"}, out}
}

func TestCopyChanged(t *testing.T) {
	h := fleettest.NewHost(t)
	g := newRemoteGenerator(h, new(strings.Builder))
	name := filepath.Join(t.TempDir(), "bench")
	for _, text := range []string{"one", "two", "two"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		h.Program("mv", `exec /bin/mv "$@"`)
		if err := g.copyChanged(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if got := h.Read("isuride-bench/bench"); got != text {
			t.Errorf("the copy of %q is %q", text, got)
		}
	}
	if n := strings.Count(h.Read("calls"), "mv "); n != 2 {
		t.Errorf("two changes were copied %d times", n)
	}
}

// TestHalfACopy must not leave a program behind that looks whole.
func TestHalfACopy(t *testing.T) {
	h := fleettest.NewHost(t)
	h.Program("chmod", "echo No space left on device >&2; exit 1")
	err := newRemoteGenerator(h, new(strings.Builder)).copyChanged(t.Context(), "README.md")
	if err == nil || err.Error() != "bench: cannot copy README.md: No space left on device" || h.Read("isuride-bench/README.md") != "" {
		t.Errorf("half a copy gives %v and leaves %q", err, h.Read("isuride-bench/README.md"))
	}
}

func TestBenchAway(t *testing.T) {
	var out strings.Builder
	h := fleettest.NewHost(t)
	g := newRemoteGenerator(h, &out)
	h.Write("isuride-bench/bench", "#!/bin/bash\nprintf '<%s>' \"$@\"; echo complaint >&2; echo {} >isuride-bench/run-1/bench.json\n")
	h.Write("isuride-bench/run-1/ledger.json", "a ledger")
	if err := os.Chmod(h.Path("isuride-bench/bench"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := g.bench(t.Context(), []string{"run", "-note", "it's $HOME; a \"note\""}); err != nil {
		t.Fatal(err)
	}
	if want := "<run><-note><it's $HOME; a \"note\">complaint\n"; out.String() != want {
		t.Errorf("the benchmarker said %q, want %q", &out, want)
	}
	dir := t.TempDir()
	if err := g.fetch(t.Context(), "run-1", dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"bench.json": "{}\n", "ledger.json": "a ledger"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s came as %q (%v), want %q", name, b, err, want)
		}
	}
}

// TestInterrupt wants the report that a benchmarker writes after Ctrl-C.
func TestInterrupt(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("bin", 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/bash\ntrap 'echo the report so far; exit 1' INT\necho ready\nwhile :; do sleep 0.01; done\n"
	if err := os.WriteFile(benchProgram, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := &cancelWriter{cancel: cancel}
	if err := (localGenerator{runs: ".", out: out}).bench(ctx, nil); err == nil {
		t.Error("an interrupted run is no error")
	}
	if got := out.text.String(); got != "ready\nthe report so far\n" {
		t.Errorf("the benchmarker said %q", got)
	}
}

// cancelWriter cancels at the first words.
type cancelWriter struct {
	text   strings.Builder
	cancel context.CancelFunc
}

func (w *cancelWriter) Write(b []byte) (int, error) {
	w.cancel()
	return w.text.Write(b)
}
