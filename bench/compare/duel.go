package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"isuride/bench/live"
	"isuride/bench/report"
)

// A duel is two contestants and what the second has to reach.
type duel struct {
	name  string
	about string
	sides [2]contestant
	bars  []bar
}

func duels() []duel {
	naive := contestant{name: "naive", naive: true}
	naiveTLS := contestant{name: "naive, nginx", naive: true, nginx: true}
	naiveStatic := contestant{name: "naive, nginx", naive: true, nginx: true, static: true}
	bars := func(ratio float64) []bar {
		return []bar{{figureRatio, ratio, false}, {figureCPURatio, 0.5, true}, {figureErrors, 0, true}}
	}
	return []duel{
		{"plain", "HTTP, no static files", [2]contestant{naive, {name: "isuride"}}, append(bars(1.7), bar{figureCPUPoint, 14, true})},
		{"mariadb", "HTTP, no static files, MariaDB", [2]contestant{naive, {name: "isuride, MariaDB", mariadb: true}}, bars(1.5)},
		{"tls", "HTTPS, no static files; ours ends TLS itself", [2]contestant{naiveTLS, {name: "isuride, own TLS", tls: true}}, bars(2)},
		{"nginx", "HTTPS by nginx, no static files", [2]contestant{naiveTLS, {name: "isuride, nginx", nginx: true}}, bars(2)},
		{"static", "HTTPS with static files; ours ends TLS itself", [2]contestant{naiveStatic, {name: "isuride, own TLS", tls: true, static: true}}, bars(1.8)},
		{"durability", "HTTP, no static files", [2]contestant{
			{name: "isuride, none", durability: "none"}, {name: "isuride, crash", durability: "crash"},
		}, []bar{{figureRatio, 0.97, false}, {figureErrors, 0, true}}},
		{"stream", "HTTP, no static files; server and bench on one processor, the stream to Kafka and QuestDB on another", [2]contestant{
			{name: "isuride", pinned: true}, {name: "isuride, stream", pinned: true, stream: true},
		}, []bar{{figureRatio, 0.95, false}, {figureErrors, 0, true}}},
	}
}

type duelSettings struct {
	trial
	records string // file that the records are appended to
	table   string // file with records to make a table of, instead of running anything
	duels   []duel
	variant
}

// A variant has this repository's server, as a duel sets it up, face another build of it or
// itself with other settings, in place of the naive server.
type variant struct {
	before   string   // program of the first side
	settings []string // of the second side
	dear     bool     // the client costs what the official tool does
	least    float64  // ratio of the scores, if above 0
}

// of makes a variant of a duel. Its name and those of its sides say how it differs.
func (v *variant) of(d duel) duel {
	if v.dear {
		d.name += ", official"
		d.about += ", a client as dear as the official tool"
		for i := range d.sides {
			d.sides[i].dear = true
		}
	}
	if v.before == "" && v.settings == nil {
		return d
	}
	first := d.sides[1]
	d.bars, d.sides[1].settings = nil, v.settings
	if v.before != "" {
		first.program, first.name = v.before, first.name+" "+revision(v.before)
	}
	if v.settings != nil {
		d.sides[1].name += ", " + strings.Join(v.settings, ", ")
	}
	d.sides[0] = first
	d.name += ": " + d.sides[1].name + " against " + first.name
	if v.least > 0 {
		d.bars = append(d.bars, bar{figureRatio, v.least, false})
	}
	return d
}

// revision is the commit that a program was built from, as far as it is known.
func revision(program string) string {
	if info, err := buildinfo.ReadFile(program); err == nil {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value[:min(len(s.Value), 7)]
			}
		}
	}
	return "before"
}

func duelName(d duel) string { return d.name }

func parseDuels(args []string, out io.Writer) (_ *duelSettings, err error) {
	s := &duelSettings{trial: trial{runs: 3}}
	f := flags("duel", out)
	only := f.String("only", "", "comma-separated `duels` instead of all but stream, which needs Java and two processors: "+strings.Join(names(duels(), duelName), ","))
	f.StringVar(&s.records, "records", "", "`file` that the records are appended to; by default duel.jsonl in -home")
	f.StringVar(&s.before, "before", "", "`program`, isuride of another commit, that is the first side in place of the naive server")
	settingFlag(f, &s.settings, "a variable that only the second side has; the first is the same server without it")
	f.BoolVar(&s.dear, "official", false, "have the bench's client cost as much as the official tool (its -client official)")
	f.Float64Var(&s.least, "least", 0, "with -before or -set, the `ratio` of the scores that the second side has to reach")
	f.StringVar(&s.table, "table", "", "make no run, but a table for a document from this `file` of records")
	if err := s.parse(f, args, "pairs of each duel", ".run/duel"); err != nil {
		return nil, err
	}
	if s.records == "" {
		s.records = s.path("duel.jsonl")
	}
	if s.before != "" {
		if s.before, err = filepath.Abs(s.before); err == nil {
			_, err = os.Stat(s.before)
		}
		if err != nil {
			return nil, fmt.Errorf("-before: %w", err)
		}
	}
	chosen, err := choose(duels(), duelName, *only)
	for _, d := range chosen {
		if *only != "" || !d.sides[1].stream {
			s.duels = append(s.duels, s.of(d))
		}
	}
	return s, err
}

// runDuels runs the bench against two servers in turn, with the same settings: the server of
// this repository and the naive one, or two settings of ours. Each run is appended to a file.
func runDuels(ctx context.Context, args []string, out io.Writer) (passed bool, err error) {
	s, err := parseDuels(args, out)
	if err != nil {
		return false, err
	}
	if s.table != "" {
		runs, err := readDuels(s.table)
		if err == nil {
			markdown(out, outcomesOf(runs))
		}
		return true, err
	}
	if err := s.prepare(ctx); err != nil {
		return false, err
	}
	passed = true
	for _, d := range s.duels {
		o, err := s.fight(ctx, d)
		if err != nil {
			return false, err
		}
		o.print(out)
		passed = passed && !o.failed()
	}
	fmt.Fprintf(out, "\nrecords: %s\n", s.records)
	return passed, nil
}

// fight makes all pairs of runs of a duel.
func (s *duelSettings) fight(ctx context.Context, d duel) (*outcome, error) {
	o := &outcome{duel: d}
	for pair := 1; pair <= s.runs; pair++ {
		for side, c := range d.sides {
			r, err := s.play(ctx, d, c, pair)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", d.name, c.name, err)
			}
			o.runs[side] = append(o.runs[side], r)
			if err := r.appendTo(s.records); err != nil {
				return nil, err
			}
		}
	}
	o.judge(s.seconds)
	return o, nil
}

// A duelRun is a record of the bench with what the servers have used.
type duelRun struct {
	Duel       string         `json:"duel"`
	Contestant string         `json:"contestant"`
	Pair       int            `json:"pair"`
	ServerCPU  float64        `json:"server_cpu_seconds"` // of the server, what is in front of it, and its database
	PeakMemory int64          `json:"server_peak_bytes"`
	Stop       float64        `json:"stop_seconds,omitempty"`    // in good order, after the run
	Restart    float64        `json:"restart_seconds,omitempty"` // until it answers again, with what the run has left
	Record     *report.Record `json:"record"`
}

// appendTo adds the run to a file, as one line and without what takes most room.
func (r *duelRun) appendTo(file string) error {
	brief := *r
	brief.Record = r.Record.Brief()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(brief), f.Close())
}

// readDuels reads what appendTo has written.
func readDuels(file string) ([]*duelRun, error) {
	runs, err := readJSON[duelRun](file)
	for i, r := range runs {
		if r.Record == nil {
			return nil, fmt.Errorf("%s, record %d is none of a duel", file, i+1)
		}
	}
	return runs, err
}

func (r *duelRun) score() float64 { return float64(r.Record.Score) }

// cpuPerPoint is the servers' CPU in milliseconds per 1,000 points.
func (r *duelRun) cpuPerPoint() float64 {
	if r.Record.Score == 0 {
		return 0
	}
	return 1e6 * r.ServerCPU / r.score()
}

// reportLatency is the p99 of position reports in milliseconds.
func (r *duelRun) reportLatency() float64 {
	return slowest(r.Record.Endpoints, func(name string) bool { return name == "POST /api/chair/coordinate" })
}

// noticeLatency is the p99 in milliseconds of the kind of notification that has the highest.
// Those that riders or chairs cause by their own call do not count: they are received after
// that call's answer, so they would show the position report's latency once more.
func (r *duelRun) noticeLatency() float64 {
	return slowest(r.Record.Notices, func(name string) bool {
		return !strings.HasSuffix(name, "PICKUP") && !strings.HasSuffix(name, "ARRIVED")
	})
}

func slowest(list []live.Latency, counts func(name string) bool) (p99 float64) {
	for _, l := range list {
		if counts(l.Name) {
			p99 = max(p99, float64(l.P99)/1e3)
		}
	}
	return p99
}
