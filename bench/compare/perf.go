package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"isuride/bench/report"
	"isuride/tools/cli"
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

// Figures of the duel. More is better for the first only.
const (
	perfRatio = "duel: score, times that of the naive server"
	perfCPU   = "duel: server CPU per 1,000 points, times that of the naive server"
)

// tolerance is how much worse a median may be. Machines differ by that from one hour to the
// next.
const tolerance = 0.15

// A base is what a machine has measured. Figures of time are in nanoseconds per operation.
type base struct {
	Machine report.Machine           `json:"machine"`
	Figures map[string]report.Spread `json:"figures"`
}

// runPerf guards the speed: it runs the micro benchmarks of the hot paths and a short duel
// against the naive server, and compares with what the same kind of machine has stored.
// Differences count when they are larger than what repeated runs differ by anyway.
func runPerf(ctx context.Context, args []string, out io.Writer) (passed bool, err error) {
	f := flags("perf", out)
	file := f.String("base", "bench/results/perf.jsonl", "`file` with the stored figures of all machines")
	save := f.Bool("save", false, "store the figures as those of this machine")
	count := f.Int("count", 5, "`number` of runs of each micro benchmark; the medians count")
	withDuel := f.Bool("duel", true, "run the duel")
	seconds := f.Float64("t", 30, "`seconds` of load in the duel")
	if err := cli.Parse(f, args, 0, out); err != nil {
		return false, err
	}
	if *count < 1 {
		return false, errors.New("-count: want at least one run")
	}
	t := trial{seconds: *seconds, runs: 1}
	if err := t.check(); err != nil {
		return false, err
	}
	all, err := readBases(*file)
	if err != nil {
		return false, err
	}
	now := &base{Machine: report.ThisMachine(), Figures: map[string]report.Spread{}}
	old := all.find(now.Machine)
	if err := now.micro(ctx, *count); err != nil {
		return false, err
	}
	if *withDuel {
		if err := now.fight(ctx, t, out); err != nil {
			return false, err
		}
	}
	slower := compareBases(out, old, now)
	switch {
	case *save:
		return !slower, all.store(*file, now)
	case old == nil:
		fmt.Fprintf(out, "\n%s has nothing of a machine like this; -save stores these figures\n", *file)
	}
	return !slower, nil
}

// micro runs the micro benchmarks.
func (b *base) micro(ctx context.Context, count int) error {
	for _, m := range micros {
		done := progress(m[0])
		output, err := process(ctx, "go", "test", "-run", "^$", "-bench", m[1], "-benchtime", "0.2s", "-count", strconv.Itoa(count), m[0]).CombinedOutput()
		done()
		if ctx.Err() != nil {
			return errInterrupted
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

// fight runs a short duel in plain HTTP; its table goes to out.
func (b *base) fight(ctx context.Context, t trial, out io.Writer) (err error) {
	if t.home, err = os.MkdirTemp("", "perf"); err != nil {
		return err
	}
	defer os.RemoveAll(t.home)
	s := &duelSettings{trial: t, records: t.path("records")}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	o, err := s.fight(ctx, duels()[0])
	if err != nil {
		return err
	}
	o.print(out)
	return b.take(o)
}

// take takes the figures of a duel.
func (b *base) take(o *outcome) error {
	ratio, cpu := o.find(figureRatio).sides[1], o.find(figureCPURatio).sides[1]
	if ratio.Median == 0 || cpu.Median == 0 {
		return fmt.Errorf("the duel: score of %v times the naive server's, CPU of %v times", ratio.Median, cpu.Median)
	}
	b.Figures[perfRatio], b.Figures[perfCPU] = *ratio, *cpu
	return nil
}

// bases has at most one base a machine.
type bases []*base

// readBases reads a file, which need not exist.
func readBases(file string) (bases, error) {
	list, err := readJSON[base](file)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return list, err
}

// find returns the base of a machine with the same processor and the same number of cores, nil
// if there is none.
func (l bases) find(m report.Machine) *base {
	for _, b := range l {
		if b.Machine.CPU == m.CPU && b.Machine.Cores == m.Cores {
			return b
		}
	}
	return nil
}

// store writes the file with b in place of the base of its machine.
func (l bases) store(file string, b *base) error {
	if old := l.find(b.Machine); old != nil {
		*old = *b
	} else {
		l = append(l, b)
	}
	var out bytes.Buffer
	for _, b := range l {
		if err := json.NewEncoder(&out).Encode(b); err != nil {
			return err
		}
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// compareBases prints both and says whether something is slower. old may be nil.
func compareBases(w io.Writer, old, now *base) (slower bool) {
	fresh := "new"
	if old == nil {
		old, fresh = &base{}, ""
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "figure\tstored\tnow\tratio\t")
	for _, name := range slices.Sorted(maps.Keys(now.Figures)) {
		n := now.Figures[name]
		o, ok := old.Figures[name]
		if !ok {
			fmt.Fprintf(t, "%s\t\t%s\t%s\t\n", name, &n, fresh)
			continue
		}
		verdict := ""
		if isSlower(name, o, n) {
			verdict, slower = "SLOWER", true
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%s\n", name, &o, &n, n.Median/o.Median, verdict)
	}
	t.Flush()
	return slower
}

// isSlower demands that the ranges do not touch, besides.
func isSlower(name string, old, now report.Spread) bool {
	if name == perfRatio {
		return now.Median < (1-tolerance)*old.Median && now.Max < old.Min
	}
	return now.Median > (1+tolerance)*old.Median && now.Min > old.Max
}
