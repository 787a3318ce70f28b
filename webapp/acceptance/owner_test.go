package acceptance

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"isuride/webapp/servertest"
)

// TestOwnerChairs is line 11 of appendix D (S4.12, trap T18).
func TestOwnerChairs(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("distance and time belong together at any time", pairUnderReports)
		p.Rule("every chair is listed from its registration on", ownChairs)
	})
}

// tracked is a chair with every report of which it knows the time.
type tracked struct {
	*servertest.Client
	last atomic.Int64 // newest recorded_at that was answered

	mu      sync.Mutex
	reports []report // guarded by mu
}

type report struct {
	at   int64 // recorded_at
	x, y int
}

func (c *tracked) send(r report) {
	r.at = c.Report(servertest.At(r.x, r.y))
	for {
		last := c.last.Load()
		if last >= r.at || c.last.CompareAndSwap(last, r.at) {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports = append(c.reports, r)
}

// distanceAt adds up the moves until a time; the reports are sorted.
func (c *tracked) distanceAt(until int64) (sum int64, known bool) {
	for i, r := range c.reports {
		if r.at > until {
			break
		}
		known = r.at == until
		if i > 0 {
			sum += int64(servertest.Abs(r.x-c.reports[i-1].x) + servertest.Abs(r.y-c.reports[i-1].y))
		}
	}
	return sum, known
}

// sample is one chair in an answer to the owner, and the newest answer that the chair
// had got before the owner asked.
type sample struct {
	chair                  *tracked
	distance, at, answered int64
}

// pairUnderReports: three chairs report from two goroutines each, as fast as they can;
// an owner looks all the time. Afterwards each pair it saw is recomputed from the
// reports up to its time.
func pairUnderReports(p *servertest.Process) {
	const reporters, each = 2, 100
	owner, register := p.Owner("owner")
	var chairs []*tracked
	var reporting sync.WaitGroup
	for i := range 3 {
		r := p.Anonymous().Call("POST", "/api/chair/chairs", servertest.Object{"name": "chair", "model": "SitEase", "chair_register_token": register})
		c := &tracked{Client: &servertest.Client{T: p.T, Process: p, Cookie: r.CookieOf(), ID: r.Object(p.T)["id"].(string)}}
		chairs = append(chairs, c)
		for r := range reporters {
			reporting.Go(func() {
				for n := range each { // every fourth report does not move (trap T7)
					c.send(report{x: r*50 - n/4, y: n % 7 * i})
				}
			})
		}
	}
	done := make(chan struct{})
	go func() { reporting.Wait(); close(done) }()
	samples := watchChairs(owner, chairs, done)
	for _, c := range chairs {
		slices.SortFunc(c.reports, func(a, b report) int { return cmp.Compare(a.at, b.at) })
		if n := len(c.reports); n != reporters*each {
			p.T.Fatalf("%d reports were answered, want %d", n, reporters*each)
		}
		for i := range c.reports[1:] {
			if c.reports[i].at == c.reports[i+1].at {
				p.T.Fatalf("two reports are recorded at %d", c.reports[i].at)
			}
		}
	}
	for _, s := range samples {
		s.check(p.T)
	}
	p.T.Logf("%d pairs checked", len(samples))
}

// watchChairs looks until the reporting is done, and once more.
func watchChairs(owner *servertest.Client, chairs []*tracked, done chan struct{}) (samples []sample) {
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		var answered []int64
		for _, c := range chairs {
			answered = append(answered, c.last.Load())
		}
		listed := owner.Listed()
		for i, c := range chairs {
			s := sample{chair: c, answered: answered[i], distance: servertest.Integer(owner.T, listed[c.ID]["total_distance"])}
			if at, ok := listed[c.ID]["total_distance_updated_at"]; ok {
				s.at = servertest.Integer(owner.T, at)
			}
			samples = append(samples, s)
		}
	}
	return samples
}

func (s *sample) check(t testing.TB) {
	t.Helper()
	if s.at < s.answered {
		t.Errorf("the distance is that of %d, although a report of %d was answered before", s.at, s.answered)
	}
	if s.at == 0 {
		if s.distance != 0 {
			t.Errorf("a distance of %d without a time", s.distance)
		}
		return
	}
	want, known := s.chair.distanceAt(s.at)
	if !known || s.distance != want {
		t.Errorf("the distance is %d at %d (a time that was answered: %v), want %d", s.distance, s.at, known, want)
	}
}

// ownChairs: with the next answer, also without position, and to no other owner.
func ownChairs(p *servertest.Process) {
	owner, register := p.Owner("owner")
	other, _ := p.Owner("other")
	for i := range 5 {
		r := p.Anonymous().Call("POST", "/api/chair/chairs",
			servertest.Object{"name": "same name", "model": "no such model", "chair_register_token": register})
		id := r.Object(p.T)["id"].(string)
		listed := owner.Listed()
		chair := listed[id]
		if len(listed) != i+1 || chair == nil {
			p.T.Fatalf("after %d registrations the owner has %d chairs: %v", i+1, len(listed), listed)
		}
		if chair["active"] != false || chair["name"] != "same name" || chair["model"] != "no such model" {
			p.T.Errorf("the new chair is listed as %v", chair)
		}
		if _, ok := chair["total_distance_updated_at"]; ok || servertest.Integer(p.T, chair["total_distance"]) != 0 {
			p.T.Errorf("a chair that never reported is listed as %v", chair)
		}
	}
	if n := len(other.Listed()); n != 0 {
		p.T.Errorf("another owner has %d chairs", n)
	}
}

// TestSales is line 12 of appendix D (S4.13).
func TestSales(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("windows are inclusive to the millisecond", salesWindows)
		p.Rule("every chair and every model, also with nothing", salesOfNothing)
		p.Rule("full fares, whatever the coupon", fullFares)
		p.Rule("complete up to until while rides are rated", salesUnderLoad)
		p.Rule("wrong parameters", salesParameters)
	})
}

func salesWindows(p *servertest.Process) {
	s := p.Scene()
	var completed []int64
	for i := range 3 {
		ride := s.User.Request(servertest.Pickup, servertest.Destination)
		s.Drive(ride, "MATCHING", "ARRIVED")
		completed = append(completed, s.User.Rate(ride, 5))
		s.Owner.WantSales(int64(1700*(i+1)), "")
	}
	for _, c := range []struct {
		query string
		rides int64
	}{
		{"", 3},
		{"?", 3},
		{"?since=&until=", 3},
		{"?since=0", 3},
		{fmt.Sprint("?since=", completed[0]), 3},
		{fmt.Sprint("?since=", completed[0]+1), 2},
		{fmt.Sprint("?since=", completed[2]), 1},
		{fmt.Sprint("?since=", completed[2]+1), 0},
		{fmt.Sprint("?until=", completed[0]-1), 0},
		{fmt.Sprint("?until=", completed[0]), 1}, // up to the end of that millisecond
		{fmt.Sprint("?until=", completed[2]-1), 2},
		{fmt.Sprint("?until=", completed[2]), 3},
		{fmt.Sprintf("?since=%d&until=%d", completed[1], completed[1]), 1},
		{fmt.Sprintf("?until=%d&since=%d", completed[1], completed[0]+1), 1},
		{fmt.Sprintf("?since=%d&until=%d", completed[1]+1, completed[2]-1), 0},
		{fmt.Sprintf("?since=%d&until=%d", completed[2], completed[0]), 0},
		{"?since=-9223372036854775808&until=9223372036854775807", 3},
		{"?since=9223372036854775807", 0},
		{"?until=-1", 0},
	} {
		s.Owner.WantSales(1700*c.rides, c.query)
	}
}

// salesOfNothing: chairs without rides count, a model of two chairs is listed once, and
// other owners' rides do not.
func salesOfNothing(p *servertest.Process) {
	s := p.Scene()
	p.Chair(s.Register, "second", "SitEase", servertest.At(300, 300))
	p.Chair(s.Register, "third", "Legacy Chair", servertest.At(300, 300))
	other, _ := p.Owner("other")
	before := s.Owner.Sales("")
	if before.Chairs != 3 || before.Parts != 2 || before.Total != 0 {
		p.T.Errorf("before any ride: %+v", before)
	}
	s.Ride()
	after := s.Owner.Sales("")
	if after.Chairs != 3 || after.Parts != 2 || after.Chair[s.Chair.ID] != 1700 || after.Model["SitEase"] != 1700 || after.Model["Legacy Chair"] != 0 {
		p.T.Errorf("after a ride: %+v", after)
	}
	empty := s.Owner.Sales("?until=1")
	if empty.Chairs != 3 || empty.Parts != 2 || empty.Total != 0 {
		p.T.Errorf("in an empty window: %+v", empty)
	}
	other.WantSales(0, "")
}

// fullFares: a first ride with 3000 off, one with less off than the fare, and one that
// costs the base fare alone.
func fullFares(p *servertest.Process) {
	s := p.Scene()
	_, code := p.User("inviter", "")
	s.User, _ = p.User("invited", code)
	total := int64(0)
	for _, to := range []servertest.Object{servertest.Destination, servertest.At(2, 33), servertest.Pickup} {
		ride := s.User.Request(servertest.Pickup, to)
		s.Drive(ride, "MATCHING", "CARRYING")
		s.Chair.Report(to)
		s.User.Rate(ride, 1)
		total += 500 + 100*int64(distance(servertest.Pickup, to))
		s.Owner.WantSales(total, "")
	}
}

// distance is that of S1.2.
func distance(a, b servertest.Object) int {
	return servertest.Abs(a["latitude"].(int)-b["latitude"].(int)) + servertest.Abs(a["longitude"].(int)-b["longitude"].(int))
}

// salesUnderLoad is the check of the load test (S4.13): rides are rated in parallel
// while the owner asks for the sales until the newest completion it knows.
func salesUnderLoad(p *servertest.Process) {
	const riders, rides, fare = 3, 8, 500 + 100*12
	owner, register := p.Owner("owner")
	fleet(p, register, riders)
	var users []*servertest.Client
	for i := range riders {
		user, _ := p.User(fmt.Sprint("rider ", i), "")
		users = append(users, user)
	}
	book := &salesBook{fare: fare}
	done := make(chan struct{})
	go func() {
		defer close(done)
		servertest.Together(p.T, riders, func(i int) error {
			for range rides {
				_, at, err := travel(users[i], servertest.Pickup, servertest.Destination)
				if err != nil {
					return err
				}
				book.enter(at)
			}
			return nil
		})
	}()
	checks := 0
	for last := false; !last; checks++ {
		select {
		case <-done:
			last = true
		default:
		}
		book.look(owner)
	}
	owner.WantSales(riders*rides*fare, "")
	book.close(p.T)
	p.T.Logf("%d checks", checks)
}

// salesBook holds the completions in the riders' answers, and the sales in the owner's.
type salesBook struct {
	fare int64

	mu        sync.Mutex
	completed []int64 // guarded by mu
	looks     []look  // of the test's goroutine
}

// look is an answer: the sales until a time, which was known with the least sum.
type look struct{ until, least, sum int64 }

func (b *salesBook) enter(at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.completed = append(b.completed, at)
}

// sum is the sales until a time, as far as they are known.
func (b *salesBook) sum(until int64) (sum int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, at := range b.completed {
		if at <= until {
			sum += b.fare
		}
	}
	return sum
}

func (b *salesBook) newest() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Max(append(b.completed, 1))
}

func (b *salesBook) look(owner *servertest.Client) {
	l := look{until: b.newest()}
	l.least = b.sum(l.until)
	l.sum = owner.Sales(fmt.Sprint("?until=", l.until)).Total
	b.looks = append(b.looks, l)
}

// close compares all answers with the whole book.
func (b *salesBook) close(t testing.TB) {
	t.Helper()
	for _, l := range b.looks {
		if most := b.sum(l.until); l.sum < l.least || l.sum > most {
			t.Errorf("sales until %d were answered as %d, want %d to %d", l.until, l.sum, l.least, most)
		}
	}
}

func salesParameters(p *servertest.Process) {
	owner, _ := p.Owner("owner")
	for _, c := range []struct{ query, name string }{
		{"since=x", "since"},
		{"since=1.5", "since"},
		{"since=0&until=now", "until"},
		{"until=1e3", "until"},
		{"until=9223372036854775808", "until"},
		{"since=%", "since"},
	} {
		owner.Call("GET", "/api/owner/sales?"+c.query, nil).Refused(p.T, 400, c.name)
	}
}
