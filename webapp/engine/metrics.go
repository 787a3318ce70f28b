package engine

import (
	"isuride/webapp/flush"
	"isuride/webapp/journal"
)

// Metrics are the figures of a generation.
type Metrics struct {
	Generation uint64        `json:"generation"`
	Durability string        `json:"durability"`
	Journal    journal.Stats `json:"journal"`
	Flush      flush.Metrics `json:"flush"`
}

// Metrics reads the figures.
func (g *Generation) Metrics() Metrics {
	return Metrics{Generation: g.number, Durability: g.cfg.Durability.String(), Journal: g.journal.Stats(), Flush: g.writer.Metrics()}
}
