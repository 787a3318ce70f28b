package acceptance

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"isuride/webapp/servertest"
)

// TestNearby is line 10 of appendix D (S4.10).
func TestNearby(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("active chairs with a position, at once", listableChairs)
		p.Rule("the distance is inclusive, and 50 by default", nearbyDistance)
		p.Rule("a moving chair is where its last report was", movingChair)
		p.Rule("wrong parameters", nearbyParameters)
		p.Rule("a chair is not listed from its assignment to its completion", ridingChair)
		p.Rule("a chair comes back with its rider's next call", func(p *servertest.Process) {
			comesBack(p, func(s *servertest.Scene, _ *servertest.Stream) { s.User.Want(200, "GET", "/api/app/rides", nil) })
		})
		p.Rule("a chair comes back when its rider closes the stream", func(p *servertest.Process) {
			comesBack(p, func(_ *servertest.Scene, stream *servertest.Stream) { stream.Close() })
		})
		p.Rule("a chair comes back without a sign of its rider", func(p *servertest.Process) {
			comesBack(p, func(*servertest.Scene, *servertest.Stream) {})
		})
		p.Rule("a chair that was switched off during its ride", switchedOff)
		p.Rule("no chair of many is missing while others come and go", manyChairs)
	})
}

// listableChairs: each condition alone is not enough; the last one to come true lists the
// chair with the very next answer.
func listableChairs(p *servertest.Process) {
	watcher := p.Watcher()
	_, register := p.Owner("owner")
	newChair := func(name string) *servertest.Client {
		r := p.Anonymous().Call("POST", "/api/chair/chairs", servertest.Object{"name": name, "model": "SitEase", "chair_register_token": register})
		return &servertest.Client{T: p.T, Process: p, Cookie: r.CookieOf(), ID: r.Object(p.T)["id"].(string)}
	}
	first, second := newChair("first"), newChair("second")
	watcher.Lists(first, false, nil)
	first.Switches(true)
	watcher.Lists(first, false, nil) // trap T15: no position is not 0,0
	first.Report(servertest.At(0, 0))
	watcher.Lists(first, true, servertest.At(0, 0))
	second.Report(servertest.At(3, -4))
	watcher.Lists(second, false, nil)
	second.Switches(true)
	watcher.Lists(second, true, servertest.At(3, -4))
	listed := watcher.Nearby("latitude=0&longitude=0")[second.ID]
	if listed["name"] != "second" || listed["model"] != "SitEase" || len(listed) != 4 {
		p.T.Errorf("the chair is listed as %v", listed)
	}
	first.Switches(false)
	watcher.Lists(first, false, nil)
	first.Switches(true)
	watcher.Lists(first, true, servertest.At(0, 0))
}

func nearbyDistance(p *servertest.Process) {
	watcher := p.Watcher()
	_, register := p.Owner("owner")
	for _, c := range []struct{ latitude, longitude int }{{0, 0}, {20, -30}, {-25, 26}, {300, 300}, {-300, 0}} {
		p.Chair(register, fmt.Sprintf("%d,%d", c.latitude, c.longitude), "SitEase", servertest.At(c.latitude, c.longitude))
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
		got := watcher.Nearby(c.query)
		names := map[string]bool{}
		for _, chair := range got {
			names[chair["name"].(string)] = true
		}
		for _, name := range c.want {
			if !names[name] {
				p.T.Errorf("%s: the chair at %s is missing", c.query, name)
			}
		}
		if len(got) != len(c.want) {
			p.T.Errorf("%s: listed are %v, want %v", c.query, names, c.want)
		}
	}
}

func movingChair(p *servertest.Process) {
	watcher := p.Watcher()
	_, register := p.Owner("owner")
	chair := p.Chair(register, "chair", "SitEase", servertest.At(0, 0))
	for _, where := range []servertest.Object{servertest.At(0, 1), servertest.At(0, 2), servertest.At(50, 0), servertest.At(-20, -20)} {
		chair.Report(where)
		watcher.Lists(chair, true, where)
	}
	chair.Report(servertest.At(300, 300)) // the other region
	watcher.Lists(chair, false, nil)
	if _, ok := watcher.Nearby("latitude=299&longitude=301")[chair.ID]; !ok {
		p.T.Error("the chair is not listed in the region it has gone to")
	}
	chair.Report(servertest.At(0, 0))
	watcher.Lists(chair, true, servertest.At(0, 0))
}

func nearbyParameters(p *servertest.Process) {
	watcher := p.Watcher()
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
		watcher.Call("GET", "/api/app/nearby-chairs?"+c.query, nil).Refused(p.T, 400, c.name)
	}
}

// ridingChair: also while the chair does not know of the ride yet, and while the payment
// is under way (trap T22).
func ridingChair(p *servertest.Process) {
	gate := newGate(p)
	watcher, s := p.Watcher(), p.Scene()
	toChair := s.Chair.Listen()
	toChair.Next()
	watcher.Lists(s.Chair, true, servertest.At(0, 0))
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	toChair.Expect(ride, "MATCHING") // so it is assigned
	watcher.Lists(s.Chair, false, nil)
	for _, status := range servertest.Between("MATCHING", "ARRIVED") {
		s.Step(ride, status)
		watcher.Lists(s.Chair, false, nil)
	}
	gate.hold()
	rated := make(chan servertest.Reply, 1)
	go func() {
		r, err := s.User.Try("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5})
		if err != nil {
			p.T.Error(err)
		}
		rated <- r
	}()
	gate.await(ride)
	watcher.Lists(s.Chair, false, nil)
	gate.release()
	if r := <-rated; r.Status != 200 {
		p.T.Fatalf("the rating is answered %d %s", r.Status, r.Body)
	}
}

// comesBack: after a completion the chair is listed again with a sign that its rider
// knows of it, and without one soon (docs/dispatch.md; S4.10 and trap T17).
func comesBack(p *servertest.Process, sign func(s *servertest.Scene, stream *servertest.Stream)) {
	watcher, s := p.Watcher(), p.Scene()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	stream := s.User.Listen()
	s.Drive(ride, "MATCHING", "ARRIVED")
	began := time.Now()
	s.User.Rate(ride, 5)
	stream.Expect(ride, servertest.Statuses...)
	listed := func() bool { return watcher.Nearby("latitude=0&longitude=0")[s.Chair.ID] != nil }
	// Whether two seconds have passed only decides if there is something to check.
	if listed() && time.Since(began) < 2*time.Second {
		p.T.Error("the chair is listed before its rider has shown that it knows of the completion")
	}
	sign(s, stream)
	listedAgain(p, watcher, s.Chair)
}

// listedAgain waits for the chair, which was released once its rider's answer had left. Over
// HTTP/2 the rider's next call may overtake what follows that answer in the server.
func listedAgain(p *servertest.Process, watcher, chair *servertest.Client) {
	p.T.Helper()
	servertest.Eventually(p.T, func() error {
		if watcher.Nearby("latitude=0&longitude=0")[chair.ID] == nil {
			return fmt.Errorf("the chair is not listed again")
		}
		return nil
	})
	watcher.Lists(chair, true, servertest.Destination)
}

func switchedOff(p *servertest.Process) {
	watcher, s := p.Watcher(), p.Scene()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Drive(ride, "MATCHING", "CARRYING")
	s.Chair.Switches(false)
	s.Drive(ride, "CARRYING", "COMPLETED")
	s.User.Want(200, "GET", "/api/app/rides", nil)
	watcher.Lists(s.Chair, false, nil)
	s.Chair.Switches(true)
	listedAgain(p, watcher, s.Chair)
}

// manyChairs: chairs that stay where they are must be in every answer, however many
// others are switched on and off meanwhile (trap T16).
func manyChairs(p *servertest.Process) {
	watcher := p.Watcher()
	_, register := p.Owner("owner")
	var steady []*servertest.Client
	for i := range 80 { // more than the first slots of the index
		steady = append(steady, p.Chair(register, fmt.Sprint("steady ", i), "SitEase", servertest.At(i%10, i/10)))
	}
	stop := make(chan struct{})
	var restless sync.WaitGroup
	for i := range 3 {
		chair := p.Chair(register, fmt.Sprint("restless ", i), "SitEase", servertest.At(0, 0))
		restless.Go(func() {
			for on := false; ; on = !on {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := chair.Try("POST", "/api/chair/activity", servertest.Object{"is_active": on}); err != nil {
					p.T.Error(err)
					return
				}
			}
		})
	}
	for range 100 {
		listed := watcher.Nearby("latitude=0&longitude=0")
		for _, chair := range steady {
			if listed[chair.ID] == nil {
				p.T.Errorf("chair %s is missing", chair.ID)
			}
		}
	}
	close(stop)
	restless.Wait()
}
