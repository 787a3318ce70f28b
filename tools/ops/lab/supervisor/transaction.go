package supervisor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"isuride/tools/ops/lab/unit"
)

// transaction is a set of services that are started or stopped together.
type transaction struct {
	jobs map[string]*job
}

// job is one service in a transaction.
type job struct {
	service *service
	unit    *unit.Unit
	after   []*job // wait for these; no circles
	needs   []*job // and give up if one of these fails
	done    chan struct{}
	err     error // to be read when done is closed
}

// add puts in a service and what it wants and requires. Targets and other units that are
// no services count as reached.
func (t *transaction) add(s *Supervisor, name string) error {
	v, err := s.service(name)
	if err != nil {
		return err
	}
	if t.jobs[v.name] != nil {
		return nil
	}
	j := t.addStop(v)
	for _, wanted := range j.unit.Wants {
		if isService(wanted) {
			_ = t.add(s, wanted) // what is only wanted may be missing
		}
	}
	for _, required := range j.unit.Requires {
		if !isService(required) {
			continue
		}
		if err := t.add(s, required); err != nil {
			return err
		}
		other, _ := s.service(required)
		j.needs = append(j.needs, t.jobs[other.name])
	}
	return nil
}

func isService(name string) bool { return filepath.Ext(name) == ".service" }

// addStop puts in a service alone.
func (t *transaction) addStop(v *service) *job {
	if j := t.jobs[v.name]; j != nil {
		return j
	}
	j := &job{service: v, unit: v.current(), done: make(chan struct{})}
	t.jobs[v.name] = j
	return j
}

// order says who waits for whom. Where units ask for a circle, one wish of it is
// dropped, as systemd does.
func (t *transaction) order() {
	for _, j := range t.jobs {
		for _, name := range j.unit.After {
			t.edge(j, t.jobs[name])
		}
		for _, name := range j.unit.Before {
			if other := t.jobs[name]; other != nil {
				t.edge(other, j)
			}
		}
	}
}

func (t *transaction) edge(later, earlier *job) {
	if earlier == nil || earlier == later || earlier.waitsFor(later) {
		return
	}
	later.after = append(later.after, earlier)
}

func (j *job) waitsFor(other *job) bool {
	return slices.ContainsFunc(j.after, func(a *job) bool { return a == other || a.waitsFor(other) })
}

// reverse turns the order of starting into that of stopping.
func (t *transaction) reverse() {
	later := map[*job][]*job{}
	for _, j := range t.jobs {
		for _, earlier := range j.after {
			later[earlier] = append(later[earlier], j)
		}
	}
	for _, j := range t.jobs {
		j.after, j.needs = later[j], nil
	}
}

// run does all jobs, at the same time as far as the order allows.
func (t *transaction) run(ctx context.Context, do func(*job) error) error {
	var all sync.WaitGroup
	for _, j := range t.jobs {
		all.Go(func() {
			defer close(j.done)
			j.err = j.wait(ctx)
			if j.err == nil {
				j.err = do(j)
			}
		})
	}
	all.Wait()
	var errs []error
	for _, j := range t.jobs {
		errs = append(errs, j.err)
	}
	return errors.Join(errs...)
}

func (j *job) wait(ctx context.Context) error {
	for _, other := range j.after {
		select {
		case <-other.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if other.err != nil && slices.Contains(j.needs, other) {
			return fmt.Errorf("A dependency job for %s failed. See 'journalctl -xe' for details.", j.service.name)
		}
	}
	return nil
}
