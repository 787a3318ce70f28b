package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/bench/live"
	"isuride/bench/report"
)

func duelRunOf(score, errors int, cpu float64) *duelRun {
	return &duelRun{ServerCPU: cpu, Record: &report.Record{Result: live.Result{Score: score, ErrorCount: errors}}}
}

// outcomeOf has a pair whose ratio is far off, as on a machine that others use.
func outcomeOf(second int, errors int) *outcome {
	return &outcome{duel: duels()[0], runs: [2][]*duelRun{
		{duelRunOf(100_000, 50, 10), duelRunOf(50_000, 60, 9), duelRunOf(100_000, 55, 10)},
		{duelRunOf(second, errors, 2), duelRunOf(second, 0, 2), duelRunOf(second, 0, 2)},
	}}
}

func TestDuelJudges(t *testing.T) {
	for _, c := range []struct {
		name   string
		o      *outcome
		load   float64
		failed bool
	}{
		{"reached", outcomeOf(180_000, 0), fullLoad, false},
		{"slow", outcomeOf(160_000, 0), fullLoad, true},
		{"too short to judge", outcomeOf(160_000, 0), fullLoad / 2, false},
		{"nothing", outcomeOf(0, 0), fullLoad, true},
	} {
		c.o.judge(c.load)
		if c.o.failed() != c.failed {
			t.Errorf("%s: failed is %v: %+v", c.name, c.o.failed(), c.o.rows)
		}
	}
	o := outcomeOf(180_000, 0)
	o.judge(fullLoad)
	var out bytes.Buffer
	o.print(&out)
	for _, want := range []string{"score, ratio", "1.8 (1.8 to 3.6)", "at least 1.7: pass", "at most 0.5: pass"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestDuelBars(t *testing.T) {
	for _, d := range duels() {
		o := &outcome{duel: d, runs: [2][]*duelRun{{duelRunOf(1, 0, 1)}, {duelRunOf(1, 0, 1)}}}
		o.judge(fullLoad) // panics if a bar is for no figure
	}
}

func TestDuelFlags(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"-n", "0"}, {"-t", "0"}, {"-only", "plain,unknown"}, {"-unknown"}, {"-before", "no/such/program"}, {"-set", "HOME=x"}} {
		if _, err := parseDuels(args, io.Discard); err == nil {
			t.Errorf("%q is no error", args)
		}
	}
	s, err := parseDuels([]string{"-only", "tls,plain", "-n", "1"}, io.Discard)
	if err != nil || !slices.Equal(names(s.duels, duelName), []string{"tls", "plain"}) {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = parseDuels(nil, io.Discard); err != nil || slices.Contains(names(s.duels, duelName), "stream") || len(s.duels) != len(duels())-1 {
		t.Errorf("unless it is asked for, there is no duel with the stream: %v, %v", names(s.duels, duelName), err)
	}
	if s, err = parseDuels([]string{"-only", "stream"}, io.Discard); err != nil || len(s.duels) != 1 || !s.duels[0].sides[0].pinned || s.duels[0].sides[0].stream {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestTable makes a table of stored records, of which the last has no counterpart.
func TestDuelTable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "records")
	d := duels()[0]
	for i, score := range []int{1000, 1700, 1000} {
		r := duelRunOf(score, 0, 10)
		r.Duel, r.Contestant, r.Record.LoadSeconds = d.name, d.sides[i%2].name, 60.01
		if err := r.appendTo(file); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := readDuels(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	markdown(&out, outcomesOf(runs))
	if !strings.Contains(out.String(), "| 1 | 1,700 (1,000) | **1.7** | 1.7 | 0 (0) |") || strings.Count(out.String(), "\n") != 3 {
		t.Error(out.String())
	}
}

// A variant's sides are this server and another build of it, or itself with other settings,
// laid out alike; its records make a table of their own.
func TestDuelVariants(t *testing.T) {
	program := filepath.Join(t.TempDir(), "isuride")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := parseDuels([]string{"-only", "static", "-before", program, "-least", "1.6", "-official"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	d := s.duels[0]
	if first := d.sides[0]; first.program != program || first.naive || !first.tls || !first.static || first.nginx || !first.dear {
		t.Errorf("another build fights as %+v", first)
	}
	if !slices.Equal(d.bars, []bar{{figureRatio, 1.6, false}}) || d.sides[1].program != "" || d.name != "static, official: isuride, own TLS against isuride, own TLS before" {
		t.Errorf("%+v", d)
	}
	s, err = parseDuels([]string{"-only", "tls", "-set", "ISURIDE_HTTP2=on"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	with, without := s.duels[0].sides[1], s.duels[0].sides[0]
	if !slices.Equal(with.settings, []string{"ISURIDE_HTTP2=on"}) || without.settings != nil || with.name == without.name || without.naive {
		t.Errorf("%+v", s.duels[0])
	}
	var runs []*duelRun
	for i, score := range []int{1000, 1700} {
		r := duelRunOf(score, 0, 10)
		r.Duel, r.Contestant, r.Record.LoadSeconds = s.duels[0].name, s.duels[0].sides[i].name, 60.01
		runs = append(runs, r)
	}
	var out bytes.Buffer
	markdown(&out, outcomesOf(runs))
	if !strings.Contains(out.String(), "ISURIDE_HTTP2=on (against isuride, own TLS) | 1 | 1,700 (1,000) | **1.7** |  |") {
		t.Error(out.String())
	}
}

// TestReadme holds the README's table to the records.
func TestReadme(t *testing.T) {
	runs, err := readDuels(filepath.Join("..", "results", "2026-11-21-duel.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if markdown(&table, outcomesOf(runs)); !strings.Contains(string(readme), table.String()) {
		t.Errorf("the README has another table than the one of the records:\n%s", table.String())
	}
}

// TestDatabase: what the duel starts is empty, reachable by its settings, counted, and
// gone afterwards.
func TestDatabase(t *testing.T) {
	if _, err := exec.LookPath("mariadbd"); err != nil && !exists("/usr/sbin/mariadbd") {
		t.Skip("MariaDB is not installed (Debian package mariadb-server)")
	}
	t.Chdir("../..")                            // where duels run
	folder, err := os.MkdirTemp("", "database") // t.TempDir is too long a path for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	folder = filepath.Join(folder, "m")
	d, err := startDatabase(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", "127.0.0.1:"+databasePort)
	if err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	l := lineup{database: d}
	if used, err := treeCPU(d.pid); err != nil || used == 0 {
		t.Errorf("%v of CPU used, %v", used, err)
	}
	if err := l.end(); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", "127.0.0.1:"+databasePort); err == nil {
		c.Close()
		t.Error("it still runs")
	}
	if exists(folder) {
		t.Error("its data is still there")
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
