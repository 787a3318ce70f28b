package acceptance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"isuride/webapp/servertest"
)

// schemathesis is where scripts/test.sh -install puts the program.
const schemathesis = "../../.run/tools/schemathesis/bin/schemathesis"

// Each call is tried with 30 examples of each kind, always the same.
const (
	triesEach = 30
	trySeed   = 20241208
)

// TestSchemathesis has calls made up from openapi.yaml, right ones and wrong ones, and finds no
// answer that the document does not describe, no wrong call that is taken, and no failure.
func TestSchemathesis(t *testing.T) {
	t.Parallel()
	program, err := filepath.Abs(schemathesis)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("schemathesis is not installed: scripts/test.sh -install does it")
	}
	p := servertest.New(t, "ISURIDE_NOTIFICATION=polling") // so that every call has an end
	p.Bare()
	p.Start()
	p.Initialize()
	s := p.Scene()
	tryCalls(s, program, "--exclude-operation-id", "initialize")
	tryCalls(s, program, "--include-operation-id", "initialize")
}

// tryCalls runs the program for some operations. Initialize has a run of its own, since it
// would end the sessions of the others.
func tryCalls(s *servertest.Scene, program string, which ...string) {
	t := s.Process.T
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	config, err := filepath.Abs(filepath.Join("testdata", "schemathesis.toml"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := filepath.Abs(filepath.Join("..", "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--config-file", config, "run", document, "--url", s.Process.URL, "--continue-on-failure",
		"--max-examples", strconv.Itoa(triesEach), "--seed", strconv.Itoa(trySeed), "--generation-database", "none"}, which...)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = t.TempDir() // where it keeps what it found
	cmd.Env = append(os.Environ(), "RIDER="+bearer(s.User), "OWNER="+bearer(s.Owner), "CHAIR="+bearer(s.Chair), "NO_COLOR=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
