package world

import (
	"testing"

	"isuride/tools/dev/allocs"
)

// deaf clients take every call and never answer.
type deaf struct{}

func (deaf) NewUser(Entity) UserClient   { return deafUser{} }
func (deaf) NewChair(Entity) ChairClient { return deafChair{} }
func (deaf) NewOwner(Entity) OwnerClient { return deafOwner{} }

type deafUser struct{ UserClient }
type deafOwner struct{ OwnerClient }
type deafChair struct{ ChairClient }

func (deafChair) PostPosition(Point)     {}
func (deafChair) NotificationsTaken(int) {}

// crowd is a world in the middle of a load, with users who wait for their chairs and
// chairs on a very long way.
func crowd(users, chairs int) *World {
	w := New(Config{}, deaf{})
	r := &ride{pickup: Point{1 << 30, 1 << 30}, chairView: StatusEnroute, userView: StatusEnroute}
	for i := range users {
		w.users = append(w.users, &user{
			entity: newEntity(w, KindUser, i), client: deafUser{}, region: w.regions[0],
			state: userActive, ride: r, connected: true,
		})
	}
	for i := range chairs {
		c := &chair{
			entity: newEntity(w, KindChair, i), client: deafChair{},
			state: chairActive, ride: r, model: chairModel{speed: 3},
			// As much as a minute needs, so that the growth of the track is not measured.
			track: make(track, 0, 4096),
		}
		w.chairs = append(w.chairs, c)
	}
	return w
}

// What a tick costs for those who have nothing to do.
func BenchmarkIdleTick(b *testing.B) {
	w := crowd(20_000, 0)
	b.ReportAllocs()
	for i := range b.N {
		w.TickChairs(Instant(i) * TickLength)
		w.TickUsers(Instant(i) * TickLength)
	}
}

// moveAll is a tick in which every chair moves, with the answers to its reports.
func (w *World) moveAll(tick int) {
	now := Instant(tick) * TickLength
	w.TickChairs(now)
	for i, c := range w.chairs {
		c.track = c.track[:min(len(c.track), 4000)]
		w.Deliver(now+Millisecond, Event{To: chairNo(i), Kind: EventPositionRecorded, Time: (now + Millisecond).Millis()})
	}
	w.TickUsers(now)
}

// What a moving chair costs in each tick: its turn, the report and the answer.
func BenchmarkMove(b *testing.B) {
	const chairs = 1000
	w := crowd(20_000, chairs)
	for i := range w.chairs {
		w.chairSet.next.add(int32(i))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += chairs {
		w.moveAll(i / chairs)
	}
}

func TestMovesDoNotAllocate(t *testing.T) {
	w := crowd(100, 100)
	for i := range w.chairs {
		w.chairSet.next.add(int32(i))
	}
	tick := 0
	if n := allocs.PerRun(100, func() { w.moveAll(tick); tick++ }); n != 0 {
		t.Errorf("%v allocations in a tick of 100 moves", n)
	}
	if w.chairs[0].travelled != 3*tick {
		t.Errorf("travelled %d in %d ticks", w.chairs[0].travelled, tick)
	}
}
