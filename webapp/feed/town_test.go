package feed

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
)

var seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the random tests")

const testStart = isuride.Time(1_764_000_000_000_000)

// town is a real store on a real journal, with a feed, and somebody who makes random calls.
type town struct {
	*rand.Rand
	t       testing.TB
	dir     string
	options journal.Options
	store   *state.Store
	feed    *Feed
	open    []*state.Charge

	mu     sync.Mutex
	source Source
	now    isuride.Time

	serial            int
	owners            []string // register tokens
	users, chairs     []string // session tokens
	userIDs, ownerIDs []string
	chairIDs, rideIDs []string
	resting           []string // rides whose chairs are to be set free
	noMoves           bool
}

func newTown(t testing.TB, seed, stream uint64) *town {
	w := &town{Rand: rand.New(rand.NewPCG(seed, stream)), t: t, dir: t.TempDir(), now: testStart}
	w.options = townOptions(w.dir)
	w.newFeed()
	w.start(1)
	t.Cleanup(w.end)
	return w
}

// townOptions are those of a log that keeps everything.
func townOptions(dir string) journal.Options {
	return journal.Options{Dir: dir, History: journal.History{1, 2, 3}, SegmentBytes: 64 << 10, Keep: 64 << 20, SyncInterval: time.Hour,
		Log: slog.New(slog.DiscardHandler)}
}

func (w *town) newFeed() {
	w.feed = New(Options{Current: w.current, Now: w.read, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}

func (w *town) current() Source {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.source
}

func (w *town) read() isuride.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now += 700
	return w.now
}

func (w *town) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// start opens the folder as a starting server does, with tables that hold nothing.
func (w *town) start(epoch uint64) {
	w.t.Helper()
	j, err := journal.Open(w.options)
	w.must(err)
	w.store = w.recover(state.Options{Log: j, Now: w.read, Describe: func(c *isuride.Chair) []byte { return nil }}, j)
	w.mu.Lock()
	w.source = Source{Epoch: epoch, Store: w.store, Journal: j, Folder: w.dir, Secret: []byte("a secret of this test")}
	w.mu.Unlock()
}

// recover makes a state of all events of a log.
func (w *town) recover(opt state.Options, j *journal.Journal) *state.Store {
	w.t.Helper()
	models := []isuride.ChairModel{{Name: "slow", Speed: 2}, {Name: "fast", Speed: 7}}
	r := state.NewRecovery(state.New(opt, &isuride.Tables{ChairModels: models}, nil), 0)
	from, err := j.ReadFrom(1)
	w.must(err)
	for seq, payload, ok := from.Next(); ok; seq, payload, ok = from.Next() {
		w.must(r.Replay(seq, payload))
	}
	from.Close()
	w.open, _, err = r.Finish(j.Appended())
	w.must(err)
	return r.Store()
}

// restart is a server that ends and starts again, its feed included.
func (w *town) restart() {
	w.feed.Close()
	w.must(w.source.Journal.Close())
	w.newFeed()
	w.start(w.source.Epoch)
}

// reopen is a generation that is opened again under its readers, as by a server that comes to
// lead its group again.
func (w *town) reopen() {
	w.must(w.source.Journal.Close())
	w.start(w.source.Epoch)
}

// rebuild makes another state of the same log, which stays open.
func (w *town) rebuild() {
	opt := state.Options{Log: w.source.Journal, Now: w.read, Describe: func(c *isuride.Chair) []byte { return nil }}
	w.store = w.recover(opt, w.source.Journal)
	w.mu.Lock()
	w.source.Store = w.store
	w.mu.Unlock()
}

// initialize is another generation, without anything in it, in the same server.
func (w *town) initialize() {
	old := w.source.Journal
	w.dir = w.t.TempDir()
	w.options.Dir = w.dir
	w.forget()
	w.start(w.source.Epoch + 1)
	w.must(old.Close())
}

// forget takes leave of all accounts and rides.
func (w *town) forget() {
	w.owners, w.users, w.chairs, w.rideIDs, w.userIDs, w.ownerIDs, w.chairIDs, w.resting = nil, nil, nil, nil, nil, nil, nil, nil
	w.open = nil
}

func (w *town) end() {
	w.feed.Close()
	w.must(w.source.Journal.Close())
}

func (w *town) name(prefix string) string {
	w.serial++
	return fmt.Sprintf("%s %d \"\u2028é\n", prefix, w.serial)
}

func pick[T any](w *town, from []T) (v T, ok bool) {
	if len(from) == 0 {
		return v, false
	}
	return from[w.IntN(len(from))], true
}

func (w *town) place() isuride.Coordinate {
	c := isuride.Coordinate{Latitude: int32(w.IntN(12)), Longitude: int32(w.IntN(3)) - 1}
	if w.IntN(2) == 0 {
		c.Latitude += 300
		c.Longitude += 300
	}
	return c
}

// act makes n random calls. Calls that the rules refuse are fine.
func (w *town) act(n int) {
	moves := []func(){w.registerUser, w.registerOwner, w.registerChair, w.setActivity, w.request, w.request, w.assign, w.assign, w.assign,
		w.progress, w.progress, w.progress, w.progress, w.progress, w.progress, w.move, w.move, w.move, w.move, w.move, w.charge, w.charge, w.release, w.listen}
	for range n {
		moves[w.IntN(len(moves))]()
	}
}

func (w *town) registerUser() {
	invitation := ""
	if token, ok := pick(w, w.users); ok && w.IntN(2) == 0 {
		u, _ := w.store.UserByToken([]byte(token))
		invitation = u.InvitationCode
	}
	u, err := w.store.RegisterUser(state.NewUser{Username: w.name("user"), Firstname: "An\\n", Lastname: "O'Né", DateOfBirth: "2000-01-01", InvitationCode: invitation})
	if err != nil {
		return // the code was used up
	}
	w.must(w.store.SetPaymentToken(u, "secret-payment-token"))
	w.users, w.userIDs = append(w.users, u.AccessToken), append(w.userIDs, u.ID)
}

func (w *town) registerOwner() {
	o, err := w.store.RegisterOwner(w.name("owner"))
	w.must(err)
	w.owners, w.ownerIDs = append(w.owners, o.ChairRegisterToken), append(w.ownerIDs, o.ID)
}

func (w *town) registerChair() {
	token, ok := pick(w, w.owners)
	if !ok {
		return
	}
	c, err := w.store.RegisterChair(token, w.name("chair"), []string{"slow", "fast", "unknown"}[w.IntN(3)])
	w.must(err)
	image, ok := w.store.ChairByID(c.ID)
	if !ok || image != c {
		w.t.Fatal("the chair is not known")
	}
	w.chairIDs = append(w.chairIDs, c.ID)
	w.must(w.store.SetActivity(c, true))
	if w.IntN(4) > 0 {
		w.report(c, w.place())
	}
}

func (w *town) report(c *state.Chair, at isuride.Coordinate) {
	_, err := w.store.Report(c, at)
	w.must(err)
}

func (w *town) chairOf() (*state.Chair, bool) {
	id, ok := pick(w, w.chairIDs)
	if !ok {
		return nil, false
	}
	return w.store.ChairByID(id)
}

func (w *town) rideOf() (*state.Ride, bool) {
	id, ok := pick(w, w.rideIDs[max(0, len(w.rideIDs)-20):])
	if !ok {
		return nil, false
	}
	return w.store.RideByID(id)
}

func (w *town) setActivity() {
	if c, ok := w.chairOf(); ok {
		w.must(w.store.SetActivity(c, w.IntN(4) > 0))
	}
}

func (w *town) request() {
	if token, ok := pick(w, w.users); ok {
		u, _ := w.store.UserByToken([]byte(token))
		if r, err := w.store.RequestRide(u, w.place(), w.place()); err == nil {
			w.rideIDs = append(w.rideIDs, r.ID)
		}
	}
}

func (w *town) assign() {
	r, ok1 := w.rideOf()
	c, ok2 := w.chairOf()
	if !ok1 || !ok2 {
		return
	}
	var why *isuride.Why
	if w.IntN(3) > 0 {
		why = &isuride.Why{Class: isuride.Ordinary, Trip: -7, Age: 3, Chosen: isuride.ChairCost{Pickup: 11, Carry: -2},
			Lost: []isuride.Rival{{Chair: c.Ref, ChairCost: isuride.ChairCost{Pickup: 5}}}}
	}
	_, err := w.store.Assign(r, c, why)
	w.must(err)
}

// progress takes a ride one step further, if it is its chair's turn.
func (w *town) progress() {
	r, ok := w.rideOf()
	if !ok || r.Chair() == nil {
		return
	}
	for _, to := range []isuride.Status{isuride.Enroute, isuride.Carrying} {
		var domain *isuride.Error
		if err := w.store.Advance(r.Chair(), r.ID, to); err != nil && !errors.As(err, &domain) {
			w.t.Fatal(err)
		}
	}
	w.report(r.Chair(), []isuride.Coordinate{r.Pickup, r.Destination}[w.IntN(2)])
}

func (w *town) move() {
	if c, ok := w.chairOf(); ok && !w.noMoves {
		w.report(c, w.place())
	}
}

func (w *town) charge() {
	if len(w.open) > 0 {
		ch := w.open[0]
		w.open = w.open[1:]
		if w.IntN(4) == 0 {
			w.store.Abandon(ch, isuride.Errorf(isuride.PaymentFailed, "no"))
			return
		}
		_, err := w.store.Complete(ch)
		w.must(err)
		w.resting = append(w.resting, ch.Ride.ID)
		return
	}
	if r, ok := w.rideOf(); ok {
		if ch, first, err := w.store.BeginCharge(r.User, r.ID, 1+w.IntN(5)); err == nil && first {
			w.open = append(w.open, ch)
		}
	}
}

func (w *town) release() {
	for _, id := range w.resting {
		r, _ := w.store.RideByID(id)
		w.store.Release(r)
	}
	w.resting = nil
}

// listen delivers some notifications.
func (w *town) listen() {
	token, ok := pick(w, w.users)
	if !ok {
		return
	}
	u, _ := w.store.UserByToken([]byte(token))
	s := u.Log.Open(func() {})
	defer s.Close()
	for range w.IntN(3) {
		if _, n, ok := s.Next(); ok {
			w.must(w.store.Delivered(&u.Log, state.ToUser, n))
		}
	}
}

// reader is a client that keeps a copy.
type reader struct {
	w       *town
	request Request
	conn    *Conn
	copy    Copy
	frames  []Frame // since the last look
	sums    int     // checksums that were compared
	failed  []Frame // errors
	ended   bool
}

func (w *town) subscribe(r Request) *reader {
	rd := &reader{w: w, request: r}
	rd.connect()
	return rd
}

func (r *reader) connect() {
	r.conn = r.w.feed.Open(func() {})
	r.conn.Subscribe(r.request)
	r.ended = false
}

// reconnect breaks the connection and resumes, as a client does.
func (r *reader) reconnect() {
	r.conn.Close()
	r.copy.Reconnect()
	r.request.Resume = ""
	if p := r.copy.Position(); p != (Position{}) {
		r.request.Resume = p.String()
	}
	r.connect()
}

// next reads one frame.
func (r *reader) next() bool {
	r.w.t.Helper()
	m, ok := r.conn.Next()
	if !ok {
		return false
	}
	f, err := r.copy.Apply(m.JSON)
	if err != nil {
		r.w.t.Fatalf("%v\nframe %s", err, m.JSON)
	}
	r.ended = r.ended || m.Ends
	r.frames = append(r.frames, f)
	switch f.Action {
	case Failed:
		r.failed = append(r.failed, f)
	case Checksum:
		r.compare(&f)
	}
	if m.Whole && m.Position != r.copy.Position() {
		r.w.t.Fatalf("the message may be resumed at %v, the copy at %v", m.Position, r.copy.Position())
	}
	return true
}

func (r *reader) compare(f *Frame) {
	r.w.t.Helper()
	rows, sum := r.copy.Checksum(f.Table)
	if want := fmt.Sprintf(`{"rows":%d,"crc32c":"%s"}`, rows, sum); want != string(f.Data[0]) {
		r.w.t.Fatalf("the copy of %s at %d is %s, the server says %s", f.Table, f.Seq, want, f.Data[0])
	}
	r.sums++
}

func (r *reader) drain() {
	r.w.t.Helper()
	for r.next() {
	}
}

// settle reads until the copy has everything that was recorded.
func (r *reader) settle() {
	r.w.t.Helper()
	for range 100 {
		time.Sleep(50 * time.Millisecond)
		r.drain()
		if r.copy.Position() == (Position{r.w.source.Epoch, r.w.source.Journal.Watermark()}) {
			return
		}
	}
	r.w.t.Fatalf("the copy is at %v, the log at %d; %d errors, %+v", r.copy.Position(), r.w.source.Journal.Watermark(), len(r.failed), r.failed)
}

// settleTime lets everything that was recorded reach the readers.
func settleTime() {
	time.Sleep(2 * time.Second)
	synctest.Wait() // what others have done by then is to be seen
}
