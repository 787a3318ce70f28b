package client

import (
	"isuride/bench/client/evloop"
	"isuride/bench/world"
)

// An ownerClient implements world.OwnerClient.
type ownerClient struct {
	entity
	call call
}

func newOwnerClient(e entity) *ownerClient {
	o := &ownerClient{entity: e}
	o.call.bind(&o.entity)
	return o
}

func (o *ownerClient) Visit(v world.Visit) { o.call.visit(v) }

func (o *ownerClient) Register(name string) {
	o.call.text = name
	o.call.submit(world.EventOwnerRegistered)
}

func (o *ownerClient) Chairs() { o.call.submit(world.EventOwnerChairs) }

func (o *ownerClient) Sales(until world.Millis) {
	o.call.number = int64(until)
	o.call.submit(world.EventOwnerSales)
}

// Close ends the connections and whatever is under way.
func (o *ownerClient) Close() {
	o.shard.post(evloop.Func(func() {
		o.call.cancel()
		o.entity.close()
	}))
}
