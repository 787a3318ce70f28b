package state

import (
	"iter"
	"sync/atomic"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

// FreeChair is a chair that can be assigned, its place, and whether nearby lists it yet,
// see Release.
type FreeChair struct {
	*Chair
	At     isuride.Coordinate
	Listed bool
}

// freeChairs holds the free chairs of one region so that a reader can walk them
// without a lock.
//
// A chair keeps its slot as long as it is free: a reader never misses a chair that
// was free during the whole walk. Hence slots are not compacted; a chair that leaves
// makes a hole, and the next one that comes fills it. (Swapping the last chair into
// the hole would hide it from a walk that is past the hole already.) An entry is
// replaced, never changed, so chair and place always belong together.
type freeChairs struct {
	mu    lockwatch.Mutex
	holes []int32 // guarded by mu

	slots atomic.Pointer[[]freeSlot] // replaced by a longer copy under mu when full
	used  atomic.Int32               // slots ever used; changed under mu
}

type freeSlot = atomic.Pointer[FreeChair]

// noSlot is the slot of a chair that is not free.
const noSlot = -1

func (f *freeChairs) init() {
	slots := make([]freeSlot, 64)
	f.slots.Store(&slots)
}

// put stores a free chair's entry in its slot, or in a new one if it has none, and
// returns the slot.
func (f *freeChairs) put(slot int32, entry FreeChair) int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slot == noSlot {
		slot = f.takeLocked()
	}
	(*f.slots.Load())[slot].Store(&entry)
	return slot
}

// remove empties a slot.
func (f *freeChairs) remove(slot int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	(*f.slots.Load())[slot].Store(nil)
	f.holes = append(f.holes, slot)
}

func (f *freeChairs) takeLocked() int32 {
	if n := len(f.holes); n > 0 {
		i := f.holes[n-1]
		f.holes = f.holes[:n-1]
		return i
	}
	i := f.used.Load()
	if slots := *f.slots.Load(); int(i) == len(slots) {
		f.growLocked(slots)
	}
	f.used.Store(i + 1)
	return i
}

func (f *freeChairs) growLocked(old []freeSlot) {
	slots := make([]freeSlot, 2*len(old))
	for i := range old {
		slots[i].Store(old[i].Load())
	}
	f.slots.Store(&slots)
}

// all yields every free chair. One that comes, leaves or moves meanwhile may be seen
// either way.
func (f *freeChairs) all() iter.Seq[*FreeChair] {
	return func(yield func(*FreeChair) bool) {
		used := f.used.Load() // before slots, which are then at least as many
		slots := *f.slots.Load()
		for i := range slots[:used] {
			if c := slots[i].Load(); c != nil && !yield(c) {
				return
			}
		}
	}
}
