package client

import (
	"crypto/md5"
	"fmt"
	"sync"

	"isuride/bench/client/evloop"
	"isuride/bench/client/h1"
)

// As dear as the official tool's, a client decodes and hashes each file that comes, keeps
// the body, and hashes it again at each use from its cache (B13.5). The threads of the
// pool do that.

// decoders are for one piece of work each.
var decoders = sync.Pool{New: func() any { return new(h1.Decoder) }}

// digest decodes and hashes a file and goes on.
func (c *call) digest(keep *stored, h *h1.Head, raw []byte) {
	status, coding := h.Status, h.Encoding
	var body []byte
	var sum Sum
	var err error
	again := c.rehash()
	c.pass(func() {
		again()
		d := decoders.Get().(*h1.Decoder)
		if body, err = d.Decode(raw, coding, maxBody); err != nil {
			err = fmt.Errorf("%w: %w", errCoding, err)
		} else {
			sum = Sum(md5.Sum(body))
			body = append([]byte(nil), body...) // it is the decoder's
		}
		decoders.Put(d)
	}, func() { c.decoded(status, keep, body, sum, err) })
}

// rehash is the work of hashing the files that came from the cache since the last piece
// of work.
func (c *call) rehash() func() {
	again := c.again
	c.again = nil
	return func() {
		for _, body := range again {
			md5.Sum(body)
		}
	}
}

// pass has the pool do work, and then runs next on the shard's goroutine.
func (c *call) pass(work, next func()) {
	loop := c.entity.shard.loop
	c.entity.shard.engine.config.Burner.Pass(c.lane, work, func() { loop.Post(evloop.Func(next)) })
}
