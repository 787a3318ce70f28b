package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/ops/lab/cluster"
	"isuride/tools/ops/lab/scenario"
)

// TestScenario plays the short form: three fresh hosts, deploy, load, reboot, a broken
// build. `make lab-test` plays all of it.
func TestScenario(t *testing.T) {
	if err := cluster.Missing(); err != nil {
		t.Skip(err)
	}
	if testing.Short() {
		t.Skip("it takes two minutes")
	}
	project, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "lab")
	build := bound.Command(t, "go", "build", "-o", program, ".")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Generous: other tests share the machine.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	play := scenario.Scenario{Lab: &cluster.Lab{Dir: t.TempDir(), Program: program}, Project: project, Short: true, Out: t.Output()}
	if err := play.Play(ctx); err != nil {
		t.Error(err)
	}
}
