// Command simulate plays stories of a cluster that suffers, one for each seed, on all
// processors, and ends at the first that breaks a promise. See webapp/simulate for what a
// story is; this program only counts them.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"isuride/tools/cli"
	"isuride/webapp/simulate"
)

func main() {
	seeds := flag.Int("seeds", 200, "how many stories to play, a `number`")
	first := flag.Uint64("first", uint64(time.Now().UnixMicro()), "`seed` of the first story; without it, by the clock")
	jobs := flag.Int("jobs", runtime.NumCPU(), "how many stories to play at the same time, a `number`")
	story := flag.Bool("story", false, "tell what happens, of one seed")
	cli.Main(0)
	err := play(*seeds, *first, *jobs, *story)
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

func play(seeds int, first uint64, jobs int, story bool) error {
	switch {
	case seeds < 1 || jobs < 1:
		return fmt.Errorf("nothing to do: -seeds and -jobs are at least 1")
	case story:
		_, err := simulate.Run(first, simulate.Options{Any: true, Log: os.Stdout})
		return err
	case jobs == 1:
		return one(seeds, first)
	}
	return all(seeds, first, min(jobs, seeds))
}

// report is how many stories a process plays between two lines.
const report = 20

// one plays stories in this process: a story takes the machine's randomness over, so that
// there is only one at a time. Each line of the output is a Result's sums so far.
func one(seeds int, first uint64) error {
	var sum sums
	for i := range seeds {
		seed := first + uint64(i)
		r, err := simulate.Run(seed, simulate.Options{Any: true})
		if err != nil {
			return fmt.Errorf("seed %d (%d members, level %v): %w\nrepeat it with: go run ./tools/dev/simulate -first %d -story", seed, r.Members, r.Level, err, seed)
		}
		sum.add(1, r.Events, r.Accepted, r.Leaders, r.Kills, r.Outages, r.Lost)
		if (i+1)%report == 0 || i+1 == seeds {
			fmt.Println(sum.numbers())
			sum = sums{}
		}
	}
	return nil
}

// sums are what stories were made of.
type sums [7]int

func (s *sums) add(numbers ...int) {
	for i, n := range numbers {
		s[i] += n
	}
}

func (s *sums) numbers() string { return strings.Trim(fmt.Sprint(*s), "[]") }

func (s *sums) parse(line string) error {
	fields := strings.Fields(line)
	if len(fields) != len(s) {
		return fmt.Errorf("a process says %q", line)
	}
	for i, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil {
			return err
		}
		s[i] += n
	}
	return nil
}

func (s *sums) String() string {
	return fmt.Sprintf("%d stories, %d events, %d acknowledged changes, %d leaders, %d kills, %d losses of power; %d changes lost that level crash admits", s[0], s[1], s[2], s[3], s[4], s[5], s[6])
}

// all shares the stories among processes.
func all(seeds int, first uint64, jobs int) error {
	ctx, cancel := context.WithCancel(cli.UntilInterrupted())
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Printf("seeds %d to %d in %d processes\n", first, first+uint64(seeds)-1, jobs)
	began := time.Now()
	var (
		mu     sync.Mutex
		total  sums
		failed error
		tasks  sync.WaitGroup
	)
	for j := range jobs {
		from, to := seeds*j/jobs, seeds*(j+1)/jobs
		tasks.Go(func() {
			err := run(ctx, self, to-from, first+uint64(from), func(line string) error {
				mu.Lock()
				defer mu.Unlock()
				if err := total.parse(line); err != nil {
					return err
				}
				fmt.Printf("%6.0f s  %d of %d\n", time.Since(began).Seconds(), total[0], seeds)
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil && failed == nil {
				failed = err
				cancel()
			}
		})
	}
	tasks.Wait()
	if failed == nil {
		fmt.Printf("%v\n", &total)
	}
	return failed
}

// run has a process play stories and reads what it says.
func run(ctx context.Context, self string, seeds int, first uint64, line func(string) error) error {
	c := exec.CommandContext(ctx, self, "-jobs", "1", "-seeds", fmt.Sprint(seeds), "-first", fmt.Sprint(first))
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if err := line(lines.Text()); err != nil {
			_ = c.Process.Kill() // it is of no more use
			_ = c.Wait()
			return err
		}
	}
	_, _ = io.Copy(io.Discard, out)
	if err := c.Wait(); err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(strings.TrimSpace(complaint.String()), "simulate: "))
	}
	return nil
}
