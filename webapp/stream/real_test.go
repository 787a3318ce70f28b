package stream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"isuride/tools/dev/freeport"
	"isuride/webapp/servertest"
	"isuride/webapp/stream/servers"
)

// real are a Kafka and a QuestDB, which the package's tests share: each test has a region of
// its own.
type real struct {
	turn    sync.RWMutex // held for writing by a test that needs them for itself
	mu      sync.Mutex
	started bool
	err     error // why there are none
	dir     string
	kafka   *program
	questdb *program
	broker  string // host:port
	url     string // of QuestDB
}

var shared real

// jars is where `make stream-up` and scripts/test.sh put them, too.
var jars = filepath.Join("..", "..", ".run", "tools", "stream")

// startLimit is generous: two Java machines start on a busy one.
const startLimit = 3 * time.Minute

// use starts both with the first call. The test is skipped where there is no Java.
func (r *real) use(t testing.TB) *real {
	t.Helper()
	r.turn.RLock()
	t.Cleanup(r.turn.RUnlock)
	return r.ready(t)
}

// alone is use for a test during which no other one may use them.
func (r *real) alone(t testing.TB) *real {
	t.Helper()
	r.turn.Lock()
	t.Cleanup(r.turn.Unlock)
	return r.ready(t)
}

func (r *real) ready(t testing.TB) *real {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		r.started = true
		var env []string
		if _, ok := t.(*testing.T); ok {
			env = quickJava
		}
		r.err = r.start(env)
	}
	needJava(t)
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { tell(t, r.kafka, r.questdb) })
	return r
}

func needJava(t testing.TB) {
	t.Helper()
	if _, err := servers.Java(); errors.Is(err, servers.ErrNoJava) {
		t.Skipf("Java is not installed: %v", err)
	}
}

// tell logs what programs have said last, if the test has failed.
func tell(t testing.TB, programs ...*program) {
	if t.Failed() {
		for _, p := range programs {
			t.Logf("%s said:\n%s", p.name, p.log.end())
		}
	}
}

// city starts a server.
func city(t *testing.T, env ...string) *servertest.Process {
	p := servertest.New(t, env...)
	t.Cleanup(func() {
		if t.Failed() && p.Output != nil {
			t.Logf("the server said:\n%s", p.Output)
		}
	})
	p.Bare()
	p.Start()
	return p
}

// quickJava is for tests, which start Java more than they use it.
var quickJava = []string{"JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1"}

func (r *real) start(env []string) (err error) {
	if _, err := servers.Java(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := servers.Fetch(ctx, jars); err != nil {
		return err
	}
	if r.dir, err = os.MkdirTemp("", "isuride-stream-"); err != nil {
		return err
	}
	port, err := freeport.Take(4)
	if err != nil {
		return err
	}
	k := servers.Kafka{Jars: jars, Dir: filepath.Join(r.dir, "kafka"), Port: port}
	r.broker = k.Address()
	r.kafka = &program{name: "kafka", make: k.Command, ready: r.kafkaReady, env: env}
	q := servers.QuestDB{Jars: jars, Dir: filepath.Join(r.dir, "questdb"), Port: port + 2}
	r.url = q.URL()
	r.questdb = &program{name: "questdb", make: q.Command, ready: func() error { _, err := r.ask("SELECT 1"); return err },
		env: append(env, "QDB_DEV_MODE_ENABLED=true")} // which lets a test suspend a table
	kafka := make(chan error, 1)
	go func() { kafka <- r.kafka.start() }()
	return errors.Join(r.questdb.start(), <-kafka)
}

func (r *real) kafkaReady() error {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // asked again, sooner than the client does
	defer cancel()
	return client.Ping(ctx)
}

func (r *real) end() {
	for _, p := range []*program{r.kafka, r.questdb} {
		if p != nil {
			p.kill()
		}
	}
	if r.dir != "" {
		os.RemoveAll(r.dir)
	}
}

// program is a server that can be killed and started again.
type program struct {
	name  string
	make  func() (*exec.Cmd, error)
	ready func() error
	env   []string // added to that of this process

	cmd    *exec.Cmd
	exited chan error
	log    *output
}

type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// end is what was written last.
func (o *output) end() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text.Bytes()[max(0, o.text.Len()-4000):])
}

func (o *output) has(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Contains(o.text.Bytes(), []byte(text))
}

func (p *program) start() error {
	cmd, err := p.make()
	if err != nil {
		return err
	}
	if p.env != nil {
		cmd.Env = append(os.Environ(), p.env...)
	}
	p.cmd, p.log = cmd, new(output)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.exited = make(chan error, 1)
	go func() { p.exited <- cmd.Wait() }()
	for end := time.Now().Add(startLimit); ; {
		err := p.ready()
		if err == nil {
			return nil
		}
		select {
		case err := <-p.exited:
			p.exited <- err
			return fmt.Errorf("%s ended (%v):\n%s", p.name, err, p.log.end())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is not ready after %v (%v):\n%s", p.name, startLimit, err, p.log.end())
		}
	}
}

func (p *program) kill() {
	if p.cmd != nil && p.cmd.Process != nil {
		p.cmd.Process.Kill()
		if _, ended := p.wait(); !ended {
			panic(p.name + " was killed, and does not end")
		}
		p.cmd = nil
	}
}

// wait waits until the program has ended, but not for ever.
func (p *program) wait() (err error, ended bool) {
	select {
	case err := <-p.exited:
		p.exited <- err
		return err, true
	case <-time.After(waitLimit):
		return nil, false
	}
}

// says waits until the program has logged a text.
func (p *program) says(t testing.TB, text string) {
	t.Helper()
	eventually(t, func() error {
		if !p.log.has(text) {
			return fmt.Errorf("%s does not say %q", p.name, text)
		}
		return nil
	})
}

// caller is an HTTP client of tests, which wait for nothing without a bound.
var caller = &http.Client{Timeout: waitLimit}

// ask runs a statement at QuestDB.
func (r *real) ask(statement string) ([][]any, error) {
	answer, err := caller.Get(r.url + "/exec?query=" + url.QueryEscape(statement))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", statement, text)
	}
	var got struct{ Dataset [][]any }
	return got.Dataset, json.Unmarshal(text, &got)
}

// table asks QuestDB for rows, each as a line with spaces between its columns.
func (r *real) table(statement string) (string, error) {
	rows, err := r.ask(statement)
	var lines []string
	for _, row := range rows {
		var columns []string
		for _, v := range row {
			if f, ok := v.(float64); ok {
				v = int64(f)
			}
			columns = append(columns, fmt.Sprint(v))
		}
		lines = append(lines, strings.Join(columns, " "))
	}
	return strings.Join(lines, "\n"), err
}

// expect waits until QuestDB shows rows: what it has accepted comes a little later.
func (r *real) expect(t *testing.T, statement, want string) {
	t.Helper()
	eventually(t, func() error {
		got, err := r.table(statement)
		if err == nil && got != want {
			err = fmt.Errorf("%s:\n%s\nwant\n%s", statement, got, want)
		}
		return err
	})
}

// expectMetric waits until a program's metrics have a line.
func expectMetric(t *testing.T, address, line string) {
	t.Helper()
	eventually(t, func() error {
		answer, err := caller.Get("http://" + address + "/metrics")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err == nil && !strings.Contains(string(text), "\n"+line+"\n") {
			err = fmt.Errorf("%s has no line %q:\n%s", address, line, text)
		}
		return err
	})
}

// waitLimit bounds what has to happen in the end, on a machine that does much else.
const waitLimit = 3 * time.Minute

func eventually(t testing.TB, f func() error) {
	t.Helper()
	for end := time.Now().Add(waitLimit); ; time.Sleep(50 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// command runs `isuride stream` or `isuride sink` as a process of its own.
func (r *real) command(t testing.TB, args ...string) *program {
	p := &program{name: args[0], ready: func() error { return nil }, make: func() (*exec.Cmd, error) {
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = []string{servertest.AsServer + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
		return cmd, nil
	}}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		tell(t, p)
	})
	return p
}

func (r *real) stream(t testing.TB, p *servertest.Process, region string) *program {
	return r.command(t, "stream", "-kafka", r.broker, "-server", p.URL, "-token", filepath.Join(p.Data, "operator-token"), "-region", region)
}

func (r *real) sink(t testing.TB) *program {
	return r.command(t, "sink", "-kafka", r.broker, "-questdb", r.url)
}
