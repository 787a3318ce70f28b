package main

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestNearby is line 10 of appendix D (S4.10).
func TestNearby(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("active chairs with a position, at once", listableChairs)
		p.rule("the distance is inclusive, and 50 by default", nearbyDistance)
		p.rule("a moving chair is where its last report was", movingChair)
		p.rule("wrong parameters", nearbyParameters)
		p.rule("a chair is not listed from its assignment to its completion", ridingChair)
		p.rule("a chair comes back with its rider's next call", func(p *process) {
			comesBack(p, func(s *scene, _ *events) { s.user.want(200, "GET", "/api/app/rides", nil) })
		})
		p.rule("a chair comes back when its rider closes the stream", func(p *process) {
			comesBack(p, func(_ *scene, stream *events) { stream.close() })
		})
		p.rule("a chair comes back without a sign of its rider", func(p *process) {
			comesBack(p, func(*scene, *events) {})
		})
		p.rule("a chair that was switched off during its ride", switchedOff)
		p.rule("no chair of many is missing while others come and go", manyChairs)
	})
}

// nearby asks for chairs; by id.
func (c *client) nearby(query string) map[string]object {
	c.t.Helper()
	answer := c.want(200, "GET", "/api/app/nearby-chairs?"+query, nil)
	chairs := map[string]object{}
	for _, v := range answer["chairs"].([]any) {
		chair := v.(object)
		id := chair["id"].(string)
		if chairs[id] != nil {
			c.t.Errorf("chair %s is listed twice", id)
		}
		chairs[id] = chair
	}
	return chairs
}

// lists checks whether a chair is among those around the origin, and if so where.
func (c *client) lists(chair *client, want bool, where object) {
	c.t.Helper()
	listed, ok := c.nearby("latitude=0&longitude=0")[chair.id]
	if ok != want {
		c.t.Fatalf("chair %s is listed: %v, want %v", chair.id, ok, want)
	}
	if !ok {
		return
	}
	if got := fmt.Sprint(listed["current_coordinate"]); got != fmt.Sprint(where) {
		c.t.Fatalf("the chair is listed at %s, want %s", got, fmt.Sprint(where))
	}
}

// switches sets the chair's activity.
func (c *client) switches(on bool) {
	c.t.Helper()
	c.want(204, "POST", "/api/chair/activity", object{"is_active": on})
}

// watcher is a user of no concern to anybody else's rides.
func (p *process) watcher() *client {
	p.t.Helper()
	c, _ := p.user("watcher", "")
	return c
}

// listableChairs: each condition alone is not enough; the last one to come true lists the
// chair with the very next answer.
func listableChairs(p *process) {
	watcher := p.watcher()
	_, register := p.owner("owner")
	newChair := func(name string) *client {
		r := p.anonymous().call("POST", "/api/chair/chairs", object{"name": name, "model": "SitEase", "chair_register_token": register})
		return &client{t: p.t, p: p, cookie: r.cookieOf(), id: r.object(p.t)["id"].(string)}
	}
	first, second := newChair("first"), newChair("second")
	watcher.lists(first, false, nil)
	first.switches(true)
	watcher.lists(first, false, nil) // trap T15: no position is not 0,0
	first.report(at(0, 0))
	watcher.lists(first, true, at(0, 0))
	second.report(at(3, -4))
	watcher.lists(second, false, nil)
	second.switches(true)
	watcher.lists(second, true, at(3, -4))
	listed := watcher.nearby("latitude=0&longitude=0")[second.id]
	if listed["name"] != "second" || listed["model"] != "SitEase" || len(listed) != 4 {
		p.t.Errorf("the chair is listed as %v", listed)
	}
	first.switches(false)
	watcher.lists(first, false, nil)
	first.switches(true)
	watcher.lists(first, true, at(0, 0))
}

func nearbyDistance(p *process) {
	watcher := p.watcher()
	_, register := p.owner("owner")
	for _, c := range []struct{ latitude, longitude int }{{0, 0}, {20, -30}, {-25, 26}, {300, 300}, {-300, 0}} {
		p.chair(register, fmt.Sprintf("%d,%d", c.latitude, c.longitude), "SitEase", at(c.latitude, c.longitude))
	}
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"latitude=0&longitude=0", []string{"0,0", "20,-30"}},
		{"longitude=0&latitude=0&distance=", []string{"0,0", "20,-30"}}, // as if it were not there
		{"latitude=0&longitude=0&distance=51", []string{"0,0", "20,-30", "-25,26"}},
		{"latitude=0&longitude=0&distance=49", []string{"0,0"}},
		{"latitude=0&longitude=0&distance=0", []string{"0,0"}},
		{"latitude=0&longitude=0&distance=-1", nil},
		{"latitude=0&longitude=1&distance=0", nil},
		{"latitude=-5&longitude=-5&distance=50", []string{"0,0", "20,-30"}},
		{"latitude=%2D5&longitude=-6&x=y", []string{"0,0", "20,-30"}},
		{"latitude=300&longitude=250", []string{"300,300"}},
		{"latitude=0&longitude=0&distance=600", []string{"0,0", "20,-30", "-25,26", "300,300", "-300,0"}},
		{"latitude=2147483647&longitude=-2147483648&distance=9223372036854775807",
			[]string{"0,0", "20,-30", "-25,26", "300,300", "-300,0"}},
	} {
		got := watcher.nearby(c.query)
		names := map[string]bool{}
		for _, chair := range got {
			names[chair["name"].(string)] = true
		}
		for _, name := range c.want {
			if !names[name] {
				p.t.Errorf("%s: the chair at %s is missing", c.query, name)
			}
		}
		if len(got) != len(c.want) {
			p.t.Errorf("%s: listed are %v, want %v", c.query, names, c.want)
		}
	}
}

func movingChair(p *process) {
	watcher := p.watcher()
	_, register := p.owner("owner")
	chair := p.chair(register, "chair", "SitEase", at(0, 0))
	for _, where := range []object{at(0, 1), at(0, 2), at(50, 0), at(-20, -20)} {
		chair.report(where)
		watcher.lists(chair, true, where)
	}
	chair.report(at(300, 300)) // the other region
	watcher.lists(chair, false, nil)
	if _, ok := watcher.nearby("latitude=299&longitude=301")[chair.id]; !ok {
		p.t.Error("the chair is not listed in the region it has gone to")
	}
	chair.report(at(0, 0))
	watcher.lists(chair, true, at(0, 0))
}

func nearbyParameters(p *process) {
	watcher := p.watcher()
	for _, c := range []struct{ query, name string }{
		{"", "latitude"},
		{"latitude=1", "longitude"},
		{"longitude=1", "latitude"},
		{"latitude=&longitude=1", "latitude"},
		{"latitude=1&longitude=", "longitude"},
		{"latitude=x&longitude=1", "latitude"},
		{"latitude=1.5&longitude=1", "latitude"},
		{"latitude=1e1&longitude=1", "latitude"},
		{"latitude=0x1&longitude=1", "latitude"},
		{"latitude=1&longitude=+1+", "longitude"},
		{"latitude=1&longitude=%zz", "longitude"},
		{"latitude=2147483648&longitude=1", "latitude"},
		{"latitude=1&longitude=1&distance=far", "distance"},
		{"latitude=1&longitude=1&distance=1.0", "distance"},
		{"latitude=1&longitude=1&distance=9223372036854775808", "distance"},
	} {
		watcher.call("GET", "/api/app/nearby-chairs?"+c.query, nil).refused(p.t, 400, c.name)
	}
}

// ridingChair: also while the chair does not know of the ride yet, and while the payment
// is under way (trap T22).
func ridingChair(p *process) {
	gate := p.gate()
	watcher, s := p.watcher(), p.scene()
	toChair := s.chair.listen()
	toChair.next()
	watcher.lists(s.chair, true, at(0, 0))
	ride := s.user.request(pickup, destination)
	toChair.expect(ride, "MATCHING") // so it is assigned
	watcher.lists(s.chair, false, nil)
	for _, status := range between("MATCHING", "ARRIVED") {
		s.step(ride, status)
		watcher.lists(s.chair, false, nil)
	}
	gate.hold()
	rated := make(chan reply, 1)
	go func() {
		r, err := s.user.try("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5})
		if err != nil {
			p.t.Error(err)
		}
		rated <- r
	}()
	gate.await(ride)
	watcher.lists(s.chair, false, nil)
	gate.release()
	if r := <-rated; r.status != 200 {
		p.t.Fatalf("the rating is answered %d %s", r.status, r.body)
	}
}

// comesBack: after a completion the chair is listed again with a sign that its rider
// knows of it, and without one soon (docs/dispatch.md; S4.10 and trap T17).
func comesBack(p *process, sign func(s *scene, stream *events)) {
	watcher, s := p.watcher(), p.scene()
	ride := s.user.request(pickup, destination)
	stream := s.user.listen()
	s.drive(ride, "MATCHING", "ARRIVED")
	began := time.Now()
	s.user.rate(ride, 5)
	stream.expect(ride, statuses...)
	listed := func() bool { return watcher.nearby("latitude=0&longitude=0")[s.chair.id] != nil }
	// Whether two seconds have passed only decides if there is something to check.
	if listed() && time.Since(began) < 2*time.Second {
		p.t.Error("the chair is listed before its rider has shown that it knows of the completion")
	}
	sign(s, stream)
	eventually(p.t, func() error {
		if !listed() {
			return fmt.Errorf("the chair is not listed again")
		}
		return nil
	})
	watcher.lists(s.chair, true, destination)
}

func switchedOff(p *process) {
	watcher, s := p.watcher(), p.scene()
	ride := s.user.request(pickup, destination)
	s.drive(ride, "MATCHING", "CARRYING")
	s.chair.switches(false)
	s.drive(ride, "CARRYING", "COMPLETED")
	s.user.want(200, "GET", "/api/app/rides", nil)
	watcher.lists(s.chair, false, nil)
	s.chair.switches(true)
	watcher.lists(s.chair, true, destination)
}

// manyChairs: chairs that stay where they are must be in every answer, however many
// others are switched on and off meanwhile (trap T16).
func manyChairs(p *process) {
	watcher := p.watcher()
	_, register := p.owner("owner")
	var steady []*client
	for i := range 80 { // more than the first slots of the index
		steady = append(steady, p.chair(register, fmt.Sprint("steady ", i), "SitEase", at(i%10, i/10)))
	}
	stop := make(chan struct{})
	var restless sync.WaitGroup
	for i := range 3 {
		chair := p.chair(register, fmt.Sprint("restless ", i), "SitEase", at(0, 0))
		restless.Go(func() {
			for on := false; ; on = !on {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := chair.try("POST", "/api/chair/activity", object{"is_active": on}); err != nil {
					p.t.Error(err)
					return
				}
			}
		})
	}
	for range 100 {
		listed := watcher.nearby("latitude=0&longitude=0")
		for _, chair := range steady {
			if listed[chair.id] == nil {
				p.t.Errorf("chair %s is missing", chair.id)
			}
		}
	}
	close(stop)
	restless.Wait()
}
