package state

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"isuride/webapp/isuride"
)

// album is what a walk has found.
type album struct {
	span   Span
	hash   Hash
	images []*Image
}

// take walks; between is called before each image.
func (b *fixture) take(between func()) album {
	b.t.Helper()
	var a album
	keep := func(i *Image) error {
		a.images = append(a.images, keepImage(i))
		between()
		return nil
	}
	n, err := b.Count(keep)
	if err == ErrCounting {
		a.span, err = b.Walk(keep)
		b.must(err)
		return a
	}
	b.must(err)
	b.must(n.Err())
	a.span, a.hash = n.Span, n.Sum
	return a
}

// keepImage copies what is lent.
func keepImage(i *Image) *Image {
	kept := *i
	switch {
	case i.Chair != nil:
		c := *i.Chair
		c.Sales, c.Log.Messages = slices.Clone(c.Sales), slices.Clone(c.Log.Messages)
		kept.Chair = &c
	case i.User != nil:
		u := *i.User
		u.Coupons, u.Rides, u.Log.Messages = slices.Clone(u.Coupons), slices.Clone(u.Rides), slices.Clone(u.Log.Messages)
		kept.User = &u
	}
	return &kept
}

// restored is the store that the images and the events after them up to end make.
func (b *fixture) restored(a album, end int) *Store {
	b.t.Helper()
	restoration := NewRestoration(b.options(), b.base.ChairModels, Size{})
	for _, i := range a.images {
		b.must(restoration.Add(i))
	}
	r, err := restoration.Recovery(a.span, a.hash)
	b.must(err)
	b.replay(r, a.span.From, end)
	return r.Store()
}

// expectSame compares what the walk leads to with what the whole log leads to, at the
// walk's end and at a later event.
func (b *fixture) expectSame(a album, later int) {
	b.t.Helper()
	for _, end := range []int{int(a.span.To), later} {
		plain := New(b.options(), &b.base, nil)
		b.replay(NewRecovery(plain, 0), 0, end)
		got := b.restored(a, end)
		if want, got := describe(plain), describe(got); want != got {
			b.t.Fatalf("walk from %d to %d, events up to %d:\n%s", a.span.From, a.span.To, end, firstDifference(want, got))
		}
		if err := got.Check(); err != nil {
			b.t.Fatalf("walk from %d to %d, events up to %d: %v", a.span.From, a.span.To, end, err)
		}
	}
}

// TestWalkAtAnyMoment: images of a store that goes on between any two of them, and the
// events after, make what all events make.
func TestWalkAtAnyMoment(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	for round := range uint64(12) {
		p := newPlayer(t, *seed, round)
		// act makes up to n calls at a time, and total in all.
		act := func(n, total int) func() {
			return func() {
				for range min(p.IntN(n+1), total) {
					total--
					p.step()
				}
			}
		}
		var albums []album
		for range 3 {
			act(400, 400)()
			albums = append(albums, p.take(act([]int{0, 1, 5, 60}[p.IntN(4)], 400)))
		}
		act(400, 400)()
		end := len(p.log.events)
		for _, a := range albums {
			p.expectSame(a, int(a.span.To)+p.IntN(end-int(a.span.To)+1))
			p.expectSame(a, end)
		}
		p.abandonAll()
		p.release()
		p.expectSameAfterRestart()
		if want, got := describe(p.Store), describe(p.restored(albums[2], len(p.log.events))); want != got {
			t.Fatalf("the live store differs:\n%s", firstDifference(want, got))
		}
	}
}

// TestWalkDuringParallelCity: the same with everything at once.
func TestWalkDuringParallelCity(t *testing.T) {
	b := newFixture(t)
	const people, rides = 6, 15
	ended := make(chan struct{})
	var background, city sync.WaitGroup
	chairs := make([]*Chair, people)
	for i := range chairs {
		chairs[i] = b.chair(isuride.Coordinate{Latitude: int32(i)})
	}
	until := func(work func()) { background.Go(func() { repeat(ended, work) }) }
	until(func() { matchOldest(b) })
	var albums [2][]album // two walks at a time
	for i := range albums {
		until(func() {
			if len(albums[i]) < 20 {
				albums[i] = append(albums[i], b.take(func() { time.Sleep(10 * time.Microsecond) }))
			} else {
				time.Sleep(time.Millisecond)
			}
		})
	}
	for _, c := range chairs {
		background.Go(func() { driveUntil(b, c, ended) })
	}
	for i := range people {
		city.Go(func() { liveARider(b, rand.New(rand.NewPCG(1, uint64(i))), rides) })
	}
	city.Go(func() {
		for range 40 {
			b.chair(isuride.Coordinate{Latitude: 900, Longitude: 900})
			b.user(b.user("").InvitationCode)
		}
	})
	city.Wait()
	close(ended)
	background.Wait()
	b.expectSameAfterRestart()
	for _, a := range slices.Concat(albums[:]...) {
		b.expectSame(a, len(b.log.events))
	}
}

// TestWalkOfManyUnfinishedRides: tables of another program may give a user several rides
// at once.
func TestWalkOfManyUnfinishedRides(t *testing.T) {
	b := newFixture(t)
	u := b.user("")
	var taken []*Ride
	for i := range 5 {
		c := b.chair(isuride.Coordinate{Latitude: int32(i)})
		u.unfinished = 0 // as nobody else could
		r, err := b.RequestRide(u, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9})
		b.must(err)
		if i < 4 {
			b.assign(r, c)
		}
		taken = append(taken, r)
	}
	u.unfinished = len(taken)
	ended := make(chan struct{})
	var walks sync.WaitGroup
	for range 3 {
		walks.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
					b.take(func() {})
				}
			}
		})
	}
	for _, r := range taken[:4] {
		b.must(b.Advance(r.Chair(), r.ID, isuride.Enroute))
		b.report(r.Chair(), r.Pickup)
	}
	close(ended)
	walks.Wait()
	a := b.take(func() {})
	if got, want := describe(b.restored(a, len(b.log.events))), describe(b.Store); got != want {
		t.Fatal(firstDifference(want, got))
	}
}

func TestWalkEndsWithItsVisitor(t *testing.T) {
	b := newFixture(t)
	for range 3 {
		b.chair(isuride.Coordinate{})
		b.user("")
	}
	enough := errors.New("enough")
	for n := range 9 {
		visits := 0
		_, err := b.Walk(func(*Image) error {
			if visits++; visits > n {
				return enough
			}
			return nil
		})
		if err != enough || visits != n+1 {
			t.Errorf("%d visits, then %v", visits, err)
		}
	}
}

// TestRestorationRefuses what no walk can have found.
func TestRestorationRefuses(t *testing.T) {
	b := newFixture(t)
	c := b.chair(isuride.Coordinate{})
	r, err := b.RequestRide(b.user(""), isuride.Coordinate{}, isuride.Coordinate{Latitude: 9})
	b.must(err)
	b.assign(r, c)
	whole := b.take(func() {})
	for name, change := range map[string]func(a *album){
		"users first":        func(a *album) { slices.Reverse(a.images) },
		"positions fall":     func(a *album) { a.images[2].Position-- },
		"no owner":           func(a *album) { a.images = a.images[1:] },
		"no user":            func(a *album) { a.images = a.images[:2] },
		"chair is missing":   func(a *album) { a.images = slices.Delete(a.images, 1, 2) },
		"beyond the span":    func(a *album) { a.span.To-- },
		"the log is shorter": func(a *album) { a.span.To++ },
	} {
		a := album{span: whole.span}
		for _, i := range whole.images {
			a.images = append(a.images, keepImage(i))
		}
		change(&a)
		if err := tryRestoring(b, a); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func tryRestoring(b *fixture, a album) error {
	restoration := NewRestoration(b.options(), b.base.ChairModels, Size{})
	for _, i := range a.images {
		if err := restoration.Add(i); err != nil {
			return err
		}
	}
	r, err := restoration.Recovery(a.span, a.hash)
	if err != nil {
		return err
	}
	_, _, err = r.Finish(uint64(len(b.log.events)))
	return err
}

// BenchmarkWalk walks over 1,000 chairs, 10,000 users and 100,000 rides.
func BenchmarkWalk(b *testing.B) {
	f := newFixture(b)
	o, err := f.RegisterOwner("owner")
	f.must(err)
	for i := range 1000 {
		c, err := f.RegisterChair(o.ChairRegisterToken, "AB-1-1", "fast")
		f.must(err)
		f.must(f.SetActivity(c, true))
		f.report(c, isuride.Coordinate{})
		for range 10 {
			u := f.user("")
			for range 10 {
				f.complete(f.arrive(u, c, isuride.Coordinate{}, isuride.Coordinate{Latitude: int32(i % 50)}), 5)
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		images := 0
		if _, err := f.Walk(func(*Image) error { images++; return nil }); err != nil || images != 11_001 {
			b.Fatal(images, err)
		}
	}
}
