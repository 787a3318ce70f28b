package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// TestOwnerChairs is line 11 of appendix D (S4.12, trap T18).
func TestOwnerChairs(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("distance and time belong together at any time", pairUnderReports)
		p.rule("every chair is listed from its registration on", ownChairs)
	})
}

// listed is the owner's list of chairs, by id.
func (c *client) listed() map[string]object {
	c.t.Helper()
	chairs := map[string]object{}
	for _, v := range c.want(200, "GET", "/api/owner/chairs", nil)["chairs"].([]any) {
		chair := v.(object)
		chairs[chair["id"].(string)] = chair
	}
	return chairs
}

// tracked is a chair with every report of which it knows the time.
type tracked struct {
	*client
	last atomic.Int64 // newest recorded_at that was answered

	mu      sync.Mutex
	reports []report // guarded by mu
}

type report struct {
	at   int64 // recorded_at
	x, y int
}

func (c *tracked) send(r report) {
	r.at = c.report(at(r.x, r.y))
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
			sum += int64(abs(r.x-c.reports[i-1].x) + abs(r.y-c.reports[i-1].y))
		}
	}
	return sum, known
}

func abs(n int) int { return max(n, -n) }

// sample is what the owner was told of one chair, and the newest answer that the chair
// had got before the owner asked.
type sample struct {
	chair                  *tracked
	distance, at, answered int64
}

// pairUnderReports: three chairs report from two goroutines each, as fast as they can;
// an owner looks all the time. Afterwards each pair it saw is recomputed from the
// reports up to its time.
func pairUnderReports(p *process) {
	const reporters, each = 2, 100
	owner, register := p.owner("owner")
	var chairs []*tracked
	var reporting sync.WaitGroup
	for i := range 3 {
		r := p.anonymous().call("POST", "/api/chair/chairs", object{"name": "chair", "model": "SitEase", "chair_register_token": register})
		c := &tracked{client: &client{t: p.t, p: p, cookie: r.cookieOf(), id: r.object(p.t)["id"].(string)}}
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
			p.t.Fatalf("%d reports were answered, want %d", n, reporters*each)
		}
		for i := range c.reports[1:] {
			if c.reports[i].at == c.reports[i+1].at {
				p.t.Fatalf("two reports are recorded at %d", c.reports[i].at)
			}
		}
	}
	for _, s := range samples {
		s.check(p.t)
	}
	p.t.Logf("%d pairs checked", len(samples))
}

// watchChairs looks until the reporting is done, and once more.
func watchChairs(owner *client, chairs []*tracked, done chan struct{}) (samples []sample) {
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
		listed := owner.listed()
		for i, c := range chairs {
			s := sample{chair: c, answered: answered[i], distance: integer(owner.t, listed[c.id]["total_distance"])}
			if at, ok := listed[c.id]["total_distance_updated_at"]; ok {
				s.at = integer(owner.t, at)
			}
			samples = append(samples, s)
		}
	}
	return samples
}

func (s *sample) check(t testing.TB) {
	t.Helper()
	if s.at < s.answered {
		t.Errorf("told the distance of %d, although a report of %d was answered before", s.at, s.answered)
	}
	if s.at == 0 {
		if s.distance != 0 {
			t.Errorf("a distance of %d without a time", s.distance)
		}
		return
	}
	want, known := s.chair.distanceAt(s.at)
	if !known || s.distance != want {
		t.Errorf("told a distance of %d at %d (a time that was answered: %v), want %d", s.distance, s.at, known, want)
	}
}

// ownChairs: with the next answer, also without position, and to no other owner.
func ownChairs(p *process) {
	owner, register := p.owner("owner")
	other, _ := p.owner("other")
	for i := range 5 {
		r := p.anonymous().call("POST", "/api/chair/chairs",
			object{"name": "same name", "model": "no such model", "chair_register_token": register})
		id := r.object(p.t)["id"].(string)
		listed := owner.listed()
		chair := listed[id]
		if len(listed) != i+1 || chair == nil {
			p.t.Fatalf("after %d registrations the owner has %d chairs: %v", i+1, len(listed), listed)
		}
		if chair["active"] != false || chair["name"] != "same name" || chair["model"] != "no such model" {
			p.t.Errorf("the new chair is listed as %v", chair)
		}
		if _, ok := chair["total_distance_updated_at"]; ok || integer(p.t, chair["total_distance"]) != 0 {
			p.t.Errorf("a chair that never reported is listed as %v", chair)
		}
	}
	if n := len(other.listed()); n != 0 {
		p.t.Errorf("another owner has %d chairs", n)
	}
}

// TestSales is line 12 of appendix D (S4.13).
func TestSales(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("windows are inclusive to the millisecond", salesWindows)
		p.rule("every chair and every model, also with nothing", salesOfNothing)
		p.rule("full fares, whatever the coupon", fullFares)
		p.rule("complete up to until while rides are rated", salesUnderLoad)
		p.rule("wrong parameters", salesParameters)
	})
}

// sales is a sales answer.
type sales struct {
	total         int64
	chair, model  map[string]int64 // by id and by name
	chairs, parts int              // lengths of the lists
}

func (c *client) sales(query string) sales {
	c.t.Helper()
	o := c.want(200, "GET", "/api/owner/sales"+query, nil)
	s := sales{total: integer(c.t, o["total_sales"]), chair: map[string]int64{}, model: map[string]int64{}}
	for _, v := range o["chairs"].([]any) {
		chair := v.(object)
		s.chair[chair["id"].(string)] = integer(c.t, chair["sales"])
		s.chairs++
	}
	for _, v := range o["models"].([]any) {
		model := v.(object)
		s.model[model["model"].(string)] = integer(c.t, model["sales"])
		s.parts++
	}
	s.consistent(c.t)
	return s
}

// consistent: the total is the sum of the chairs and of the models, each named once.
func (s *sales) consistent(t testing.TB) {
	t.Helper()
	byChair, byModel := int64(0), int64(0)
	for _, n := range s.chair {
		byChair += n
	}
	for _, n := range s.model {
		byModel += n
	}
	if s.total != byChair || s.total != byModel || len(s.chair) != s.chairs || len(s.model) != s.parts {
		t.Errorf("the sales do not add up: %+v", *s)
	}
}

func salesWindows(p *process) {
	s := p.scene()
	var completed []int64
	for i := range 3 {
		ride := s.user.request(pickup, destination)
		s.drive(ride, "MATCHING", "ARRIVED")
		completed = append(completed, s.user.rate(ride, 5))
		s.owner.wantSales(int64(1700*(i+1)), "")
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
		s.owner.wantSales(1700*c.rides, c.query)
	}
}

func (c *client) wantSales(total int64, query string) {
	c.t.Helper()
	if got := c.sales(query).total; got != total {
		c.t.Errorf("sales%s are %d, want %d", query, got, total)
	}
}

// salesOfNothing: chairs without rides count, a model of two chairs is listed once, and
// other owners' rides do not.
func salesOfNothing(p *process) {
	s := p.scene()
	p.chair(s.register, "second", "SitEase", at(300, 300))
	p.chair(s.register, "third", "Legacy Chair", at(300, 300))
	other, _ := p.owner("other")
	before := s.owner.sales("")
	if before.chairs != 3 || before.parts != 2 || before.total != 0 {
		p.t.Errorf("before any ride: %+v", before)
	}
	s.ride()
	after := s.owner.sales("")
	if after.chairs != 3 || after.parts != 2 || after.chair[s.chair.id] != 1700 || after.model["SitEase"] != 1700 || after.model["Legacy Chair"] != 0 {
		p.t.Errorf("after a ride: %+v", after)
	}
	empty := s.owner.sales("?until=1")
	if empty.chairs != 3 || empty.parts != 2 || empty.total != 0 {
		p.t.Errorf("in an empty window: %+v", empty)
	}
	other.wantSales(0, "")
}

// fullFares: a first ride with 3000 off, one with less off than the fare, and one that
// costs the base fare alone.
func fullFares(p *process) {
	s := p.scene()
	_, code := p.user("inviter", "")
	s.user, _ = p.user("invited", code)
	total := int64(0)
	for _, to := range []object{destination, at(2, 33), pickup} {
		ride := s.user.request(pickup, to)
		s.drive(ride, "MATCHING", "CARRYING")
		s.chair.report(to)
		s.user.rate(ride, 1)
		total += 500 + 100*int64(distance(pickup, to))
		s.owner.wantSales(total, "")
	}
}

// distance is that of S1.2.
func distance(a, b object) int {
	return abs(a["latitude"].(int)-b["latitude"].(int)) + abs(a["longitude"].(int)-b["longitude"].(int))
}

// salesUnderLoad is the check of the load test (S4.13): rides are rated in parallel
// while the owner asks for the sales until the newest completion it knows.
func salesUnderLoad(p *process) {
	const riders, rides, fare = 3, 8, 500 + 100*12
	owner, register := p.owner("owner")
	p.fleet(register, riders)
	var users []*client
	for i := range riders {
		user, _ := p.user(fmt.Sprint("rider ", i), "")
		users = append(users, user)
	}
	book := &salesBook{fare: fare}
	done := make(chan struct{})
	go func() {
		defer close(done)
		together(p.t, riders, func(i int) error {
			for range rides {
				_, at, err := users[i].travel(pickup, destination)
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
	owner.wantSales(riders*rides*fare, "")
	book.close(p.t)
	p.t.Logf("%d checks", checks)
}

// salesBook holds the completions that riders were told, and what the owner was.
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

func (b *salesBook) look(owner *client) {
	l := look{until: b.newest()}
	l.least = b.sum(l.until)
	l.sum = owner.sales(fmt.Sprint("?until=", l.until)).total
	b.looks = append(b.looks, l)
}

// close compares what was told with the whole book.
func (b *salesBook) close(t testing.TB) {
	t.Helper()
	for _, l := range b.looks {
		if most := b.sum(l.until); l.sum < l.least || l.sum > most {
			t.Errorf("sales until %d were told as %d, want %d to %d", l.until, l.sum, l.least, most)
		}
	}
}

func salesParameters(p *process) {
	owner, _ := p.owner("owner")
	for _, c := range []struct{ query, name string }{
		{"since=x", "since"},
		{"since=1.5", "since"},
		{"since=0&until=now", "until"},
		{"until=1e3", "until"},
		{"until=9223372036854775808", "until"},
		{"since=%", "since"},
	} {
		owner.call("GET", "/api/owner/sales?"+c.query, nil).refused(p.t, 400, c.name)
	}
}
