package measure

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"isuride/bench/report"
)

// Bench runs a built bench with the arguments, besides those that say where its record goes, and returns that with the CPU
// time of the whole process. The record stays in the file out.
func Bench(ctx context.Context, program, out string, args ...string) (*report.Record, time.Duration, error) {
	os.Remove(out) // of an earlier run
	cmd := Command(ctx, program, append([]string{"run", "-force", "-out", out, "-html", "-", "-history", "-"}, args...)...)
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, 0, ErrInterrupted
	}
	if err != nil {
		text := strings.TrimSpace(string(output))
		return nil, 0, fmt.Errorf("the bench failed: %s", text[strings.LastIndexByte(text, '\n')+1:])
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	list, err := report.Read(f)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", out, err)
	}
	return list[0], cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
