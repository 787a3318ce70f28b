package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"isuride/bench/report"
	"isuride/tools/measure"
)

// micros are the benchmarks of the hot paths: a package and a pattern.
var micros = [][2]string{
	{"./webapp/wire", "Wire"},
	{"./webapp/isuride", "Report"},
	{"./webapp/state", "Report|Nearby"},
	{"./webapp/journal", "Append$"},
	{"./webapp/internal/httpd", "Parse|Cookie|Pack"},
	{"./webapp/api", "Report|Nearby"},
	{"./webapp/payment", "Charge"},
	{"./webapp/match", "Workspace/(200x4000|400x2000|1000x1000)/random"},
}

// micro runs the micro benchmarks.
func (b *base) micro(ctx context.Context, count int) error {
	for _, m := range micros {
		done := measure.Progress(os.Stderr, m[0])
		output, err := measure.Command(ctx, "go", "test", "-run", "^$", "-bench", m[1], "-benchtime", "0.2s", "-count", strconv.Itoa(count), m[0]).CombinedOutput()
		done()
		if ctx.Err() != nil {
			return measure.ErrInterrupted
		}
		if err != nil {
			return fmt.Errorf("%s: %w: %s", m[0], err, output)
		}
		values := parseBenchmarks(output)
		if len(values) == 0 {
			return fmt.Errorf("%s: no benchmark matches %s", m[0], m[1])
		}
		for name, list := range values {
			b.Figures[strings.TrimPrefix(m[0], "./webapp/")+" "+name] = report.SpreadOf(list)
		}
	}
	return nil
}

// parseBenchmarks collects the nanoseconds per operation by name from the output of go test.
func parseBenchmarks(output []byte) map[string][]float64 {
	values := map[string][]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(fields[0], "Benchmark"), "-") // -GOMAXPROCS
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil && fields[i+1] == "ns/op" {
				values[name] = append(values[name], v)
			}
		}
	}
	return values
}
