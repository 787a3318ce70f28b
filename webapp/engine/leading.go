package engine

import (
	"context"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/payment"
	"isuride/webapp/state"
)

// lead makes a generation that has followed so far serve: everything that works on its state
// begins, first the payments that were under way.
func (g *Generation) lead() {
	g.mark, g.marking = g.tenure.queue, func() {}
	g.gateway = payment.New(setting(g.base.Settings, isuride.PaymentGatewayURL), payment.Options{})
	g.equipMatching()
	g.runLoops()
	g.loops.Go(func() { g.announce(g.ctx) })
}

// depose ends a generation whose term is over. What it has recorded and the group has not is
// lost with it.
func (g *Generation) depose() {
	g.tenure.fence()
	g.retire()
}

// retire ends a generation after which another one comes, in the same term.
func (g *Generation) retire() {
	g.cancel()
	g.streams.end()
	g.loops.Wait()
	g.snapshots.end()
	g.charges.end() // those under way end with the context
	g.gateway.Close()
}

// inherit goes on with the figures of a generation before.
func (g *Generation) inherit(old *Generation) {
	g.before = old.own()
	g.before.add(&old.before)
	if g.member != nil { // which has one journal for all
		g.before.Journal = journal.Stats{}
	}
}

// announcePause is the time between two events that tell the others where the leader is.
const announcePause = time.Second

// announce records what the state has become, and what the tables do not need any more.
func (g *Generation) announce(ctx context.Context) {
	tick := time.NewTicker(announcePause)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		position, h := g.Store.Hash()
		e := isuride.Event{Kind: isuride.StateHashed, Hash: &isuride.StateHash{At: g.cfg.Now(), Position: position, Form: state.HashForm, Hi: h.Hi, Lo: h.Lo,
			Released: g.member.keepFrom()}}
		if _, err := g.tenure.AppendNoted(e.Append(nil), unnoted{}); err != nil && !shut(err) {
			return // the log is over, which others tell
		}
	}
}
