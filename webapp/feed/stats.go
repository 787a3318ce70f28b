package feed

import "sync/atomic"

// Stats are the figures of a feed.
type Stats struct {
	Connections, Subscriptions int
	Behind                     uint64 // events that are not handed out yet; 0 while nobody reads
	// Since the start of the process:
	Frames, Bytes uint64 // that readers took
	Partials      uint64 // begun, for each subscription that wanted one
	Dropped       uint64 // times that what waited for a reader was given up, since it was too much
	Cut           uint64 // connections ended since their readers were too slow
}

// counts are what of Stats only grows.
type counts struct {
	frames, bytes, partials, dropped, cut atomic.Uint64
}

// Stats reads the figures.
func (f *Feed) Stats() Stats {
	c := &f.counts
	s := Stats{Frames: c.frames.Load(), Bytes: c.bytes.Load(), Partials: c.partials.Load(), Dropped: c.dropped.Load(), Cut: c.cut.Load()}
	f.mu.Lock()
	conns := make([]*Conn, 0, len(f.conns))
	for conn := range f.conns {
		conns = append(conns, conn)
	}
	f.mu.Unlock()
	s.Connections = len(conns)
	for _, conn := range conns {
		s.Subscriptions += conn.subscriptions()
	}
	s.Behind = f.hub.behind()
	return s
}

func (c *Conn) subscriptions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.subs)
}

func (h *hub) behind() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.source.Journal == nil {
		return 0
	}
	return h.source.Journal.Watermark() - min(h.seq, h.source.Journal.Watermark())
}
