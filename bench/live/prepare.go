package live

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"isuride/bench/client"
	"isuride/bench/client/answer"
	"isuride/bench/client/evloop"
)

// initializeLimit is how long the server may take (B1.5).
const initializeLimit = 30 * time.Second

func (c *Config) initializeLimit() time.Duration {
	if c.initializing > 0 {
		return c.initializing
	}
	return initializeLimit
}

// prepare goes through the phases before the load.
func (r *run) prepare(ctx context.Context) error {
	steps := []struct {
		phase Phase
		skip  bool
		do    func(context.Context) error
	}{
		{PhaseStatic, r.config.Static == nil, r.checkStatic},
		{PhaseInitialize, false, r.initialize},
		{PhasePopulate, false, r.populate},
		{PhaseData, r.config.Checks == nil, func(ctx context.Context) error {
			return CheckData(ctx, r.config.newBrowser, r.config.Checks)
		}},
	}
	for _, s := range steps {
		if s.skip {
			continue
		}
		r.enter(s.phase)
		if err := s.do(ctx); err != nil {
			if ctx.Err() != nil {
				err = ErrInterrupted
			}
			return &PhaseError{s.phase, err}
		}
	}
	return nil
}

// checkStatic compares every file of the list (B1.4).
func (r *run) checkStatic(ctx context.Context) error {
	b := r.config.newBrowser()
	defer b.Close()
	s := r.config.Static
	paths := slices.Clone(s.Paths)
	rand.New(rand.NewPCG(r.config.Seed, 0)).Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	for _, path := range slices.Concat([]string{"/client"}, paths, []string{"/owner"}) {
		status, body, err := b.Ask(ctx, client.Question{Method: http.MethodGet, Target: path, Limit: r.config.callLimits().Call})
		switch {
		case err != nil:
			return err
		case status < 200 || status > 399:
			return fmt.Errorf("GET %s: status %d", path, status)
		case client.Sum(md5.Sum(body)) != s.Sums[path]:
			return fmt.Errorf("GET %s: MD5 %x, listed is %x", path, md5.Sum(body), s.Sums[path])
		}
	}
	return nil
}

// initialize resets the server (B1.5).
func (r *run) initialize(ctx context.Context) error {
	b := r.config.newBrowser()
	defer b.Close()
	body, err := json.Marshal(map[string]string{"payment_server": r.config.PaymentURL})
	if err != nil {
		return err
	}
	status, reply, err := b.Ask(ctx, client.Question{Method: http.MethodPost, Target: "/api/initialize", Body: string(body), Limit: r.config.initializeLimit()})
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("POST /api/initialize: status %d, expected 200", status)
	}
	r.language, err = answer.Language(reply)
	return err
}

// populate registers the initial population (B1.5).
func (r *run) populate(ctx context.Context) error {
	r.do(func() { r.world.Populate(now()) })
	result := make(chan error, 1)
	r.do(func() { r.watchPopulation(result) })
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watchPopulation looks often whether the population is complete.
func (r *run) watchPopulation(result chan<- error) {
	var look evloop.Timer
	look.Fire = func() {
		r.world.Rested(now())
		if done, err := r.world.Populated(); done {
			result <- err
			return
		}
		if n, fault := r.world.Errors().BenchFaults(); n > 0 {
			result <- errors.Join(errors.New("the fault is on the bench's side"), fault)
			return
		}
		r.loop.Start(&look, time.Millisecond)
	}
	look.Fire()
}
