package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"isuride/bench/calibration"
	"isuride/tools/measure"
)

// serverAddress is where the calibration server listens; it has no flag for it.
const serverAddress = "127.0.0.1:8080"

// build makes bench and server anew.
func (s *settings) build(ctx context.Context) error {
	if !s.real {
		return os.MkdirAll(s.home, 0o755)
	}
	if _, err := os.Stat(filepath.Join(s.source, "go.mod")); err != nil {
		return fmt.Errorf("the source of the calibration server is not in %s; it is no part of this repository", s.source)
	}
	home, err := filepath.Abs(s.home)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	defer measure.Progress(os.Stderr, "building")()
	for name, args := range map[string][]string{
		"server": {"-C", s.source, "build", "-o", filepath.Join(home, "server"), "."},
		"bench":  {"build", "-o", filepath.Join(home, "bench"), "./bench/cmd/bench"},
	} {
		if output, err := measure.Command(ctx, "go", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("building the %s: %w: %s", name, err, output)
		}
	}
	return nil
}

// startServer returns when it listens.
func (s *settings) startServer(ctx context.Context, p calibration.Policy) (*measure.Server, error) {
	return measure.Listen(measure.Command(ctx, s.path("server"), p.Flags...), "the calibration server", serverAddress, s.path(p.Name+".log"))
}
