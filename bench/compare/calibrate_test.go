package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"isuride/bench/compare/official"
)

// scored is a run with a score.
func scored(score, cpu, call float64) calibrateRun {
	return calibrateRun{CPU: cpu, PerRequest: call, Figures: official.Values{official.FigureScore: score}}
}

func testPolicy() official.Policy {
	return official.Policy{
		Name: "p", Flags: []string{"-cap", "2"}, Instant: true, CPU: 20, CPUBar: 4, CallBar: 40,
		Figures: []official.Figure{{Name: official.FigureScore, Official: []float64{1000, 1100}, Bar: 0.03}},
	}
}

func TestCalibrationJudges(t *testing.T) {
	for _, c := range []struct {
		name   string
		real   []calibrateRun
		score  float64 // in virtual time
		speed  float64
		load   float64
		failed string // the rows that failed
	}{
		{"all right", []calibrateRun{scored(1050, 3, 30)}, 1040, 21, 60, ""},
		{"medians count", []calibrateRun{scored(1, 3, 30), scored(1050, 99, 99), scored(1060, 3, 30)}, 1050, 21, 60, ""},
		{"low score", []calibrateRun{scored(960, 3, 30)}, 960, 21, 60, "score"},
		{"much CPU", []calibrateRun{scored(1050, 5, 41)}, 1050, 21, 60, "bench CPU, s;CPU a request, us"},
		{"slow virtual time", []calibrateRun{scored(1050, 3, 30)}, 1050, 19, 60, "virtual seconds a second"},
		{"no agreement", []calibrateRun{scored(1050, 3, 30)}, 1020, 21, 60, "score, real to virtual"},
		{"only virtual", nil, 960, 21, 60, "score"},
		{"another length", []calibrateRun{scored(5, 9, 99)}, 9, 21, 1, ""},
	} {
		o := &calibration{Name: "p", Real: c.real, Virtual: []calibrateRun{scored(c.score, 0, 0)}, Speed: c.speed, policy: testPolicy()}
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

func TestCalibrationTables(t *testing.T) {
	o := &calibration{Name: "p", Real: []calibrateRun{scored(960, 3.217, 30)}, policy: testPolicy()}
	o.judge(60)
	var b bytes.Buffer
	o.print(&b)
	summary(&b, []*calibration{o})
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"p: naive -cap 2",
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
	o := &calibration{Name: "p", Problems: []string{"run 1: FAIL: late, 3 errors"}, policy: testPolicy()}
	o.judge(60)
	var b bytes.Buffer
	o.print(&b)
	summary(&b, []*calibration{o})
	if !o.failed() || !strings.Contains(b.String(), "FAIL: run 1: FAIL: late") || !strings.Contains(b.String(), "0 of 1 pass") {
		t.Errorf("failed %v: %s", o.failed(), b.String())
	}
}

func TestBadCalibrateFlags(t *testing.T) {
	for _, args := range []string{"-n 0", "-t 0.5", "-only nobody", "-real=false", "argument"} {
		if _, err := parseCalibrate(strings.Fields(args), io.Discard); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", args, err)
		}
	}
}
