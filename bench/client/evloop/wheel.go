package evloop

import "math/bits"

// A Timer calls Fire once, some time after it was started. It belongs to one loop, is
// usually a member of what it times, and may be started again after it has fired or was
// stopped. Only the loop's goroutine may touch it.
type Timer struct {
	Fire func() // set once, before the first start

	due        int64 // in milliseconds of the loop's clock
	slot       int32 // plus one, so that the zero Timer is not queued
	next, prev *Timer
}

// Active reports whether the timer is going to fire.
func (t *Timer) Active() bool { return t.slot != 0 }

const (
	// wheelSlots is one slot per millisecond and just over a minute in all, so that the
	// longest limit of a request (60 s, B13.1) needs no second lap.
	wheelSlots = 1 << 16
	wheelMask  = wheelSlots - 1
)

// A wheel is a hashed timer wheel of one lap. Starting and stopping cost the same however
// many timers run, which a heap would not give: nearly all timers are request limits that
// are stopped long before they are due.
//
// Each slot is a ring in order of start. A bit per slot, and a bit per word of those,
// lead to the next timer in a few steps.
type wheel struct {
	heads [wheelSlots]*Timer
	words [wheelSlots / 64]uint64
	index [wheelSlots / 64 / 64]uint64
	done  int64 // every timer due at this millisecond or before has fired
}

// add queues t, which must not be queued. What is due beyond the lap waits in its last
// slot and is queued again there.
func (w *wheel) add(t *Timer) {
	at := min(max(t.due, w.done+1), w.done+wheelSlots-1)
	slot := int32(at & wheelMask)
	t.slot = slot + 1
	head := w.heads[slot]
	if head == nil {
		t.next, t.prev = t, t
		w.heads[slot] = t
		w.words[slot/64] |= 1 << (slot % 64)
		w.index[slot/64/64] |= 1 << (slot / 64 % 64)
		return
	}
	t.next, t.prev = head, head.prev
	head.prev.next = t
	head.prev = t
}

// remove takes t out if it is queued.
func (w *wheel) remove(t *Timer) {
	if t.slot == 0 {
		return
	}
	slot := t.slot - 1
	t.slot = 0
	if t.next == t {
		w.clear(slot)
	} else {
		t.next.prev, t.prev.next = t.prev, t.next
		if w.heads[slot] == t {
			w.heads[slot] = t.next
		}
	}
	t.next, t.prev = nil, nil
}

func (w *wheel) clear(slot int32) {
	w.heads[slot] = nil
	w.words[slot/64] &^= 1 << (slot % 64)
	if w.words[slot/64] == 0 {
		w.index[slot/64/64] &^= 1 << (slot / 64 % 64)
	}
}

// next is the millisecond of the first queued timer, false if there is none.
func (w *wheel) next() (int64, bool) {
	from := (w.done + 1) & wheelMask
	slot, ok := w.seek(from)
	if !ok {
		slot, ok = w.seek(0)
		if !ok {
			return 0, false
		}
	}
	return w.done + 1 + (slot-from)&wheelMask, true
}

// seek is the first occupied slot at or after from.
func (w *wheel) seek(from int64) (int64, bool) {
	word := from / 64
	if rest := w.words[word] >> (from % 64); rest != 0 {
		return from + int64(bits.TrailingZeros64(rest)), true
	}
	word++
	for i := word / 64; i < int64(len(w.index)); i++ {
		rest := w.index[i]
		if i == word/64 {
			rest = rest >> (word % 64) << (word % 64)
		}
		if rest != 0 {
			word = i*64 + int64(bits.TrailingZeros64(rest))
			return word*64 + int64(bits.TrailingZeros64(w.words[word])), true
		}
	}
	return 0, false
}

// advance fires what is due at now or before, in order of time and, within a millisecond,
// of start. The timers may start and stop any timer meanwhile.
func (w *wheel) advance(now int64) {
	for {
		at, ok := w.next()
		if !ok || at > now {
			break
		}
		w.done = at
		// A timer added from here on has another slot: add places it at least one and
		// less than a lap later.
		for t := w.heads[at&wheelMask]; t != nil; t = w.heads[at&wheelMask] {
			w.remove(t)
			if t.due > at {
				w.add(t)
				continue
			}
			t.Fire()
		}
	}
	w.done = max(w.done, now)
}
