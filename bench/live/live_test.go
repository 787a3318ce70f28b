package live

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"isuride/bench/client"
	"isuride/tools/dev/freeport"
)

// TestRun goes through all phases of a run in which nobody finds a chair.
func TestRun(t *testing.T) {
	s := new(stub)
	s.breakWith("GET /client", reply("<html>"))
	s.breakWith("GET /owner", reply("<html>"))
	s.breakWith("GET /index.html", reply("<html>"))
	c := s.start(t, 20)
	c.Static = listOf(t, "<html>")
	c.Checks = []Check{{Name: "rides", Method: "GET", Path: "/api/app/rides", Status: 200, Expect: json.RawMessage(`{"rides":[]}`)}}
	w := &watcher{}
	c.Observer = w
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Passed || r.Reason != "pass" || r.Score != 0 || r.Language != "stub" || r.ErrorCount != 0 || r.BenchFaults != 0 {
		t.Errorf("passed %v, %q, score %d, language %q, %d errors, %d bench faults: %+v", r.Passed, r.Reason, r.Score, r.Language, r.ErrorCount, r.BenchFaults, r.Errors)
	}
	// On a busy machine some ticks are lost, and the load ends late, but none is ever too many.
	load := r.Phases[slices.IndexFunc(r.Phases, func(l Lap) bool { return l.Phase == PhaseLoad })]
	if all := r.Ticks + r.LostTicks; r.Ticks < 1 || float64(all) > load.Seconds/tickPeriod.Seconds()+1 {
		t.Errorf("%d ticks and %d lost ones in %.3f s", r.Ticks, r.LostTicks, load.Seconds)
	}
	if r.World.Users != 10 || r.World.Chairs != 20 || r.Origins["population"] != 10 {
		t.Errorf("%d users, %d chairs, %v", r.World.Users, r.World.Chairs, r.Origins)
	}
	names := map[string]Latency{}
	for _, e := range r.Endpoints {
		names[e.Name] = e
	}
	for name, want := range map[string]int{"POST /api/app/users": 10, "POST /api/chair/chairs": 20, "POST /api/owner/owners": 5, "POST /api/chair/coordinate": 20} {
		if got := names[name]; got.Count != want || got.Failures != 0 {
			t.Errorf("%s: %+v, want %d", name, got, want)
		}
	}
	if want := []Phase{PhaseStatic, PhaseInitialize, PhasePopulate, PhaseData, PhaseLoad, PhaseFinal}; !slices.Equal(w.phases, want) {
		t.Errorf("phases %q", w.phases)
	}
	if len(r.Series) == 0 || r.Series[len(r.Series)-1].Ticks != r.Ticks {
		t.Errorf("the series does not end with the end: %+v", r.Series)
	}
	for i, lap := range r.Phases {
		if lap.Phase != w.phases[i] || lap.Seconds <= 0 {
			t.Errorf("lap %d is %+v", i, lap)
		}
	}
	if r.TickDelay.Count != r.Ticks || r.TickDelay.P50 > r.TickDelay.Max {
		t.Errorf("%d ticks with delays %+v", r.Ticks, r.TickDelay)
	}
	if u := r.Usage; u.CPUSeconds() <= 0 || u.RSSBytes < 1<<20 {
		t.Errorf("usage %+v", u)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

// listOf is a list whose only file is the page.
func listOf(t *testing.T, page string) *client.Static {
	t.Helper()
	s, err := client.ReadStatic(strings.NewReader(fmt.Sprintf("%x /index.html\n", md5.Sum([]byte(page)))))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPrepareOnly checks that there are no ticks and no errors without load time.
func TestPrepareOnly(t *testing.T) {
	c := new(stub).start(t, 1)
	c.Load = 0
	r, err := Run(context.Background(), c)
	if err != nil || !r.Passed || r.Ticks != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestTooManyErrors lets every activation fail and checks that the run ends by itself.
func TestTooManyErrors(t *testing.T) {
	s := new(stub)
	c := s.start(t, 1)
	c.Load = time.Hour
	s.breakWith("POST /api/chair/activity", status(http.StatusInternalServerError))
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Passed || !strings.Contains(r.Reason, "too many errors") || r.ErrorCount < 201 {
		t.Errorf("passed %v, %q, %d errors", r.Passed, r.Reason, r.ErrorCount)
	}
	if e := r.Errors[0]; e.Code != 13 || e.Critical || e.Count < 201 || len(e.Examples) == 0 || !strings.Contains(e.Examples[0].Text, "500") {
		t.Errorf("errors %+v", r.Errors)
	}
}

// TestInterrupt ends a run in the middle of its load.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := new(stub).start(t, 1)
	c.Load = time.Hour
	c.settling = time.Hour
	c.Observer = &watcher{sample: func(Sample) { cancel() }}
	r, err := Run(ctx, c)
	if err != nil || r.Passed || !r.Interrupted || r.Ticks == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPhaseErrors(t *testing.T) {
	for _, c := range []struct {
		name    string
		pattern string
		handler http.HandlerFunc
		phase   Phase
		text    string
	}{
		{"initialize fails", "POST /api/initialize", status(500), PhaseInitialize, "status 500"},
		{"initialize says no JSON", "POST /api/initialize", reply("ok"), PhaseInitialize, "undecodable"},
		{"no owner", "POST /api/owner/owners", status(500), PhasePopulate, "500"},
		{"no chair", "POST /api/chair/chairs", reply("{}"), PhasePopulate, "200"},
		{"no user", "POST /api/app/users", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); io.WriteString(w, `{"id":"U"}`) }, PhasePopulate, "invitation_code"},
		{"other data", "GET /api/app/rides", reply(`{"rides":[{}]}`), PhaseData, "1 items, expected 0"},
		{"other page", "GET /owner", reply("<body>"), PhaseStatic, "GET /owner: MD5"},
		{"missing page", "GET /client", status(404), PhaseStatic, "GET /client: status 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := new(stub)
			for _, page := range []string{"/client", "/owner", "/index.html"} {
				s.breakWith("GET "+page, reply("<html>"))
			}
			s.breakWith(c.pattern, c.handler)
			config := s.start(t, 1)
			config.Checks = []Check{{Name: "rides", Method: "GET", Path: "/api/app/rides", Status: 200, Expect: json.RawMessage(`{"rides":[]}`)}}
			config.Static = listOf(t, "<html>")
			r, err := Run(context.Background(), config)
			if r.Passed || r.Ticks != 0 || len(r.Phases) == 0 || r.Phases[len(r.Phases)-1].Phase != c.phase || r.Reason != err.Error() {
				t.Errorf("result %+v", r)
			}
			var failed *PhaseError
			if !errors.As(err, &failed) || failed.Phase != c.phase || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q in phase %q", err, c.text, c.phase)
			}
		})
	}
}

// TestInterruptedPreparation ends a run whose server does not answer.
func TestInterruptedPreparation(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := new(stub)
	s.breakWith("POST /api/owner/owners", func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	if _, err := Run(ctx, s.start(t, 1)); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
}

func TestSetupErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		change func(*Config)
		text   string
	}{
		"nobody there":   {func(c *Config) { c.Dests = []netip.AddrPort{netip.MustParseAddrPort(freeport.Address(t))} }, "connection refused"},
		"port taken":     {func(c *Config) { c.PaymentBind = taken.Addr().String() }, "address already in use"},
		"foreign source": {func(c *Config) { c.Sources = []netip.Addr{netip.MustParseAddr("192.0.2.1")} }, "not an address of this machine"},
		"other family":   {func(c *Config) { c.Sources = []netip.Addr{netip.MustParseAddr("::1")} }, "same family"},
	} {
		t.Run(name, func(t *testing.T) {
			s := new(stub)
			s.breakWith("POST /api/initialize", func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") })
			config := s.start(t, 1)
			c.change(&config)
			_, err := Run(context.Background(), config)
			if setup := (SetupError{}); !errors.As(err, &setup) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
}

func TestCheckFiles(t *testing.T) {
	if err := checkFiles(10); err != nil {
		t.Error(err)
	}
	if err := checkFiles(1 << 40); err == nil || !strings.Contains(err.Error(), "ulimit") {
		t.Errorf("a trillion files: %v", err)
	}
}

func TestCheckPorts(t *testing.T) {
	if err := checkPorts(1, 1); err != nil {
		t.Error(err)
	}
	if err := checkPorts(1<<20, 1); err == nil {
		t.Error("a million connections over one route are fine")
	}
	if err := checkPorts(1<<20, 1<<10); err != nil {
		t.Error(err)
	}
}

func TestResolve(t *testing.T) {
	for _, c := range []struct{ scheme, host, want string }{
		{"http", "127.0.0.1:8080", "127.0.0.1:8080"},
		{"http", "127.0.0.1", "127.0.0.1:80"},
		{"https", "[::1]", "[::1]:443"},
	} {
		got, err := Resolve(c.scheme, c.host)
		if err != nil || len(got) != 1 || got[0].String() != c.want {
			t.Errorf("%s://%s: %v, %v", c.scheme, c.host, got, err)
		}
	}
	if _, err := Resolve("http", "127.0.0.1:nonsense"); err == nil {
		t.Error("a nonsensical port is accepted")
	}
}
