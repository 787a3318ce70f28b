package scenario

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"isuride/tools/ops/lab/cluster"
)

// cutFor is the time for which a network is disconnected.
const cutFor = 10 * time.Second

// bench makes a command that runs the benchmarker in the operator's place.
func (p *play) bench(ctx context.Context, args ...string) (*exec.Cmd, error) {
	words := []string{"bin/bench", "run", "-target", service, "-addr", "10.77.0.1:443", "-payment-url", "http://10.77.0.10:12345", "-source-ip", "10.77.0.10",
		"-data", "sql/expected-answers.json", "-history", "-"}
	cmd, err := p.Lab.Exec(ctx, cluster.Bench, append(words, args...)...)
	if err != nil {
		return nil, err
	}
	cmd.Dir = p.Project
	cmd.Stdout, cmd.Stderr = p.log, p.log
	return cmd, nil
}

// during runs the benchmarker and does something as soon as rides are in progress. It
// returns the benchmarker's report.
func (p *play) during(ctx context.Context, name string, seconds int, do func() error) (r report, ledger string, err error) {
	out := filepath.Join(p.Lab.Dir, name+".json")
	ledger = filepath.Join(p.Lab.Dir, name+".ledger")
	cmd, err := p.bench(ctx, "-t", strconv.Itoa(seconds), "-out", out, "-ledger", ledger, "-force")
	if err != nil {
		return r, "", err
	}
	if err := cmd.Start(); err != nil {
		return r, "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err = await(ctx, backLimit, func() error { return p.loaded(ctx) })
	if err == nil {
		err = do()
	}
	if err != nil {
		_ = cmd.Process.Kill()
		return r, "", errors.Join(err, <-ended)
	}
	if err := <-ended; err != nil {
		return r, "", fmt.Errorf("bench: %w", err)
	}
	r, err = readReport(out)
	return r, ledger, err
}

// loaded checks that there is load: the server has been initialized, and rides are done.
func (p *play) loaded(ctx context.Context) error {
	const some = 10
	n, err := p.metric(ctx, "isuride_rides_completed_total")
	if err == nil && n < some {
		err = fmt.Errorf("only %.0f rides are done", n)
	}
	return err
}

// disconnected takes a host off the network for a while.
func (p *play) disconnected(ctx context.Context, host string, meanwhile func() error) error {
	if err := p.Lab.Cut(ctx, host); err != nil {
		return err
	}
	back := time.After(cutFor)
	err := meanwhile()
	select {
	case <-back:
	case <-ctx.Done():
	}
	return errors.Join(err, p.Lab.Join(ctx, host), ctx.Err())
}

// databaseLoss: clients notice nothing, and everything acknowledged holds afterwards, also
// for a server that has to read it from disk.
func (p *play) databaseLoss(ctx context.Context) error {
	var backlog float64
	r, ledger, err := p.during(ctx, "database-loss", 25, func() error {
		return p.disconnected(ctx, dbHost, func() (err error) {
			return await(ctx, cutFor, func() error {
				if backlog, err = p.metric(ctx, "isuride_flush_backlog"); err == nil && backlog == 0 {
					err = errors.New("the server does not notice that the database is gone")
				}
				return err
			})
		})
	})
	if err != nil {
		return err
	}
	p.note("score %.0f", r.Score)
	if err := r.clean(); err != nil {
		return err
	}
	begin := time.Now()
	if err := await(ctx, 2*time.Minute, func() error { return p.written(ctx) }); err != nil {
		return err
	}
	p.note("all in the database %.1f s after the load", time.Since(begin).Seconds())
	if _, err := p.fleet(ctx, "restart"); err != nil {
		return err
	}
	return p.postCheck(ctx, ledger)
}

// written checks that the database has everything.
func (p *play) written(ctx context.Context) error {
	n, err := p.metric(ctx, "isuride_flush_backlog")
	if err == nil && n > 0 {
		err = fmt.Errorf("%.0f events are not in the database", n)
	}
	return err
}

func (p *play) postCheck(ctx context.Context, ledger string) error {
	cmd, err := p.bench(ctx, "-post-check", ledger)
	if err != nil {
		return err
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("something acknowledged is gone: %w", err)
	}
	return nil
}

// frontLoss: connections through the lost front are lost with it, but new ones get
// through at once, and after its return it gets its part again.
func (p *play) frontLoss(ctx context.Context) error {
	const few = 10 // each may wait for the lost front for a while
	r, _, err := p.during(ctx, "front-loss", 25, func() error {
		return p.disconnected(ctx, frontHost, func() error { return p.connect(ctx, few) })
	})
	if err != nil {
		return err
	}
	p.note("errors of clients that were connected through it: %d", r.Errors)
	return await(ctx, backLimit, func() error {
		_, err := p.share(ctx)
		return err
	})
}
