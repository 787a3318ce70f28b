package crash

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/webapp/client"
	"isuride/webapp/servertest"
	"isuride/webapp/sqlstore"
)

var killsFlag = flag.Int("kills", 6, "how often TestCluster kills the leader of a group while it serves, for each kind of tables")

// TestCluster: what the leader of a group has told a client survives SIGKILL of the leader at
// any moment, once, with the same milliseconds, and the next leader knows it; streams go on
// where they were; each completed ride is paid once, also if its payment was under way. In the
// end each server's own tables, or the shared ones, have it all.
//
// It is TestCrash with another server instead of another start: actors call the leader, and
// after its loss everything they noted is looked up at the next one.
func TestCluster(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); killLeaders(t, func(*servertest.Process) {}) })
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		c := servertest.MySQL(t)
		killLeaders(t, func(p *servertest.Process) { p.UseMySQL(c) })
	})
}

func killLeaders(t *testing.T, configure func(*servertest.Process)) {
	g := servertest.NewGroup(t, func(p *servertest.Process) {
		p.Bare()
		configure(p)
	})
	front := servertest.New(t)
	t.Cleanup(func() { front.Cmd = nil }) // it is another's
	var leader *servertest.Process
	take := func() {
		t.Helper()
		leader = g.Leader()
		front.Become(leader)
	}
	w := newWorldOn(t, front, newSeed(t), func() {
		g.Start()
		take()
	})
	w.kill = func() { leader.Kill() }
	replace := func() {
		killed := leader
		take()
		w.audit()
		killed.Start()
	}
	for range *killsFlag {
		w.live(w.randomEnd())
		replace()
	}
	for w.begin(ending{}); ; w.begin(ending{}) {
		w.act(200)
		if w.stage.drop(); !w.life.Load().over() {
			break
		}
		w.cut()
		replace()
	}
	w.audit()
	before := front.Ask(w.questions())
	for _, p := range g.Members {
		inTables(p, leader)
	}
	killed := leader
	killed.Stop() // hands over
	take()
	before.Same(t, "after the leader was stopped", front.Ask(before))
	killed.Start()
	for _, p := range g.Others(leader) {
		p.Stop()
	}
	leader.Stop()
	for _, p := range g.Members {
		front.DB = p.DB
		w.compare(front.Tables())
	}
	w.sound()
	t.Logf("%d answers, %d ratings whose payment a kill interrupted", w.answers.Load(), w.resumed)
}

// inTables waits until a server has written what another has committed by now, if it writes.
func inTables(p, leader *servertest.Process) {
	p.T.Helper()
	s := leader.Scrape()
	want := s.Value("isuride_replica_committed")
	servertest.Within(p.T, flushLimit, func() error {
		s := p.Scrape()
		if at := s.Value("isuride_replica_committed") - s.Value("isuride_flush_backlog"); at < want && (p == leader || p.DB.Dialect == sqlstore.SQLite) {
			return fmt.Errorf("the tables are at event %.0f, want %.0f", at, want)
		}
		return nil
	})
}

// crowd are riders who register one after the other, at any server of a group.
type crowd struct {
	mu       sync.Mutex
	accepted []*servertest.Client // guarded by mu
	odd      []string             // guarded by mu; answers that nobody should get
	times    []time.Time          // guarded by mu; of the acceptances, in their order
	pause    time.Duration        // of a rider's client between two calls
	stop     chan struct{}
	wait     sync.WaitGroup
}

// gather has some riders register at each server until disperse.
func gather(g *servertest.Group, prefix string) *crowd {
	return gatherAt(g.Members, prefix, 0)
}

func gatherAt(servers []*servertest.Process, prefix string, pause time.Duration) *crowd {
	c := &crowd{stop: make(chan struct{}), pause: pause}
	for i, p := range servers {
		for j := range 3 {
			c.wait.Go(func() { c.register(p, fmt.Sprintf("%s-%d-%d", prefix, i, j)) })
		}
	}
	return c
}

func (c *crowd) register(p *servertest.Process, name string) {
	for n := 0; ; n++ {
		select {
		case <-c.stop:
			return
		default:
		}
		rider := p.Anonymous()
		r, err := rider.Try("POST", "/api/app/users", servertest.Person(fmt.Sprint(name, "-", n)))
		c.mu.Lock()
		switch {
		case err == nil && r.Status == http.StatusCreated:
			rider.Cookie = r.CookieOf()
			c.accepted = append(c.accepted, rider)
			c.times = append(c.times, time.Now())
		case err == nil && r.Status != http.StatusServiceUnavailable:
			c.odd = append(c.odd, fmt.Sprintf("%d %s", r.Status, r.Body))
		}
		c.mu.Unlock()
		time.Sleep(c.pause)
	}
}

func (c *crowd) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.accepted)
}

// grows waits until so many more are accepted. On a busy machine leaders may change meanwhile, more
// than once.
func (c *crowd) grows(t *testing.T, by int) {
	t.Helper()
	enough := c.count() + by
	servertest.Within(t, servertest.RideLimit, func() error {
		if n := c.count(); n < enough {
			return fmt.Errorf("%d riders are accepted, want %d", n, enough)
		}
		return nil
	})
}

// disperse ends it, and asks for everybody who was accepted, at a server.
func (c *crowd) disperse(t *testing.T, at *servertest.Process) {
	t.Helper()
	close(c.stop)
	c.wait.Wait()
	lost := 0
	for _, rider := range c.accepted {
		rider.Process = at
		if r := rider.Call("GET", "/api/app/rides", nil); r.Status != http.StatusOK {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d riders who were accepted are unknown", lost, len(c.accepted))
	}
	if len(c.odd) > 0 {
		t.Errorf("%d answers that nobody should get, the first: %s", len(c.odd), c.odd[0])
	}
	t.Logf("%d riders were accepted", len(c.accepted))
}

// TestClusterPauses stops the leader, which goes on when another one leads: it acknowledges
// nothing that is not known there. Requests come in at all servers meanwhile.
func TestClusterPauses(t *testing.T) {
	t.Parallel()
	g := bareGroup(t)
	c := gather(g, "pause")
	c.grows(t, 50)
	for range 3 {
		leader := g.Leader()
		leader.Cmd.Process.Signal(syscall.SIGSTOP)
		g.Leader(g.Others(leader)...)
		c.grows(t, 50)
		leader.Cmd.Process.Signal(syscall.SIGCONT)
		servertest.Eventually(t, func() error {
			if leader.Leads() {
				return fmt.Errorf("two lead")
			}
			return nil
		})
		c.grows(t, 50)
	}
	c.disperse(t, g.Leader())
}

// TestClusterParts cuts the leader off from the others, and joins them again.
func TestClusterParts(t *testing.T) {
	t.Parallel()
	g := bareGroup(t)
	c := gather(g, "part")
	c.grows(t, 50)
	for range 3 {
		leader := g.Leader()
		g.Cut(leader, true)
		g.Leader(g.Others(leader)...)
		c.grows(t, 50)
		servertest.Eventually(t, func() error {
			if leader.Leads() {
				return fmt.Errorf("a leader without a majority leads")
			}
			return nil
		})
		g.Cut(leader, false)
		c.grows(t, 50)
	}
	c.disperse(t, g.Leader())
}

// TestClusterWithoutMajority: a server that is left alone answers reads with their age, and
// refuses writes with the time after which to try again.
func TestClusterWithoutMajority(t *testing.T) {
	t.Parallel()
	g := bareGroup(t)
	leader := g.Leader()
	rider, _ := leader.User("rider", "")
	for _, p := range g.Others(leader) {
		p.Kill()
	}
	servertest.Eventually(t, func() error {
		r := rider.Call("GET", "/api/app/rides", nil)
		if r.Status != 200 || r.Header.Get("Age") == "" {
			return fmt.Errorf("a read is answered %d with the age %q", r.Status, r.Header.Get("Age"))
		}
		return nil
	})
	r, err := leader.Anonymous().Try("POST", "/api/app/users", servertest.Person("late"))
	if err != nil {
		t.Fatal(err)
	}
	r.Refused(t, 503, "no server leads")
	if r.Header.Get("Retry-After") == "" {
		t.Error("a write is refused without Retry-After")
	}
	answer, err := (&http.Client{Transport: &http.Transport{}}).Post(leader.URL+"/api/app/users", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 503 || !answer.Close {
		t.Errorf("a front gets %s and may keep its connection to a server that is left alone, while the others have a leader", answer.Status)
	}
	g.Others(leader)[0].Start()
	leader.User("back", "")
}

// TestClusterHandsOn: clients of any server are served, streams included, and never see where
// their answer comes from.
func TestClusterHandsOn(t *testing.T) {
	t.Parallel()
	g := bareGroup(t)
	leader := g.Leader()
	follower := g.Others(leader)[0]
	follower.Gateway, follower.GatewayURL = leader.Gateway, leader.GatewayURL
	follower.Initialize()
	s := follower.Scene()
	stream := s.User.Listen()
	ride := s.Ride()
	if stream.Await(ride, "COMPLETED") != nil {
		stream = s.User.Listen() // it ended with its leader's time
		if err := stream.Await(ride, "COMPLETED"); err != nil {
			t.Error(err)
		}
	}
	follower.PaidOnce(ride)
	const stops = 3
	alone := 0
	for i := range stops {
		leader := g.Leader()
		leader.Stop()
		if strings.Contains(leader.Output.String(), "nobody takes over") { // within a limit, which a busy machine may exceed
			alone++
			t.Logf("hand-over %d: the leader has stopped without handing over:\n%s", i, leader.Output)
		}
		g.Leader(g.Others(leader)...)
		s.User.Process = g.Others(leader)[0]
		if r := s.User.Call("GET", "/api/app/rides", nil); r.Status != 200 {
			t.Errorf("hand-over %d: the rider is answered %d %s", i, r.Status, r.Body)
		}
		leader.Start()
	}
	if alone == stops {
		t.Error("no leader hands over when it stops")
	}
}

// TestClusterTunnels: a WebSocket to a server that does not lead is one to the leader. It ends with
// the leader's time, and the next one goes on at the next leader.
func TestClusterTunnels(t *testing.T) {
	t.Parallel()
	g := bareGroup(t)
	leader := g.Leader()
	follower := g.Others(leader)[0]
	rider, _ := leader.User("rider", "")
	token := strings.TrimPrefix(rider.Cookie, "app_session=")
	host := strings.TrimPrefix(follower.URL, "http://")
	ask := func(name, value string) servertest.Reply {
		return follower.Send("GET", "/api/realtime", "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", name, value)
	}
	ask("Origin", "http://evil.example").Refused(t, 403, "other sites")
	ask("Origin", "http://"+host).Refused(t, 400, "Sec-WebSocket-Key") // the page's own site, so the key is what is missed
	for i := range 4 {                                                 // the follower is to stay one that does not lead
		promote(t, g, g.Others(follower)[i%2])
		live := tunnelled(t, follower, token)
		next := g.Others(follower)
		ends(t, g, live, []*servertest.Process{next[1-i%2], next[i%2]})
	}
	tunnelled(t, follower, token).Close()
}

// TestClusterRefusesForeignData: a member that comes with the data of another server is refused by
// name, on both sides, and the others go on.
func TestClusterRefusesForeignData(t *testing.T) {
	t.Parallel()
	g := bareGroup(t)
	leader := g.Leader()
	stray := g.Others(leader)[0]
	stray.Stop()
	other := servertest.New(t)
	other.Bare()
	other.Start()
	other.User("rider", "")
	other.Stop()
	founding := bound.Command(t, os.Args[0], "member")
	founding.Env = other.Env
	if said, err := founding.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	stray.Env = append(stray.Env, "ISURIDE_DATA="+other.Data)
	if err := stray.Launch(); err != nil {
		t.Fatal(err)
	}
	stray.Says("are not of the same history")
	stray.Says("give that one an empty folder")
	leader.Says("are not of the same history")
	leader.User("later", "")
}

// TestClusterRefusesLists: a server with a list of replicas that does not fit ends at once, with a
// sentence that names what is wrong.
func TestClusterRefusesLists(t *testing.T) {
	t.Parallel()
	g := servertest.NewGroup(t, (*servertest.Process).Bare)
	p := g.Members[0]
	env := p.Env
	for list, says := range map[string]string{
		"a=127.0.0.1:1/127.0.0.1:2,a=127.0.0.1:3/127.0.0.1:4,c=127.0.0.1:5/127.0.0.1:6": `replica "a" is listed twice: give each server a name of its own`,
		"a=127.0.0.1:1/127.0.0.1:2,b=127.0.0.1:3/127.0.0.1:4":                           "2 replicas survive no more losses than 1: add a witness",
		"b=127.0.0.1:1/127.0.0.1:2":                                                     `this server is called "a", which is not among the replicas`,
	} {
		p.Env = append(slices.Clone(env), "ISURIDE_REPLICAS="+list)
		if err := p.TryStart(); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `\"`, `"`), says) {
			t.Errorf("%s: got %v, want %s", list, err, says)
		}
	}
}

// tunnelled opens a WebSocket at a server, and waits for a notification and for a table. It tries again if the
// leader changes meanwhile.
func tunnelled(t *testing.T, at *servertest.Process, token string) (live *client.Realtime) {
	t.Helper()
	servertest.Eventually(t, func() (err error) {
		if live, err = (&client.Client{URL: at.URL}).Realtime(t.Context()); err != nil {
			return err
		}
		err = errors.Join(live.Notifications("mine", token), live.Subscribe("town", "", client.Subscription{Tables: "city"}))
		for seen := map[string]bool{}; err == nil && (!seen["mine notification"] || !seen["town partial"]); {
			var f client.Frame
			if f, err = live.Next(); err != nil || f.Action == "error" {
				err = fmt.Errorf("the WebSocket ended after %v: %+v, %w", seen, f, err)
			}
			seen[f.Sub+" "+string(f.Action)] = true
		}
		if err != nil {
			_ = live.Close() // it is of no use
		}
		return err
	})
	return live
}

// ends holds that a WebSocket ends when the first of these servers is given the lead. One that leads already has got it by
// itself, perhaps before the WebSocket was opened: then it is the next one's turn.
func ends(t *testing.T, g *servertest.Group, live *client.Realtime, next []*servertest.Process) {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			_, err = live.Next()
		}
		ended <- err
	}()
	for i := 0; promote(t, g, next[i%len(next)]) == 0; i++ {
	}
	bound.Receive(t, "the end of a WebSocket whose leader has handed over", ended)
	_ = live.Close() // it has ended
}

// promote has a server lead if it does not already. It returns how many hand-overs succeeded: more than one where it lost the
// lead at once, none where it came to lead by itself.
func promote(t *testing.T, g *servertest.Group, to *servertest.Process) (asked int) {
	t.Helper()
	servertest.Eventually(t, func() error {
		leader := g.Leader()
		if leader == to {
			return nil
		}
		err := ask(leader, to)
		if err == nil {
			asked++
		}
		return errors.Join(fmt.Errorf("%s does not lead", to.Node), err)
	})
	return asked
}

func mustRead(t *testing.T, p *servertest.Process, path string) []byte {
	t.Helper()
	status, text := p.Operator("GET", path)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, status, text)
	}
	return text
}

// TestClusterCopiesTables: a server whose SQLite file is lost goes on with a copy of another one's, taken
// while that one serves.
func TestClusterCopiesTables(t *testing.T) {
	t.Parallel()
	g := bareGroup(t)
	c := gatherAt(g.Members, "copied", crowdPause)
	c.grows(t, 50)
	leader := g.Leader()
	p := g.Others(leader)[0]
	inTables(leader, leader)
	p.Kill()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(p.DB.Path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if status, says := leader.Operator("POST", "/tables"); status != http.StatusUnauthorized {
		t.Errorf("without the token a copy is answered with %d %.100s", status, says)
	}
	token, err := os.ReadFile(filepath.Join(p.Data, "operator-token")) // all have the same
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", leader.Inside+"/tables", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	copied, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("a copy is answered with %s %.200s (%v)", answer.Status, copied, err)
	}
	if err := os.WriteFile(p.DB.Path, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Start()
	c.grows(t, 20)
	c.disperse(t, g.Leader())
	inTables(p, g.Leader())
	inTables(leader, leader)
	for _, m := range g.Members {
		m.Stop()
	}
	if got, want := len(p.Tables().Users), len(leader.Tables().Users); got != want || want < 70 {
		t.Errorf("the copy has come to %d users, the tables of %s have %d", got, leader.Node, want)
	}
}

// bareGroup starts a group with the bare data set.
func bareGroup(t *testing.T) *servertest.Group {
	t.Helper()
	g := servertest.NewGroup(t, (*servertest.Process).Bare)
	g.Start()
	g.Leader()
	return g
}
