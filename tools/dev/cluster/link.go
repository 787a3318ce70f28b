package main

import (
	"fmt"
	"time"

	"isuride/tools/dev/cable"
)

// link is the way of one server to another.
type link struct {
	*cable.Cable
	from, to *member
}

// connect makes the links between all members, in both directions.
func (c *cluster) connect() error {
	for _, from := range c.members {
		for _, to := range c.members {
			if from == to {
				continue
			}
			way, err := cable.New(c.address(firstLink+len(c.links)), to.peers)
			if err != nil {
				return err
			}
			c.links = append(c.links, &link{way, from, to})
		}
	}
	return nil
}

func (c *cluster) disconnect() {
	for _, k := range c.links {
		k.Close()
	}
}

// way is the address at which one member reaches another.
func (c *cluster) way(from, to *member) string {
	for _, k := range c.links {
		if k.from == from && k.to == to {
			return k.Address
		}
	}
	return to.peers
}

// part cuts a member off from the others for a while.
func (c *cluster) part(name string, d time.Duration) error {
	if err := lasts(d); err != nil {
		return err
	}
	m, err := c.named(name)
	if err != nil {
		return err
	}
	if len(c.links) == 0 {
		return fmt.Errorf("the servers of this cluster reach each other directly, and cannot be parted: start it with cluster run")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.apart {
		return fmt.Errorf("%s is cut off already; wait until it is back", m.name)
	}
	c.cutLocked(m, true)
	time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cutLocked(m, false)
	})
	return nil
}

// cutLocked cuts a member off, or joins it to all that are not cut off themselves.
func (c *cluster) cutLocked(m *member, off bool) {
	m.apart = off
	for _, k := range c.links {
		if k.from == m || k.to == m {
			k.Set(k.from.apart || k.to.apart)
		}
	}
}
