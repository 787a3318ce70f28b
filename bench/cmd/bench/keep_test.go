package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"isuride/bench/live"
)

// TestKeepsOthers checks that existing files are replaced only on demand, except for
// empty ones like those of mktemp.
func TestKeepsOthers(t *testing.T) {
	for _, name := range []string{"run.txt", "run.html", "run.json", "run-2.html"} {
		dir := t.TempDir()
		file, out := filepath.Join(dir, name), filepath.Join(dir, "run.json")
		args := []string{"--out", out, "--history", none, "-n", "2"}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := parseRun(args, io.Discard); err != nil {
			t.Errorf("with an empty %s: %v", name, err)
		}
		if err := os.WriteFile(file, []byte("notes"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := parseRun(args, io.Discard); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "--force") {
			t.Errorf("with %s: %v", name, err)
		}
		if _, err := parseRun(append(args, "--force"), io.Discard); err != nil {
			t.Errorf("with --force and %s: %v", name, err)
		}
	}
}

// onStdout makes a file the standard output of a test.
func onStdout(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = f
	t.Cleanup(func() { os.Stdout = before; f.Close() })
}

// TestTextIsStdout checks that a report whose stdout is the text's own file is there
// once, after the previous content.
func TestTextIsStdout(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "r.txt")
	if err := os.WriteFile(text, []byte("notes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	onStdout(t, text)
	s, err := parseRun([]string{"--out", filepath.Join(dir, "r.json"), "--history", none}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.repeat(context.Background(), live.Config{}, &reporter{}, passing); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(text)
	if said := string(b); !strings.HasPrefix(said, "notes\n") || strings.Count(said, "seed ") != 1 || strings.Contains(said, "\x00") {
		t.Errorf("the file has\n%s", said)
	}
	onStdout(t, filepath.Join(dir, "x.json"))
	if _, err := parseRun([]string{"--out", filepath.Join(dir, "x.json"), "--history", none}, io.Discard); err == nil {
		t.Error("JSON and text go to one file")
	}
}

func passing(_ context.Context, c live.Config) (*live.Result, error) {
	return &live.Result{Passed: true, Seed: c.Seed, Score: 1, Phases: []live.Lap{{Phase: live.PhaseLoad}}}, nil
}

// TestReaderLeaves checks that a run passes and writes its files after the reader of its
// output has left.
func TestReaderLeaves(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	before := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = before; w.Close() }()
	dir := t.TempDir()
	s := &settings{runs: 2, seed: 5, out: filepath.Join(dir, "r.json"), text: filepath.Join(dir, "r.txt"), history: none, html: none}
	if err := s.repeat(context.Background(), live.Config{}, &reporter{}, passing); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(s.text); err != nil || !strings.Contains(string(b), "2 runs, 2 passed") {
		t.Errorf("%v: %s", err, b)
	}
}

// TestSignals checks that a terminal that closes ends a run in good order.
func TestSignals(t *testing.T) {
	end := syscall.SIGHUP
	if signal.Ignored(end) { // the tests run under nohup
		end = syscall.SIGTERM
	}
	ctx := untilInterrupted()
	for _, s := range []syscall.Signal{syscall.SIGPIPE, end} {
		if ctx.Err() != nil {
			t.Fatal("SIGPIPE ends the run")
		}
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	<-ctx.Done()
}

func TestUnknownWords(t *testing.T) {
	for args, want := range map[string]string{"verfy": "did you mean verify?", "help": "there are run", "run -taget x": "did you mean -target?", "run x": "unexpected argument"} {
		status, said := capture(t, &os.Stderr, func() int { return dispatch(t.Context(), strings.Fields(args)) })
		if status != exitUsage || !strings.Contains(said, want) {
			t.Errorf("%s: status %d, %s", args, status, said)
		}
	}
	if err := unknownCommand("-t"); err != nil {
		t.Error(fmt.Sprint(err))
	}
}
