package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/paymentmock/gateway"
	"isuride/webapp/servertest"
)

// world is the load of a crash test, with all that its actors know.
//
// An actor is a goroutine that makes one call after the other. Before a call it notes what
// it is about to do, after the answer what it was told; when the server dies in between,
// the outcome is open, and the actor rests. The test's goroutine looks at an actor's notes
// only while all of them rest.
type world struct {
	t       *testing.T
	p       *servertest.Process
	rng     *rand.Rand // of the test's goroutine
	stage   stage
	life    atomic.Pointer[life]
	trap    *trap
	riders  []*rider
	drivers []*driver
	clerk   *clerk
	camera  camera
	kill    func()       // ends the server that strike has killed
	answers atomic.Int64 // that actors got
	resumed int          // ratings whose payment had begun when the server was killed
}

// Fewer riders than drivers, so that no ride waits long.
const (
	riderCount  = 6
	driverCount = 8
)

func newWorld(t *testing.T, p *servertest.Process, seed uint64) *world {
	t.Helper()
	p.Bare()
	return newWorldOn(t, p, seed, p.Start)
}

// newWorldOn is newWorld for a server that start starts.
func newWorldOn(t *testing.T, p *servertest.Process, seed uint64, start func()) *world {
	t.Helper()
	w := &world{t: t, p: p, rng: rand.New(rand.NewPCG(seed, 0)), stage: newStage(), kill: p.Kill}
	p.Gateway = gateway.New(gateway.Options{Seed: seed, Rates: map[gateway.Fault]float64{gateway.FaultErrorBefore: 0.1,
		gateway.FaultErrorAfter: 0.1, gateway.FaultConflict: 0.05, gateway.FaultDropAfter: 0.02}})
	w.trap = &trap{w: w, seen: map[string]bool{}}
	srv := httptest.NewServer(w.trap)
	t.Cleanup(srv.Close)
	p.GatewayURL = srv.URL
	start()
	p.Initialize()
	w.clerk = newClerk(w, w.newRand())
	for i := range driverCount {
		w.drivers = append(w.drivers, newDriver(w, fmt.Sprint("driver ", i), w.newRand()))
	}
	for i := range riderCount {
		w.riders = append(w.riders, newRider(w, fmt.Sprint("rider ", i), w.newRand()))
	}
	w.camera = camera{w: w, rng: w.newRand()}
	t.Cleanup(w.stage.end) // before the server is killed for good
	w.stage.play(w, "camera", w.camera.step)
	w.stage.play(w, "clerk", w.clerk.step)
	for _, d := range w.drivers {
		w.stage.play(w, d.name, d.step)
	}
	for _, r := range w.riders {
		w.stage.play(w, r.name, r.step)
	}
	return w
}

// newRand gives an actor random choices of its own.
func (w *world) newRand() *rand.Rand { return rand.New(rand.NewPCG(w.rng.Uint64(), w.rng.Uint64())) }

// happening is what a life can end with.
type happening int

const (
	anAnswer happening = iota
	aMessage
	aPaymentBefore // it has come to the gateway, which does nothing
	aPaymentAfter  // the gateway has dealt with it, and does not answer
	aSnapshot
)

// ending says that a life ends with the n-th happening of a kind.
type ending struct {
	what happening
	n    int
}

// life is the server from one start to its kill.
type life struct {
	killed  chan struct{} // closed right before the kill
	process *os.Process   // nil in an audit, whose life nobody ends
	deposed func() bool   // the server leads its group no more, of itself, which ends its life; nil for one without a group
	end     ending
	left    atomic.Int64
	once    sync.Once
}

// live lets the actors act until the life's end.
func (w *world) live(end ending) {
	w.t.Helper()
	bound.Receive(w.t, "the end of a life of the server", w.begin(end).killed)
	w.cut()
}

// cut ends a life, now if it has not ended yet.
func (w *world) cut() {
	w.t.Helper()
	w.life.Load().strike()
	w.stage.await()
	w.kill()
	w.sound()
}

// act lets a life go on until the actors have got so many answers more, or the server is deposed.
func (w *world) act(n int64) {
	w.t.Helper()
	over := func() bool { return w.t.Failed() || w.life.Load().over() }
	for enough := w.answers.Load() + n; w.answers.Load() < enough && !over(); {
		before := w.answers.Load()
		servertest.Eventually(w.t, func() error {
			if w.answers.Load() == before && !over() {
				return errors.New("nobody gets an answer")
			}
			return nil
		})
	}
}

func (w *world) begin(end ending) *life {
	l := &life{killed: make(chan struct{}), process: w.p.Cmd.Process, end: end}
	if w.p.Node != "" {
		l.deposed = w.p.Follows
	}
	l.left.Store(int64(end.n))
	w.life.Store(l)
	w.stage.begin()
	return l
}

// sound ends the test if an actor has found something wrong.
func (w *world) sound() {
	w.t.Helper()
	if w.t.Failed() {
		w.t.Fatalf("the server wrote:\n%s", w.p.Output)
	}
}

// note counts towards the life's end, and reports whether it has come with this.
func (l *life) note(what happening) bool {
	if what == l.end.what && l.left.Add(-1) == 0 {
		l.strike()
		return true
	}
	return false
}

// strike kills the server.
func (l *life) strike() {
	l.once.Do(func() {
		close(l.killed)
		if l.process != nil {
			l.process.Kill() // fails if it has ended by itself, which the actors notice
		}
	})
}

// errGone says that the server was killed: the outcome of a call is open.
var errGone = errors.New("the server is gone")

// call makes an actor's call; again where no server of a group leads, and in an audit also where the outcome is unknown:
// its calls read, or rate as before.
func (w *world) call(c *servertest.Client, method, path string, body any) (servertest.Reply, error) {
	l := w.life.Load()
	r, err := c.Try(method, path, body)
	for err == nil && w.p.Node != "" && (r.Leaderless() || r.Uncertain() && l.process == nil) {
		time.Sleep(servertest.Again)
		r, err = c.Try(method, path, body)
	}
	if err == nil && w.p.Node != "" && r.Uncertain() {
		l.strike()
		return r, errGone
	}
	if err != nil {
		return r, l.explain(err)
	}
	w.answers.Add(1)
	l.note(anAnswer)
	return r, nil
}

// explain tells the end of a life from a fault.
func (l *life) explain(err error) error {
	if l.deposed != nil && l.deposed() {
		l.strike()
	}
	if l.over() {
		return errGone
	}
	return fmt.Errorf("while the server lived: %w", err)
}

// over says that a life has ended.
func (l *life) over() bool {
	select {
	case <-l.killed:
		return true
	default:
		return false
	}
}

// demand makes a call that has one right answer.
func (w *world) demand(c *servertest.Client, status int, method, path string, body any) (servertest.Object, error) {
	r, err := w.call(c, method, path, body)
	if err != nil {
		return nil, err
	}
	if r.Status != status {
		return nil, wrong(r, method, path)
	}
	if len(r.Body) == 0 {
		return nil, nil
	}
	return servertest.Decode(string(r.Body))
}

func wrong(r servertest.Reply, method, path string) error {
	return fmt.Errorf("%s %s is answered %d %s", method, path, r.Status, r.Body)
}

// stage has the actors act and rest together.
type stage struct {
	actors sync.WaitGroup
	cast   int // set before the first act

	mu      *sync.Mutex
	changed *sync.Cond
	// Guarded by mu.
	act     int // grows with each beginning
	resting int
	over    bool
	curtain chan struct{} // closed to have the actors rest while the server lives
}

func newStage() stage {
	mu := new(sync.Mutex)
	return stage{mu: mu, changed: sync.NewCond(mu), curtain: make(chan struct{})}
}

// errCurtain interrupts an actor that waits for something.
var errCurtain = errors.New("the act is over")

// play makes an actor of a step. An error other than those two is a finding.
func (s *stage) play(w *world, name string, step func() error) {
	s.cast++
	s.actors.Go(func() {
		for act := 1; s.rest(act); act++ {
			var err error
			for err == nil {
				select {
				case <-s.falling():
					err = errCurtain
				default:
					err = step()
				}
			}
			if err != errGone && err != errCurtain {
				w.t.Errorf("%s: %v", name, err)
				w.life.Load().strike()
			}
		}
	})
}

// rest waits for the beginning of an act; false means that there is none any more.
func (s *stage) rest(act int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting++
	s.changed.Broadcast()
	for s.act < act && !s.over {
		s.changed.Wait()
	}
	return !s.over
}

// begin starts the next act, once all actors rest from the one before: an actor that came
// late would count as resting while it plays.
func (s *stage) begin() {
	s.await()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.act++
	s.resting = 0
	s.curtain = make(chan struct{})
	s.changed.Broadcast()
}

// await returns when all actors rest.
func (s *stage) await() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.resting < s.cast {
		s.changed.Wait()
	}
}

// falling is closed when the actors are to rest.
func (s *stage) falling() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.curtain
}

// drop has the actors rest while the server lives.
func (s *stage) drop() {
	s.mu.Lock()
	close(s.curtain)
	s.mu.Unlock()
	s.await()
}

// end sends the actors home.
func (s *stage) end() {
	s.mu.Lock()
	s.over = true
	s.changed.Broadcast()
	select {
	case <-s.curtain:
	default:
		close(s.curtain)
	}
	s.mu.Unlock()
	s.actors.Wait()
}

// trap passes payments on to the gateway, and kills the server at one of them.
type trap struct {
	w *world

	mu   sync.Mutex
	seen map[string]bool // keys of payments that have come; guarded by mu
}

func (tr *trap) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	l, key := tr.w.life.Load(), req.Header.Get("Idempotency-Key")
	tr.mu.Lock()
	tr.seen[key] = true
	tr.mu.Unlock()
	if l != nil && l.note(aPaymentBefore) {
		panic(http.ErrAbortHandler)
	}
	answer := httptest.NewRecorder()
	tr.w.p.Gateway.ServeHTTP(answer, req)
	if l != nil && l.note(aPaymentAfter) {
		panic(http.ErrAbortHandler)
	}
	rw.WriteHeader(answer.Code)
}

func (tr *trap) saw(key string) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.seen[key]
}
