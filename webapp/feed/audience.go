package feed

import (
	"slices"
	"time"
)

// audience are the subscriptions that get the same rows at the same time: one without an interval, or all
// that ask for the same rows with the same one, as the pages that show the city do. What gathers for
// them is put together once. The hub's lock guards it.
type audience struct {
	*scope
	interval time.Duration
	subs     []*sub
	held     held
	turn     int64 // the interval, counted from the hub's first, in which they got something last

	picked []*change // of the event at hand
}

// audienceKey is what subscriptions of an audience have in common.
type audienceKey struct {
	viewer   Viewer
	tables   uint16
	filter   string
	interval time.Duration
}

func (s *sub) audienceKey() audienceKey {
	return audienceKey{s.viewer, s.tables, s.filter, s.interval}
}

// admitLocked has a subscription get events, with those that get the same.
func (h *hub) admitLocked(s *sub) {
	a := h.shared[s.audienceKey()]
	if a == nil {
		a = &audience{scope: s.scope, interval: s.interval, turn: -1}
		h.indexLocked(a)
		if a.interval > 0 {
			h.shared[s.audienceKey()] = a
		}
	}
	a.subs = append(a.subs, s)
	s.audience = a
}

// dismissLocked has it be told no more.
func (h *hub) dismissLocked(s *sub) {
	a := s.audience
	s.audience = nil
	a.subs = slices.DeleteFunc(a.subs, func(other *sub) bool { return other == s })
	if len(a.subs) > 0 {
		return
	}
	h.unindexLocked(a)
	delete(h.held, a)
	if a.interval > 0 {
		delete(h.shared, s.audienceKey())
	}
}

func (h *hub) indexLocked(a *audience) {
	for _, t := range a.order {
		b, values, narrow := a.lookup(t)
		if !narrow {
			h.broad[t] = append(h.broad[t], a)
			continue
		}
		h.used[t][b]++
		for _, v := range values {
			k := lookupKey{t, b, v}
			h.keyed[k] = append(h.keyed[k], a)
		}
	}
}

func (h *hub) unindexLocked(a *audience) {
	is := func(other *audience) bool { return other == a }
	for _, t := range a.order {
		b, values, narrow := a.lookup(t)
		if !narrow {
			h.broad[t] = slices.DeleteFunc(h.broad[t], is)
			continue
		}
		h.used[t][b]--
		for _, v := range values {
			k := lookupKey{t, b, v}
			if h.keyed[k] = slices.DeleteFunc(h.keyed[k], is); len(h.keyed[k]) == 0 {
				delete(h.keyed, k)
			}
		}
	}
}
