package main

import "isuride/bench/world"

// The contest's front end is not in this repository. What stands for it are as many files
// as a new user of the official tool fetches (appendix E: 58,000 for 1,866 users, pages
// included; appendix B lists 37 GETs, some of them of the same file). The client keeps them, so
// that all later visits are answered by its cache, and only hashed.
const (
	filesOfRegistration = 30 // CR1 and CR2
	filesOfPayment      = 1  // CR3
)

// A pager is an entity that looks at pages.
type pager struct {
	caller
	connected bool
}

// connect is for the first call.
func (p *pager) connect() {
	if !p.connected {
		p.connected = true
		p.server.machine.connect()
	}
}

// Visit implements world.UserClient and world.OwnerClient.
func (p *pager) Visit(v world.Visit) {
	p.connect()
	switch v {
	case world.VisitUserRegistration, world.VisitOwnerRegistration:
		p.fetch(filesOfRegistration)
	case world.VisitPaymentRegistration:
		p.fetch(filesOfPayment)
	default:
		p.server.machine.do(atClient, workVisit, taskFunc(func(world.Instant) {
			p.server.loop.Deliver(world.Event{To: p.to, Kind: world.EventVisited})
		}))
	}
}

// fetch fetches files one after the other.
func (p *pager) fetch(n int) {
	p.call(workFile, func() world.Event { return world.Event{Kind: world.EventVisited} })
	p.more = n - 1
}
