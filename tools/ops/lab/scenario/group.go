package scenario

import (
	"context"
	"errors"
	"strings"
)

// becomeGroup adds the other two hosts to the server that has just been loaded.
func (p *play) becomeGroup(ctx context.Context) error {
	r, ledger, err := p.during(ctx, "founding", 6, func() error { return nil })
	if err != nil {
		return err
	}
	p.hosts = p.Lab.Group()
	if err := p.deploy(ctx); err != nil {
		return err
	}
	return errors.Join(r.clean(), p.postCheck(ctx, ledger))
}

// deployToGroup changes all servers, and who leads, while riders ride.
func (p *play) deployToGroup(ctx context.Context) error {
	dir, err := p.variant("group")
	if err != nil {
		return err
	}
	if _, err := p.fleet(ctx, "promote", appHost); err != nil { // whose figures say that there is load
		return err
	}
	r, ledger, err := p.during(ctx, "group-deploy", 30, func() error {
		_, err := p.fleet(ctx, "deploy", "-programs", dir)
		return err
	})
	if err != nil {
		return err
	}
	p.note("score %.0f, %d errors", r.Score, r.Errors)
	return p.postCheck(ctx, ledger)
}

// silentBuildInGroup gets no further than the first standby.
func (p *play) silentBuildInGroup(ctx context.Context) error {
	const standby = "s2"
	if _, err := p.fleet(ctx, "promote", appHost); err != nil {
		return err
	}
	before, err := p.release(ctx)
	if err != nil {
		return err
	}
	dir, err := p.programs("silent-group", []byte("#!/bin/sh\nexec sleep infinity\n"))
	if err != nil {
		return err
	}
	out, err := p.fleet(ctx, "deploy", "-wait", "15s", "-programs", dir)
	if err == nil {
		return errors.New("the deploy counts as a success")
	}
	if strings.Contains(out, "hand over") {
		return errors.New("the leadership was moved for a release that does not work")
	}
	return errors.Join(oneSentence(out, standby), p.still(ctx, before))
}

// leaderLoss kills the server that leads; the fronts find the next one.
func (p *play) leaderLoss(ctx context.Context) error {
	if _, err := p.fleet(ctx, "promote", appHost); err != nil {
		return err
	}
	r, ledger, err := p.during(ctx, "leader-loss", 15, func() error {
		_, err := p.on(ctx, appHost, "systemctl kill --signal KILL isuride-go.service")
		return err
	})
	if err != nil {
		return err
	}
	p.note("score %.0f, %d errors", r.Score, r.Errors)
	return p.postCheck(ctx, ledger)
}
