package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"isuride/bench/live"
	"isuride/bench/report"
	"isuride/tools/dev/freeport"
)

func TestParseRun(t *testing.T) {
	s, err := parseRun([]string{"--target", "https://example.test", "-t", "5", "--source-ip", "127.0.0.1", "--source-ip", "127.0.0.2", "-s", "--seed=7"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if s.target != "https://example.test" || time.Duration(s.load) != 5*time.Second || len(s.sources) != 2 || !s.skipStatic || s.seed != 7 {
		t.Errorf("%+v", s)
	}
	if s, err := parseRun([]string{"--load-timeout", "2m"}, io.Discard); err != nil || time.Duration(s.load) != 2*time.Minute {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := parseRun([]string{"-client", "official", "-addr", "127.0.0.1:1", "--skip-data-check"}, io.Discard); err != nil {
		t.Error(err)
	} else if c, err := s.config(); err != nil || !c.Official {
		t.Errorf("%+v, %v", c, err)
	}
	if s, err := parseRun(nil, io.Discard); err != nil || s.load.String() != "60" || s.paymentPort != 12345 {
		t.Errorf("defaults %+v, %v", s, err)
	}
}

func TestSupervisorEnvironment(t *testing.T) {
	t.Setenv(envTarget, "192.0.2.7")
	s, err := parseRun([]string{"--target", "http://localhost:8080"}, io.Discard)
	if err != nil || s.target != "https://xiv.isucon.net" || s.addr != "192.0.2.7:443" {
		t.Errorf("%+v, %v", s, err)
	}
	t.Setenv(envTarget, "nonsense")
	if _, err := parseRun(nil, io.Discard); err == nil {
		t.Error("nonsense is accepted")
	}
}

func TestHelp(t *testing.T) {
	var help bytes.Buffer
	if _, err := parseRun([]string{"-h"}, &help); !errors.Is(err, errHelp) {
		t.Errorf("got %v", err)
	}
	for _, flag := range []string{"-target URL", "-payment-url URL", "-t seconds", "-skip-data-check", "-source-ip ip", "-dest ip:port"} {
		if !strings.Contains(help.String(), flag+"\n") {
			t.Errorf("no line for %s in\n%s", flag, help.String())
		}
	}
	for _, command := range commandNames[1:] {
		if !strings.Contains(help.String(), "bench "+command+" ") {
			t.Errorf("no line for the command %s in\n%s", command, help.String())
		}
	}
}

// TestBadSettings checks that wrong settings are explained in one sentence, with exit
// status 2.
func TestBadSettings(t *testing.T) {
	file := func(content string) string {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	skip := "--skip-data-check"
	for name, c := range map[string]struct {
		args []string
		text string
	}{
		"unknown flag":            {[]string{"--nonsense"}, "-nonsense"},
		"argument":                {[]string{"http://localhost"}, "unknown command"},
		"negative load":           {[]string{"-t", "-5"}, "number of seconds"},
		"no scheme":               {[]string{skip, "--target", "localhost:8080"}, "--target"},
		"target with path":        {[]string{skip, "--target", "http://localhost/x"}, "must not have a path"},
		"bad addr":                {[]string{skip, "--addr", "localhost"}, "ip:port"},
		"bad dest":                {[]string{skip, "--dest", "127.0.0.1"}, "ip:port"},
		"bad source":              {[]string{skip, "--source-ip", "localhost", "--addr", "127.0.0.1:1"}, "--source-ip"},
		"foreign source":          {[]string{skip, "--source-ip", "192.0.2.1", "--addr", "127.0.0.1:1"}, "not an address of this machine"},
		"nobody there":            {[]string{skip, "--target", "http://127.0.0.1:1"}, "nobody can be reached"},
		"nobody there, by addr":   {[]string{skip, "--addr", "127.0.0.1:1"}, "nobody can be reached"},
		"bad payment port":        {[]string{skip, "--payment-bind-port", "0"}, "--payment-bind-port"},
		"bad payment URL":         {[]string{skip, "--payment-url", "localhost"}, "--payment-url"},
		"no data":                 {nil, "--skip-data-check"},
		"missing data":            {[]string{"--data", "/nonexistent"}, "--data"},
		"bad data":                {[]string{"--data", file("{}")}, "--data"},
		"bad static list":         {[]string{skip, "--static-list", file("x")}, "--static-list"},
		"foreign client":          {[]string{skip, "-client", "rust"}, "want own or official"},
		"no run":                  {[]string{skip, "-n", "0"}, "at least one run"},
		"out in no folder":        {[]string{skip, "--out", "/nonexistent/x.json"}, "--out /nonexistent/x.json: no such file"},
		"out without ending":      {[]string{skip, "--out", "x.html"}, "text and page go beside it"},
		"html is a folder":        {[]string{skip, "--html", t.TempDir()}, "is a directory"},
		"two checks":              {[]string{"--data", file(`[{"name":"n","method":"GET","path":"/","status":200,"expect":{}}]`), "--only-post-validation", "--post-check", "x"}, "exclude each other"},
		"no ledger":               {[]string{"--addr", "127.0.0.1:1", "--post-check", "/nonexistent"}, "--post-check: open /nonexistent"},
		"bad ledger":              {[]string{"--addr", "127.0.0.1:1", "--post-check", file("{}")}, "--post-check"},
		"ledger in no folder":     {[]string{skip, "--ledger", "/nonexistent/x"}, "--ledger /nonexistent/x: no such file"},
		"negative rate":           {[]string{skip, "--open-loop", "-1"}, "--open-loop"},
		"rate that is none":       {[]string{skip, "--open-loop", "NaN"}, "--open-loop"},
		"few chairs":              {[]string{skip, "--open-loop", "1", "--open-loop-chairs", "19"}, "at least 20"},
		"refusals without a rate": {[]string{skip, "--refusals"}, "without --open-loop"},
		"chairs without a rate":   {[]string{skip, "--open-loop-chairs", "100"}, "without --open-loop"},
		"users without a rate":    {[]string{skip, "--open-loop-users", "100"}, "without --open-loop"},
		"negative users":          {[]string{skip, "--open-loop", "1", "--open-loop-users", "-1"}, "want 0 or more"},
		"nothing to do":           {[]string{skip, "--only-post-validation"}, "nothing to do"},
		"no accounts":             {[]string{"record-data"}, "--accounts"},
		"bad accounts":            {[]string{"record-data", "--accounts", file("x")}, "--accounts"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := capture(t, &os.Stderr, func() int { return dispatch(context.Background(), c.args) })
			if status != exitUsage || !strings.Contains(text, c.text) || strings.Count(text, "\n") != 1 {
				t.Errorf("status %d, says %q, want %q", status, text, c.text)
			}
		})
	}
}

// capture returns what f writes to one of the standard files.
func capture(t *testing.T, file **os.File, f func() int) (status int, text string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	saved := *file
	*file = w
	defer func() { *file = saved }()
	read := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		read <- string(b)
	}()
	status = f()
	w.Close()
	return status, <-read
}

// reluctant is a server that does everything except activate chairs.
func reluctant(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/initialize":
		io.WriteString(w, `{"language":"go"}`)
	case "/api/owner/owners", "/api/chair/chairs", "/api/app/users":
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id":"x","owner_id":"o","chair_register_token":"t","invitation_code":"i"}`)
	case "/api/chair/activity":
		w.WriteHeader(http.StatusInternalServerError)
	case "/api/chair/notification", "/api/app/notification":
		io.WriteString(w, `{"data":null,"retry_after_ms":1000}`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// TestFailingRun runs against a server that cannot pass and checks all outputs.
func TestFailingRun(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(reluctant))
	defer server.Close()
	dir := t.TempDir()
	messages, err := os.Create(filepath.Join(dir, "messages"))
	if err != nil {
		t.Fatal(err)
	}
	d := newDisplay(os.Stdout, &settings{}, &reporter{file: messages}, 3)
	var out bytes.Buffer
	d.out = &out
	config := live.Config{PaymentURL: "http://127.0.0.1:1", PaymentBind: "127.0.0.1:0", Load: time.Hour, Seed: 3, Observer: d}
	s := settingsFor(t, server.URL)
	if config.Target, config.Sources, config.Dests, err = s.resolve(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	config.Observer = cancelAfterLoad{d, cancel} // do not wait for payments
	result, err := live.Run(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	s.out, s.text = filepath.Join(dir, "out.json"), filepath.Join(dir, "out.txt")
	s.html, s.history = filepath.Join(dir, "page.html"), filepath.Join(dir, "history.jsonl")
	if err := s.conclude(d, d.reporter, []*report.Record{report.New(result, s.record)}); err != nil {
		t.Errorf("got %v", err)
	}
	if text := out.String(); !strings.Contains(text, "code 13, chair activation failed") || !strings.Contains(text, "seed ") {
		t.Errorf("the summary is\n%s", text)
	}
	for _, file := range []string{s.out, s.history} {
		stored := readRecords(t, file)
		if len(stored) != 1 || stored[0].Seed != 3 || stored[0].ErrorCount < 201 || stored[0].Settings["target"] != server.URL {
			t.Errorf("%s: %+v", file, stored)
		}
	}
	if b, _ := os.ReadFile(s.html); !bytes.Contains(b, []byte("code 13, chair activation failed")) {
		t.Error("the page does not show the errors")
	}
	lines, _ := os.ReadFile(messages.Name())
	var last message
	all := strings.Split(strings.TrimSpace(string(lines)), "\n")
	if err := json.Unmarshal([]byte(all[len(all)-1]), &last); err != nil || !last.Finished || last.Passed || last.Language != "go" {
		t.Errorf("the last message is %s, %v", all[len(all)-1], err)
	}
}

func settingsFor(t *testing.T, url string) *settings {
	t.Helper()
	s, err := parseRun([]string{"--target", url, "--skip-data-check", "--history", none}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readRecords(t *testing.T, file string) []*report.Record {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := report.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// cancelAfterLoad interrupts the wait after the load.
type cancelAfterLoad struct {
	live.Observer
	cancel func()
}

func (c cancelAfterLoad) Phase(p live.Phase) {
	c.Observer.Phase(p)
	if p == live.PhaseFinal {
		c.cancel()
	}
}

// TestServerFailsBeforeLoad checks the exit status of a server that cannot even be
// initialized.
func TestServerFailsBeforeLoad(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	port := strconv.Itoa(freeport.Ports(t, 1))
	var said string
	history := filepath.Join(t.TempDir(), "history.jsonl")
	status, text := capture(t, &os.Stderr, func() (status int) {
		status, said = capture(t, &os.Stdout, func() int {
			return dispatch(context.Background(), []string{"run", "--target", server.URL, "--skip-data-check", "--payment-bind-port", port, "--history", history, "-n", "3"})
		})
		return status
	})
	if status != exitFailed || !strings.Contains(text, "initializing: POST /api/initialize: status 404") || !strings.Contains(said, "initializing") {
		t.Errorf("status %d, says %q, %q", status, text, said)
	}
	if records := readRecords(t, history); len(records) != 1 || records[0].Passed || records[0].Loaded() {
		t.Errorf("recorded %+v", records)
	}
}
