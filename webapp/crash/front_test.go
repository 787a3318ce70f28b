package crash

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/devcert/cert"
	"isuride/tools/dev/freeport"
	"isuride/webapp/client"
	"isuride/webapp/servertest"
)

// front is nginx before a group, with the configuration that fleet makes.
type front struct {
	url string
	web *http.Client
}

// newFront starts a group whose servers have doors, and nginx before them.
func newFront(t *testing.T) (*servertest.Group, *front) {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed (Debian package nginx)")
	}
	var doors []string
	g := servertest.NewGroup(t, func(p *servertest.Process) {
		p.Bare()
		door := freeport.Address(t)
		doors = append(doors, door)
		p.Env = append(p.Env, "ISURIDE_LEADER_LISTEN="+door)
	})
	g.Start()
	g.Leader()
	var behind []string
	for _, p := range g.Members {
		behind = append(behind, strings.TrimPrefix(p.URL, "http://"))
	}
	address := freeport.Address(t)
	run(t, address, "NGINX_UPSTREAM="+strings.Join(doors, ","), "NGINX_FALLBACK="+strings.Join(behind, ","))
	f := &front{"https://" + address, &http.Client{Transport: servertest.HTTPClient.Transport}}
	servertest.Eventually(t, func() error { _, err := f.get("/api/owner/sales"); return err })
	return g, f
}

// run runs nginx until the test ends.
func run(t *testing.T, address string, vars ...string) {
	t.Helper()
	dir := t.TempDir()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cert.Ensure(dir, []string{"127.0.0.1"}, time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	render := bound.Command(t, "../../scripts/nginx.sh", "render")
	render.Env = append(append(os.Environ(), "NGINX_USER="+me.Username, "NGINX_RUN="+dir, "NGINX_LISTEN="+address, "NGINX_STATIC="+filepath.Join(dir, "static"),
		"NGINX_CERT="+filepath.Join(dir, cert.CertFile), "NGINX_KEY="+filepath.Join(dir, cert.KeyFile)), vars...)
	config, err := render.Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := bound.Command(t, "nginx", "-e", filepath.Join(dir, "error.log"), "-c", file, "-g", "daemon off;")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()
		if log, err := os.ReadFile(filepath.Join(dir, "error.log")); t.Failed() && err == nil {
			t.Logf("nginx says:\n%s", log)
		}
	})
}

func (f *front) get(path string) (status int, err error) {
	r, err := f.web.Get(f.url + path)
	if err != nil {
		return 0, err
	}
	r.Body.Close()
	return r.StatusCode, nil
}

// register registers riders one after the other until stop, and counts what they are answered.
func (f *front) register(name string, stop chan struct{}, c *answers) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		began := time.Now()
		body := strings.NewReader(fmt.Sprintf(`{"username":"%s-%d","firstname":"Ann","lastname":"Lee","date_of_birth":"2000-01-01"}`, name, n))
		r, err := f.web.Post(f.url+"/api/app/users", "application/json", body)
		took := time.Since(began)
		for longest := c.longest.Load(); int64(took) > longest && !c.longest.CompareAndSwap(longest, int64(took)); {
			longest = c.longest.Load()
		}
		if took > late {
			c.late.Add(1)
		}
		if err != nil {
			c.fail(err)
			continue
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err == nil && r.StatusCode != http.StatusCreated {
			err = fmt.Errorf("%s %s", r.Status, text)
		}
		if err != nil {
			c.fail(err)
			if r.StatusCode == http.StatusServiceUnavailable {
				time.Sleep(time.Second) // as Retry-After says
			}
			continue
		}
		c.accepted.Add(1)
	}
}

// late is what fronts may take to learn of a change. It is counted, and decides nothing: the
// machine may be busy.
const late = 200 * time.Millisecond

type answers struct {
	accepted, failed, late, longest atomic.Int64
	failure                         atomic.Pointer[error] // the first
}

func (a *answers) fail(err error) {
	a.failed.Add(1)
	err = fmt.Errorf("at %v: %w", time.Now().UTC().Format(time.StampMicro), err)
	a.failure.CompareAndSwap(nil, &err)
}

func (a *answers) String() string {
	text := fmt.Sprintf("%d accepted, %d failed, %d took more than %v, the longest %v", a.accepted.Load(), a.failed.Load(), a.late.Load(), late,
		time.Duration(a.longest.Load()).Round(time.Millisecond))
	if first := a.failure.Load(); first != nil {
		text += fmt.Sprintf("; the first failure: %v", *first)
	}
	return text
}

// riders is how many register at a time.
const riders = 8

// during has riders register while something happens, until so many more were accepted after it.
func (f *front) during(t *testing.T, name string, what func()) *answers {
	t.Helper()
	c, stop := &answers{}, make(chan struct{})
	done := make(chan struct{}, riders)
	for i := range riders {
		go func() { f.register(fmt.Sprint(name, "-", i), stop, c); done <- struct{}{} }()
	}
	grow := func() {
		enough := c.accepted.Load() + 100
		servertest.Eventually(t, func() error {
			if n := c.accepted.Load(); n < enough {
				return fmt.Errorf("%d are accepted, want %d; %v", n, enough, c)
			}
			return nil
		})
	}
	grow()
	what()
	grow()
	close(stop)
	for range riders {
		bound.Receive(t, "the last answer to a rider", done)
	}
	t.Logf("%s: %v", name, c)
	return c
}

// TestFrontsFindTheLeader: nginx sends requests to the server that leads, without being told. A
// hand-over costs no request; the loss of the leader costs those that it had, and those alone.
func TestFrontsFindTheLeader(t *testing.T) {
	t.Parallel()
	g, f := newFront(t)
	f.direct(t, g)
	for i := range 3 {
		former, term, asked := g.Leader(), termOf(g), 0
		if c := f.during(t, fmt.Sprint("hand-over", i), func() {
			asked = promote(t, g, g.Others(former)[i%2])
		}); c.failed.Load() > 0 && asked == 1 && termOf(g) == term+1 { // else the lead may have changed by itself
			t.Errorf("hand-over %d: %v", i, c)
		}
		f.direct(t, g)
	}
	former := g.Leader()
	// Those that were under way fail, and what comes before another one leads: a few attempts of
	// each rider, the more the longer a busy machine takes to elect it.
	if c := f.during(t, "kill", former.Kill); c.failed.Load() > 10*riders {
		t.Errorf("the loss of the leader: %v; at most %d requests were under way", c, riders)
	}
	f.direct(t, g)
	term := termOf(g)
	if c := f.during(t, "after", func() {}); c.failed.Load() > 0 && termOf(g) == term {
		t.Errorf("when another one leads: %v", c)
	}
	former.Start() // as a standby, at which nobody calls
	f.direct(t, g)
	f.streams(t, g)
}

// termOf is the group's term. It grows by one with a hand-over; where it grows by more, the machine was too busy for a
// leader to be heard, and nothing is promised of requests.
func termOf(g *servertest.Group) float64 { return g.Leader().Scrape().Value("isuride_replica_term") }

// direct waits until requests reach the leader without another server between.
func (f *front) direct(t *testing.T, g *servertest.Group) {
	t.Helper()
	asked := func() (total int) {
		for _, p := range g.Members {
			if p.Cmd != nil && !p.Leads() {
				total += answered(t, p, "/api/owner/sales")
			}
		}
		return total
	}
	g.Leader()
	servertest.Eventually(t, func() error {
		before := asked()
		for range 50 {
			if _, err := f.get("/api/owner/sales"); err != nil {
				return err
			}
		}
		if after := asked(); after != before {
			return fmt.Errorf("%d of 50 requests came to servers that do not lead", after-before)
		}
		return nil
	})
}

// answered is how often a server has answered requests for a path.
func answered(t *testing.T, p *servertest.Process, path string) (n int) {
	t.Helper()
	for line := range strings.Lines(string(mustRead(t, p, "/metrics"))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if strings.HasPrefix(name, "isuride_http_requests_total{") && strings.Contains(name, path) {
			more, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			n += more
		}
	}
	return n
}

// trusting takes any certificate. What it carries is not recorded, as a client looks for its
// settings in the transport itself.
var trusting = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}

// streams: a WebSocket comes through, ends with the leader's time, and the next one is there at once.
func (f *front) streams(t *testing.T, g *servertest.Group) {
	t.Helper()
	for range 2 {
		ends(t, g, f.opened(t), g.Members)
	}
}

// opened opens a WebSocket and waits for a table. It tries again if the leader changes meanwhile.
func (f *front) opened(t *testing.T) (live *client.Realtime) {
	t.Helper()
	servertest.Eventually(t, func() (err error) {
		if live, err = (&client.Client{URL: f.url, HTTP: &http.Client{Transport: trusting}}).Realtime(t.Context()); err != nil {
			return err
		}
		err = live.Subscribe("town", "", client.Subscription{Tables: "city"})
		for seen := false; err == nil && !seen; {
			var frame client.Frame
			frame, err = live.Next()
			seen = frame.Action == "partial"
		}
		if err != nil {
			_ = live.Close() // it is of no use
		}
		return err
	})
	return live
}
