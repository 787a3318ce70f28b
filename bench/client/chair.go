package client

import (
	"isuride/bench/client/answer"
	"isuride/bench/client/evloop"
	"isuride/bench/world"
)

// A chairClient implements world.ChairClient.
type chairClient struct {
	entity
	call call
	feed
}

func newChairClient(e entity) *chairClient {
	c := &chairClient{entity: e}
	c.call.bind(&c.entity)
	c.feed.bind(&c.entity, "/api/chair/notification", world.EventChairNotified, func(message []byte) (any, error) {
		return answer.ChairNotification(message)
	})
	return c
}

func (c *chairClient) Register(p world.ChairProfile) {
	c.call.profile = struct {
		Name          string `json:"name"`
		Model         string `json:"model"`
		RegisterToken string `json:"chair_register_token"`
	}(p)
	c.call.submit(world.EventChairRegistered)
}

func (c *chairClient) Activate() { c.call.submit(world.EventActivated) }

func (c *chairClient) PostPosition(p world.Point) {
	c.call.points[0] = p
	c.call.submit(world.EventPositionRecorded)
}

func (c *chairClient) PostStatus(rideID string, s world.Status) {
	c.call.text, c.call.number = rideID, int64(s)
	c.call.submit(world.EventStatusPosted)
}

// Close ends the connections and whatever is under way; it may be called again.
func (c *chairClient) Close() {
	c.shard.post(evloop.Func(func() {
		c.call.cancel()
		c.feed.close()
		c.entity.close()
	}))
}
