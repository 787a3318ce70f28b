package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"isuride/bench/report"
	"isuride/tools/measure"
)

// Figures of the duel. More is better for the first only.
const (
	figureRatio = "duel: score, times that of the naive server"
	figureCPU   = "duel: server CPU per 1,000 points, times that of the naive server"
)

// fight runs a short duel in plain HTTP; its table goes to stdout.
func (b *base) fight(ctx context.Context, seconds string) error {
	home, err := os.MkdirTemp("", "perf")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	program, records := filepath.Join(home, "duel"), filepath.Join(home, "records")
	if output, err := measure.Command(ctx, "go", "build", "-o", program, "./tools/duel").CombinedOutput(); err != nil {
		return fmt.Errorf("building duel: %w: %s", err, output)
	}
	cmd := measure.Command(ctx, program, "-only", "plain", "-n", "1", "-t", seconds, "-home", home, "-records", records)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil && !missedBar(err) {
		return fmt.Errorf("duel: %w", err)
	}
	f, err := os.Open(records)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.readDuel(f)
}

// missedBar says that the duel ran to its end.
func missedBar(err error) bool {
	exit, ok := err.(*exec.ExitError)
	return ok && exit.ExitCode() == 1
}

// readDuel takes the figures from the two records of a pair, that of the naive server first.
func (b *base) readDuel(from io.Reader) error {
	var sides [2]struct {
		CPU    float64 `json:"server_cpu_seconds"`
		Record struct {
			Score float64 `json:"score"`
		} `json:"record"`
	}
	d := json.NewDecoder(from)
	for i := range sides {
		if err := d.Decode(&sides[i]); err != nil {
			return fmt.Errorf("the duel's records: %w", err)
		}
	}
	naive, own := sides[0], sides[1]
	if naive.Record.Score == 0 || own.Record.Score == 0 || naive.CPU == 0 {
		return fmt.Errorf("the duel's records: scores %v and %v", naive.Record.Score, own.Record.Score)
	}
	b.Figures[figureRatio] = report.SpreadOf([]float64{own.Record.Score / naive.Record.Score})
	b.Figures[figureCPU] = report.SpreadOf([]float64{own.CPU / own.Record.Score / (naive.CPU / naive.Record.Score)})
	return nil
}
