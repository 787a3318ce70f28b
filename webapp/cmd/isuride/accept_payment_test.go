package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/paymentmock/gateway"
)

// TestPayment is line 13 of appendix D (S4.8, S8): whatever the gateway does, there is
// one payment for each completed ride, of the right amount, and a ride whose payment
// finally failed can be rated again.
func TestPayment(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("faults that pass", passingFaults)
		p.rule("the payment is the ride's fare, by the user's token, under the ride's key", rightPayment)
		p.rule("a token that the gateway does not know", unknownToken)
		p.rule("a key that was used for another payment", spoiltKey)
		p.rule("a closed gateway", closedGateway)
		p.rule("a gateway that refuses connections", refusedConnections)
		p.rule("a gateway that fails for ever", failingGateway)
		p.rule("no payment token", noToken)
		p.rule("parallel ratings share one payment", parallelRatings)
		p.rule("a rider who leaves during the payment", leavingRider)
		p.rule("nothing shows before the payment", nothingBefore)
	})
}

// arrived makes a ride and drives it to where it can be rated.
func (s *scene) arrived() (ride string) {
	s.p.t.Helper()
	ride = s.user.request(pickup, destination)
	s.drive(ride, "MATCHING", "ARRIVED")
	return ride
}

// rating rates without any demand on the answer.
func (s *scene) rating(ride string) reply {
	s.p.t.Helper()
	return s.user.call("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5})
}

// paidOnce checks the gateway's books.
func (p *process) paidOnce(ride string) {
	p.t.Helper()
	if paid := p.gateway.ByKey(ride); len(paid) != 1 || paid[0].Status != gateway.StatusSuccess {
		p.t.Fatalf("payments for ride %s: %+v, want one", ride, paid)
	}
}

// stillArrived: after a final failure nothing has changed (S4.8, S5).
func (s *scene) stillArrived(ride string) {
	s.p.t.Helper()
	toUser := s.user.listen()
	defer toUser.close()
	if err := toUser.await(ride, "ARRIVED"); err != nil {
		s.p.t.Error(err)
	}
	if rides := s.user.want(200, "GET", "/api/app/rides", nil)["rides"].([]any); len(rides) != 0 {
		s.p.t.Errorf("the history is %v", rides)
	}
	s.owner.wantSales(0, "")
	if r := s.user.call("POST", "/api/app/rides", trip(pickup, destination)); r.status != 409 {
		s.p.t.Errorf("another ride is answered %d %s, want 409", r.status, r.body)
	}
}

// passingFaults: each failure mode of S8.2 alone, and what a busy gateway may do in a
// row, all answered 200 in the end.
func passingFaults(p *process) {
	s := p.scene()
	rows := map[string][]gateway.Fault{
		"the worst first payment": {gateway.FaultErrorAfter, gateway.FaultErrorBefore, gateway.FaultErrorAfter, gateway.FaultErrorBefore, gateway.FaultErrorAfter},
		"errors before":           {gateway.FaultErrorBefore, gateway.FaultErrorBefore, gateway.FaultErrorBefore, gateway.FaultErrorBefore, gateway.FaultErrorBefore},
		"lost, conflict, error":   {gateway.FaultDropAfter, gateway.FaultConflict, gateway.FaultErrorBefore, gateway.FaultDropBefore, gateway.FaultConflict},
		"many conflicts":          {gateway.FaultConflict, gateway.FaultConflict, gateway.FaultConflict, gateway.FaultConflict, gateway.FaultConflict, gateway.FaultConflict},
	}
	for _, f := range gateway.Faults() {
		rows[f.Name] = []gateway.Fault{f.Fault}
	}
	for name, faults := range rows {
		ride := s.arrived()
		posts := p.gateway.Counts().Posts
		p.gateway.Inject(faults...)
		if r := s.rating(ride); r.status != 200 {
			p.t.Fatalf("%s: the rating is answered %d %s", name, r.status, r.body)
		}
		p.paidOnce(ride)
		if got := p.gateway.Counts().Posts - posts; got != len(faults)+1 {
			p.t.Errorf("%s: the gateway was asked %d times, want %d", name, got, len(faults)+1)
		}
	}
	if n := p.gateway.Counts().Conflicts; n != 0 {
		p.t.Errorf("%d requests overlapped another one with their key (S8.3, S6)", n)
	}
}

func rightPayment(p *process) {
	s := p.scene()
	for _, fare := range []int{500, 1700} { // the first with a coupon
		ride := s.arrived()
		s.user.rate(ride, 3)
		p.paidOnce(ride)
		if paid := p.gateway.ByKey(ride)[0]; paid.Amount != fare || paid.Token != "token-of-rider" {
			p.t.Errorf("paid was %+v, want %d by token-of-rider", paid, fare)
		}
	}
	s.user.want(204, "POST", "/api/app/payment-methods", object{"token": "another"}) // replaces (S4.3)
	ride := s.arrived()
	s.user.rate(ride, 3)
	if paid := p.gateway.ByKey(ride); len(paid) != 1 || paid[0].Token != "another" {
		p.t.Errorf("paid was %+v, want one payment by the new token", paid)
	}
}

// through begins a generation whose payments go to a handler of the test.
func (p *process) through(h http.Handler) {
	p.t.Helper()
	srv := httptest.NewServer(h)
	p.t.Cleanup(srv.Close)
	p.anonymous().want(200, "POST", "/api/initialize", object{"payment_server": srv.URL})
}

// refusing is a gateway that gives one answer; it counts the requests.
type refusing struct {
	status int
	posts  chan string
}

func (r *refusing) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.posts <- req.Header.Get("Idempotency-Key")
	w.WriteHeader(r.status)
}

func unknownToken(p *process) {
	strict := gateway.New(gateway.Options{Tokens: []string{"good"}})
	p.through(strict)
	s := p.scene()
	ride := s.arrived()
	s.rating(ride).refused(p.t, 502, "payment")
	s.stillArrived(ride)
	if n := strict.Counts().Posts; n != 1 {
		p.t.Errorf("a final refusal was asked for %d times", n)
	}
}

// spoiltKey: 422 is final. Somebody else has used the ride's key before.
func spoiltKey(p *process) {
	s := p.scene()
	ride := s.arrived()
	req, err := http.NewRequest("POST", p.gatewayURL+"/payments", strings.NewReader(`{"amount":1}`))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer somebody")
	req.Header.Set("Idempotency-Key", ride)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 204 {
		p.t.Fatal(res, err)
	}
	res.Body.Close()
	posts := p.gateway.Counts().Posts
	s.rating(ride).refused(p.t, 502, "payment")
	s.stillArrived(ride)
	if n := p.gateway.Counts().Posts - posts; n != 1 {
		p.t.Errorf("a final refusal was asked for %d times", n)
	}
}

func closedGateway(p *process) {
	s := p.scene()
	ride := s.arrived()
	p.gateway.SetClosed(true)
	posts := p.gateway.Counts().Posts
	for range 2 {
		s.rating(ride).refused(p.t, 502, "payment")
	}
	s.stillArrived(ride)
	if n := p.gateway.Counts().Posts - posts; n != 2 {
		p.t.Errorf("a closed gateway was asked %d times for two ratings", n)
	}
	p.gateway.SetClosed(false)
	s.user.rate(ride, 4)
	p.paidOnce(ride)
	s.owner.wantSales(1700, "")
}

// refusedConnections: the gateway comes only after the first rating has failed.
func refusedConnections(p *process) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p.anonymous().want(200, "POST", "/api/initialize", object{"payment_server": "http://" + address})
	s := p.scene()
	ride := s.arrived()
	refusal := s.rating(ride)
	refusal.refused(p.t, 502, "payment")
	if body := string(refusal.body); !strings.HasPrefix(body, `{"message":"the payment did not go through (request `) || strings.Contains(body, "refused") {
		p.t.Errorf("of the gateway's host strangers are told %s", body)
	}
	p.says(address + ": connect: connection refused")
	s.stillArrived(ride)
	if l, err = net.Listen("tcp", address); err != nil {
		p.t.Skip("another program has taken the port: ", err)
	}
	srv := &http.Server{Handler: p.gateway}
	p.t.Cleanup(func() { srv.Close() })
	go srv.Serve(l)
	s.user.rate(ride, 4)
	p.paidOnce(ride)
}

// failingGateway: at least six attempts are made (S8.2), and the last word leaves a
// ride that can be rated again. What a failed attempt registered is not paid again.
func failingGateway(p *process) {
	r := &refusing{status: 504, posts: make(chan string, 1000)}
	p.through(r)
	s := p.scene()
	ride := s.arrived()
	s.rating(ride).refused(p.t, 502, "payment")
	s.stillArrived(ride)
	if n := len(r.posts); n < 6 {
		p.t.Errorf("%d attempts were made, want 6 at least", n)
	}
	for range len(r.posts) {
		if key := <-r.posts; key != ride {
			p.t.Errorf("an attempt had the key %s, want %s", key, ride)
		}
	}
}

func noToken(p *process) {
	s := p.scene()
	s.user = p.anonymous()
	r := s.user.call("POST", "/api/app/users", person("poor"))
	s.user.cookie = r.cookieOf()
	ride := s.arrived()
	s.rating(ride).refused(p.t, 400, "payment")
	if paid := p.gateway.ByKey(ride); len(paid) != 0 {
		p.t.Errorf("paid was %+v", paid)
	}
	s.stillArrived(ride)
	s.user.want(204, "POST", "/api/app/payment-methods", object{"token": "late"})
	s.user.rate(ride, 4)
	p.paidOnce(ride)
}

// parallelRatings: eight calls while the first payment is on its way (S4.8). Those
// that come after the completion are refused like any second rating.
func parallelRatings(p *process) {
	gate := p.gate()
	s := p.scene()
	ride := s.arrived()
	gate.hold()
	answers := make(chan reply, 8)
	for range cap(answers) {
		go func() {
			r, err := s.user.try("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5})
			if err != nil {
				p.t.Error(err)
			}
			answers <- r
		}()
	}
	gate.await(ride)
	gate.release()
	times, refused := map[int64]bool{}, 0
	for range cap(answers) {
		switch r := <-answers; r.status {
		case 200:
			times[integer(p.t, r.object(p.t)["completed_at"])] = true
		case 400:
			refused++
		default:
			p.t.Errorf("a rating is answered %d %s", r.status, r.body)
		}
	}
	if len(times) != 1 || refused == cap(answers) {
		p.t.Errorf("the ride was completed at %v", times)
	}
	p.paidOnce(ride)
	if n := p.gateway.Counts().Conflicts; n != 0 {
		p.t.Errorf("%d requests overlapped another one with their key", n)
	}
	s.owner.wantSales(1700, "")
}

// leavingRider: a payment is not tied to the request that asked for it (S4.8). The
// ride is completed, and the chair gets the next one.
func leavingRider(p *process) {
	gate := p.gate()
	s := p.scene()
	ride := s.arrived()
	stream := s.user.listen()
	stream.expect(ride, statuses[:5]...)
	gate.hold()
	ctx, leave := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "POST", p.url+"/api/app/rides/"+ride+"/evaluation", strings.NewReader(`{"evaluation":2}`))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Cookie", s.user.cookie)
	left := make(chan error, 1)
	go func() { _, err := httpClient.Do(req); left <- err }()
	gate.await(ride)
	leave()
	if err := <-left; err == nil {
		p.t.Error("the rating was answered before its payment")
	}
	gate.release()
	stream.expect(ride, "COMPLETED")
	p.paidOnce(ride)
	rides := s.user.want(200, "GET", "/api/app/rides", nil)["rides"].([]any)
	if len(rides) != 1 || integer(p.t, rides[0].(object)["evaluation"]) != 2 {
		p.t.Errorf("the history is %v", rides)
	}
	s.chair.accept(s.user.request(pickup, destination))
}

// nothingBefore: while a payment is under way the ride is ARRIVED to everybody (trap
// T22).
func nothingBefore(p *process) {
	gate := p.gate()
	s := p.scene()
	ride := s.arrived()
	toUser, toChair := s.user.listen(), s.chair.listen()
	toUser.expect(ride, statuses[:5]...)
	toChair.expect(ride, statuses[:5]...)
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
	s.stillArrived(ride)
	s.chair.report(at(9, 9)) // a report and its answer, during which a message could come
	for _, stream := range []*events{toUser, toChair} {
		select {
		case line := <-stream.lines:
			p.t.Errorf("during the payment came %s", line)
		default:
		}
	}
	gate.release()
	r := <-rated
	if r.status != 200 {
		p.t.Fatalf("the rating is answered %d %s", r.status, r.body)
	}
	p.paidOnce(ride)
	m := toUser.expect(ride, "COMPLETED")
	stats := m["chair"].(object)["stats"].(object)
	if n := integer(p.t, stats["total_rides_count"]); n != 1 {
		p.t.Errorf("COMPLETED tells of %d rides", n)
	}
	toChair.expect(ride, "COMPLETED")
	s.owner.wantSales(1700, "")
}

// TestSilentGateway is the rest of line 13: a gateway that takes payments and does not
// answer. The rating ends all the same, and what the gateway
// registers late is not paid again.
func TestSilentGateway(t *testing.T) {
	rules(t, func(p *process) {
		gate := p.gate()
		s := p.scene()
		ride := s.arrived()
		gate.hold()
		began := time.Now()
		s.rating(ride).refused(t, 502, "payment")
		t.Logf("the rating ended after %v", time.Since(began).Round(time.Millisecond))
		s.stillArrived(ride)
		attempts := len(gate.arrived)
		gate.release() // registers the first, for nobody
		eventually(t, func() error {
			if paid := p.gateway.ByKey(ride); len(paid) != 1 {
				return fmt.Errorf("payments: %+v", paid)
			}
			return nil
		})
		s.user.rate(ride, 5)
		p.paidOnce(ride)
		if attempts < 2 {
			t.Errorf("%d attempts were made", attempts)
		}
	})
}
