package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"isuride/bench/calibration"
)

// scored is a run with a score.
func scored(score, cpu, call float64) run {
	return run{CPU: cpu, PerRequest: call, Figures: calibration.Values{calibration.FigureScore: score}}
}

func testPolicy() calibration.Policy {
	return calibration.Policy{
		Name: "p", Flags: []string{"-cap", "2"}, Instant: true, CPU: 20, CPUBar: 4, CallBar: 40,
		Figures: []calibration.Figure{{Name: calibration.FigureScore, Official: []float64{1000, 1100}, Bar: 0.03}},
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name   string
		real   []run
		score  float64 // in virtual time
		speed  float64
		load   time.Duration
		failed string // the rows that failed
	}{
		{"all right", []run{scored(1050, 3, 30)}, 1040, 21, time.Minute, ""},
		{"medians count", []run{scored(1, 3, 30), scored(1050, 99, 99), scored(1060, 3, 30)}, 1050, 21, time.Minute, ""},
		{"low score", []run{scored(960, 3, 30)}, 960, 21, time.Minute, "score"},
		{"much CPU", []run{scored(1050, 5, 41)}, 1050, 21, time.Minute, "bench CPU, s;CPU a request, us"},
		{"slow virtual time", []run{scored(1050, 3, 30)}, 1050, 19, time.Minute, "virtual seconds a second"},
		{"no agreement", []run{scored(1050, 3, 30)}, 1020, 21, time.Minute, "score, real to virtual"},
		{"only virtual", nil, 960, 21, time.Minute, "score"},
		{"another length", []run{scored(5, 9, 99)}, 9, 21, time.Second, ""},
	} {
		o := &outcome{Name: "p", Real: c.real, Virtual: []run{scored(c.score, 0, 0)}, Speed: c.speed, policy: testPolicy()}
		o.judge(c.load)
		var failed []string
		for _, r := range o.Rows {
			if r.Failed {
				failed = append(failed, r.Name)
			}
		}
		if got := strings.Join(failed, ";"); got != c.failed || o.failed() != (c.failed != "") {
			t.Errorf("%s: %q failed, want %q: %+v", c.name, got, c.failed, o.Rows)
		}
	}
}

func TestTables(t *testing.T) {
	o := &outcome{Name: "p", Real: []run{scored(960, 3.217, 30)}, policy: testPolicy()}
	o.judge(time.Minute)
	var b bytes.Buffer
	o.print(&b)
	summary(&b, []*outcome{o})
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"p: calibration-server -cap 2",
		"score 1,000 to 1,100 960 -4.0 % 3 % FAIL",
		"bench CPU, s 20 3.22 at most 4 pass",
		"p 1,000 to 1,100 960 -4.0 % 3 % 20 3.22 at most 4 30 2 of 3 pass",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, b.String())
		}
	}
}

// TestOnlyProblems checks that a policy without a good run fails.
func TestOnlyProblems(t *testing.T) {
	o := &outcome{Name: "p", Problems: []string{"run 1: FAIL: late, 3 errors"}, policy: testPolicy()}
	o.judge(time.Minute)
	var b bytes.Buffer
	o.print(&b)
	summary(&b, []*outcome{o})
	if !o.failed() || !strings.Contains(b.String(), "FAIL: run 1: FAIL: late") || !strings.Contains(b.String(), "0 of 1 pass") {
		t.Errorf("failed %v: %s", o.failed(), b.String())
	}
}

func TestBadSettings(t *testing.T) {
	for _, args := range []string{"-n 0", "-t 0.5", "-only nobody", "-real=false", "argument"} {
		if _, err := parse(strings.Fields(args)); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestWithoutServer(t *testing.T) {
	s, err := parse([]string{"-server", t.TempDir(), "-home", t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if passed, err := s.calibrate(t.Context()); passed || err == nil || !strings.Contains(err.Error(), "no part of this repository") {
		t.Errorf("%v, %v", passed, err)
	}
}
