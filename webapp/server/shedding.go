package server

import (
	"context"
	"sync"

	"isuride/webapp/admission"
)

// shedding runs what refuses requests while the server is short of something.
type shedding struct {
	gate  *admission.Gate // nil if nothing is refused
	end   context.CancelFunc
	loops sync.WaitGroup
}

// shed begins; stop ends it.
func shed(mode admission.Mode, behind func() bool) (*shedding, error) {
	s := &shedding{end: func() {}}
	if mode == admission.Off {
		return s, nil
	}
	probe, err := admission.NewProbe()
	if err != nil {
		return nil, err
	}
	var ctx context.Context
	ctx, s.end = context.WithCancel(context.Background())
	s.gate = admission.New(admission.Options{Mode: mode, Backlog: behind,
		Sources: []admission.Source{probe.Source(), admission.Scheduler()}})
	s.loops.Go(func() { probe.Run(ctx) })
	s.loops.Go(func() { s.gate.Run(ctx) })
	return s, nil
}

func (s *shedding) stop() {
	s.end()
	s.loops.Wait()
}
