package world

import "slices"

// A fix is one position of a chair. The server's time is 0 until the report of it has
// been answered; reports of one chair are answered in order, so only the newest fix can
// lack it.
type fix struct {
	at        Millis
	position  Point
	travelled int32 // up to and including the move to here
}

// A track is all positions of a chair, oldest first. Everything asked of it lies near its
// end, so searches start there.
type track []fix

// indexAt is the newest fix whose server time is not after t, or -1.
func (k track) indexAt(t Instant) int {
	for i := len(k) - 1; i >= 0; i-- {
		if k[i].at != 0 && k[i].at.Instant() <= t {
			return i
		}
	}
	return -1
}

// A visit is the track's verdict on a position that a server claims.
type visit uint8

const (
	neverThere visit = iota
	tooLongAgo
	recently
)

// visited reports whether the chair reported position p, and whether it was still there
// at since or later. A stay lasts from its own server time to that of the next fix;
// without the latter it has not ended.
func (k track) visited(p Point, since Instant) visit {
	for i := len(k) - 1; i >= 0; i-- {
		if i+1 < len(k) && k[i+1].at != 0 && k[i+1].at.Instant() < since {
			return k[:i+1].visitedEver(p)
		}
		if k[i].position == p && k[i].at != 0 {
			return recently
		}
	}
	return neverThere
}

func (k track) visitedEver(p Point) visit {
	if slices.ContainsFunc(k, func(f fix) bool { return f.position == p && f.at != 0 }) {
		return tooLongAgo
	}
	return neverThere
}
