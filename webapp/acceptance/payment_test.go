package acceptance

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/freeport"
	"isuride/tools/dev/paymentmock/gateway"
	"isuride/webapp/servertest"
)

// TestPayment is line 13 of appendix D (S4.8, S8): whatever the gateway does, there is
// one payment for each completed ride, of the right amount, and a ride whose payment
// finally failed can be rated again.
func TestPayment(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("faults that pass", passingFaults)
		p.Rule("the payment is the ride's fare, by the user's token, under the ride's key", rightPayment)
		p.Rule("a token that the gateway does not know", unknownToken)
		p.Rule("a key that was used for another payment", spoiltKey)
		p.Rule("a closed gateway", closedGateway)
		p.Rule("a gateway that refuses connections", refusedConnections)
		p.Rule("a gateway that fails for ever", failingGateway)
		p.Rule("no payment token", noToken)
		p.Rule("parallel ratings share one payment", parallelRatings)
		p.Rule("a rider who leaves during the payment", leavingRider)
		p.Rule("nothing shows before the payment", nothingBefore)
	})
}

// rating rates without any demand on the answer.
func rating(s *servertest.Scene, ride string) servertest.Reply {
	s.Process.T.Helper()
	return s.User.Call("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5})
}

// stillArrived: after a final failure nothing has changed (S4.8, S5).
func stillArrived(s *servertest.Scene, ride string) {
	s.Process.T.Helper()
	toUser := s.User.Listen()
	defer toUser.Close()
	if err := toUser.Await(ride, "ARRIVED"); err != nil {
		s.Process.T.Error(err)
	}
	if rides := s.User.Want(200, "GET", "/api/app/rides", nil)["rides"].([]any); len(rides) != 0 {
		s.Process.T.Errorf("the history is %v", rides)
	}
	s.Owner.WantSales(0, "")
	if r := s.User.Call("POST", "/api/app/rides", servertest.Trip(servertest.Pickup, servertest.Destination)); r.Status != 409 {
		s.Process.T.Errorf("another ride is answered %d %s, want 409", r.Status, r.Body)
	}
}

// passingFaults: each failure mode of S8.2 alone, and what a busy gateway may do in a
// row, all answered 200 in the end.
func passingFaults(p *servertest.Process) {
	s := p.Scene()
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
		ride := s.Arrived()
		posts := p.Gateway.Counts().Posts
		p.Gateway.Inject(faults...)
		if r := rating(s, ride); r.Status != 200 {
			p.T.Fatalf("%s: the rating is answered %d %s", name, r.Status, r.Body)
		}
		p.PaidOnce(ride)
		if got := p.Gateway.Counts().Posts - posts; got != len(faults)+1 {
			p.T.Errorf("%s: the gateway was asked %d times, want %d", name, got, len(faults)+1)
		}
	}
	if n := p.Gateway.Counts().Conflicts; n != 0 {
		p.T.Errorf("%d requests overlapped another one with their key (S8.3, S6)", n)
	}
}

func rightPayment(p *servertest.Process) {
	s := p.Scene()
	for _, fare := range []int{500, 1700} { // the first with a coupon
		ride := s.Arrived()
		s.User.Rate(ride, 3)
		p.PaidOnce(ride)
		if paid := p.Gateway.ByKey(ride)[0]; paid.Amount != fare || paid.Token != "token-of-rider" {
			p.T.Errorf("paid was %+v, want %d by token-of-rider", paid, fare)
		}
	}
	s.User.Want(204, "POST", "/api/app/payment-methods", servertest.Object{"token": "another"}) // replaces (S4.3)
	ride := s.Arrived()
	s.User.Rate(ride, 3)
	if paid := p.Gateway.ByKey(ride); len(paid) != 1 || paid[0].Token != "another" {
		p.T.Errorf("paid was %+v, want one payment by the new token", paid)
	}
}

// through begins a generation whose payments go to a handler of the test.
func through(p *servertest.Process, h http.Handler) {
	p.T.Helper()
	srv := httptest.NewServer(h)
	p.T.Cleanup(srv.Close)
	p.Anonymous().Want(200, "POST", "/api/initialize", servertest.Object{"payment_server": srv.URL})
}

// refusing is a gateway that gives one answer; it counts the charges, and not who asks what
// became of them.
type refusing struct {
	status int
	posts  chan string
}

func (r *refusing) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodPost {
		r.posts <- req.Header.Get("Idempotency-Key")
	}
	w.WriteHeader(r.status)
}

func unknownToken(p *servertest.Process) {
	strict := gateway.New(gateway.Options{Tokens: []string{"good"}})
	through(p, strict)
	s := p.Scene()
	ride := s.Arrived()
	rating(s, ride).Refused(p.T, 502, "payment")
	stillArrived(s, ride)
	if n := strict.Counts().Posts; n != 1 {
		p.T.Errorf("a final refusal was asked for %d times", n)
	}
}

// spoiltKey: 422 is final. Somebody else has used the ride's key before.
func spoiltKey(p *servertest.Process) {
	s := p.Scene()
	ride := s.Arrived()
	req, err := http.NewRequest("POST", p.GatewayURL+"/payments", strings.NewReader(`{"amount":1}`))
	if err != nil {
		p.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer somebody")
	req.Header.Set("Idempotency-Key", ride)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 204 {
		p.T.Fatal(res, err)
	}
	res.Body.Close()
	posts := p.Gateway.Counts().Posts
	rating(s, ride).Refused(p.T, 502, "payment")
	stillArrived(s, ride)
	if n := p.Gateway.Counts().Posts - posts; n != 1 {
		p.T.Errorf("a final refusal was asked for %d times", n)
	}
}

func closedGateway(p *servertest.Process) {
	s := p.Scene()
	ride := s.Arrived()
	p.Gateway.SetClosed(true)
	posts := p.Gateway.Counts().Posts
	for range 2 {
		rating(s, ride).Refused(p.T, 502, "payment")
	}
	stillArrived(s, ride)
	if n := p.Gateway.Counts().Posts - posts; n != 2 {
		p.T.Errorf("a closed gateway was asked %d times for two ratings", n)
	}
	p.Gateway.SetClosed(false)
	s.User.Rate(ride, 4)
	p.PaidOnce(ride)
	s.Owner.WantSales(1700, "")
}

// refusedConnections: the gateway comes only after the first rating has failed.
func refusedConnections(p *servertest.Process) {
	address := freeport.Address(p.T)
	p.Anonymous().Want(200, "POST", "/api/initialize", servertest.Object{"payment_server": "http://" + address})
	s := p.Scene()
	ride := s.Arrived()
	refusal := rating(s, ride)
	refusal.Refused(p.T, 502, "payment")
	if body := string(refusal.Body); !strings.HasPrefix(body, `{"message":"the payment did not go through (request `) || strings.Contains(body, "refused") {
		p.T.Errorf("the answer shows the gateway's host: %s", body)
	}
	p.Says(address + ": connect: connection refused")
	stillArrived(s, ride)
	l, err := net.Listen("tcp", address)
	if err != nil {
		p.T.Fatal(err)
	}
	srv := &http.Server{Handler: p.Gateway}
	p.T.Cleanup(func() { srv.Close() })
	go srv.Serve(l)
	s.User.Rate(ride, 4)
	p.PaidOnce(ride)
}

// failingGateway: at least six attempts are made (S8.2), and the last word leaves a
// ride that can be rated again. What a failed attempt registered is not paid again.
func failingGateway(p *servertest.Process) {
	r := &refusing{status: 504, posts: make(chan string, 1000)}
	through(p, r)
	s := p.Scene()
	ride := s.Arrived()
	rating(s, ride).Refused(p.T, 502, "payment")
	stillArrived(s, ride)
	if n := len(r.posts); n < 6 {
		p.T.Errorf("%d attempts were made, want 6 at least", n)
	}
	for range len(r.posts) {
		if key := <-r.posts; key != ride {
			p.T.Errorf("an attempt had the key %s, want %s", key, ride)
		}
	}
}

func noToken(p *servertest.Process) {
	s := p.Scene()
	s.User = p.Anonymous()
	r := s.User.Call("POST", "/api/app/users", servertest.Person("poor"))
	s.User.Cookie = r.CookieOf()
	ride := s.Arrived()
	rating(s, ride).Refused(p.T, 400, "payment")
	if paid := p.Gateway.ByKey(ride); len(paid) != 0 {
		p.T.Errorf("paid was %+v", paid)
	}
	stillArrived(s, ride)
	s.User.Want(204, "POST", "/api/app/payment-methods", servertest.Object{"token": "late"})
	s.User.Rate(ride, 4)
	p.PaidOnce(ride)
}

// parallelRatings: eight calls while the first payment is on its way (S4.8). Those
// that come after the completion are refused like any second rating.
func parallelRatings(p *servertest.Process) {
	gate := newGate(p)
	s := p.Scene()
	ride := s.Arrived()
	gate.hold()
	answers := make(chan servertest.Reply, 8)
	for range cap(answers) {
		go func() {
			r, err := s.User.Try("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5})
			if err != nil {
				p.T.Error(err)
			}
			answers <- r
		}()
	}
	gate.await(ride)
	gate.release()
	times, refused := map[int64]bool{}, 0
	for range cap(answers) {
		switch r := <-answers; r.Status {
		case 200:
			times[servertest.Integer(p.T, r.Object(p.T)["completed_at"])] = true
		case 400:
			refused++
		default:
			p.T.Errorf("a rating is answered %d %s", r.Status, r.Body)
		}
	}
	if len(times) != 1 || refused == cap(answers) {
		p.T.Errorf("the ride was completed at %v", times)
	}
	p.PaidOnce(ride)
	if n := p.Gateway.Counts().Conflicts; n != 0 {
		p.T.Errorf("%d requests overlapped another one with their key", n)
	}
	s.Owner.WantSales(1700, "")
}

// leavingRider: a payment is not tied to the request that asked for it (S4.8). The
// ride is completed, and the chair gets the next one.
func leavingRider(p *servertest.Process) {
	gate := newGate(p)
	s := p.Scene()
	ride := s.Arrived()
	stream := s.User.Listen()
	stream.Expect(ride, servertest.Statuses[:5]...)
	gate.hold()
	ctx, leave := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "POST", p.URL+"/api/app/rides/"+ride+"/evaluation", strings.NewReader(`{"evaluation":2}`))
	if err != nil {
		p.T.Fatal(err)
	}
	req.Header.Set("Cookie", s.User.Cookie)
	left := make(chan error, 1)
	go func() { _, err := servertest.HTTPClient.Do(req); left <- err }()
	gate.await(ride)
	leave()
	if err := <-left; err == nil {
		p.T.Error("the rating was answered before its payment")
	}
	gate.release()
	stream.Expect(ride, "COMPLETED")
	p.PaidOnce(ride)
	rides := s.User.Want(200, "GET", "/api/app/rides", nil)["rides"].([]any)
	if len(rides) != 1 || servertest.Integer(p.T, rides[0].(servertest.Object)["evaluation"]) != 2 {
		p.T.Errorf("the history is %v", rides)
	}
	s.Chair.Accept(s.User.Request(servertest.Pickup, servertest.Destination))
}

// nothingBefore: while a payment is under way the ride is ARRIVED for everyone (trap
// T22).
func nothingBefore(p *servertest.Process) {
	gate := newGate(p)
	s := p.Scene()
	ride := s.Arrived()
	toUser, toChair := s.User.Listen(), s.Chair.Listen()
	toUser.Expect(ride, servertest.Statuses[:5]...)
	toChair.Expect(ride, servertest.Statuses[:5]...)
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
	stillArrived(s, ride)
	s.Chair.Report(servertest.At(9, 9)) // a report and its answer, during which a message could come
	for _, stream := range []*servertest.Stream{toUser, toChair} {
		select {
		case line := <-stream.Lines:
			p.T.Errorf("during the payment came %s", line)
		default:
		}
	}
	gate.release()
	r := <-rated
	if r.Status != 200 {
		p.T.Fatalf("the rating is answered %d %s", r.Status, r.Body)
	}
	p.PaidOnce(ride)
	m := toUser.Expect(ride, "COMPLETED")
	stats := m["chair"].(servertest.Object)["stats"].(servertest.Object)
	if n := servertest.Integer(p.T, stats["total_rides_count"]); n != 1 {
		p.T.Errorf("COMPLETED tells of %d rides", n)
	}
	toChair.Expect(ride, "COMPLETED")
	s.Owner.WantSales(1700, "")
}

// TestSilentGateway is the rest of line 13: a gateway that takes payments and does not
// answer. The rating ends all the same, and what the gateway
// registers late is not paid again.
func TestSilentGateway(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		gate := newGate(p)
		s := p.Scene()
		ride := s.Arrived()
		gate.hold()
		began := time.Now()
		rating(s, ride).Refused(t, 502, "payment")
		t.Logf("the rating ended after %v", time.Since(began).Round(time.Millisecond))
		stillArrived(s, ride)
		attempts := len(gate.arrived)
		gate.release() // registers the first, with no one waiting for it
		servertest.Eventually(t, func() error {
			if paid := p.Gateway.ByKey(ride); len(paid) != 1 {
				return fmt.Errorf("payments: %+v", paid)
			}
			return nil
		})
		s.User.Rate(ride, 5)
		p.PaidOnce(ride)
		if attempts < 2 {
			t.Errorf("%d attempts were made", attempts)
		}
	})
}
