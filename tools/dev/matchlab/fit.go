package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"text/tabwriter"
)

// A measurement is what the official tool, or our bench, made of a policy in reality, see
// issue 11 and docs/dispatch.md of the server.
type measurement struct {
	regime string
	policy string
	scores []float64
}

const (
	fixed    = "TripWeight=80,AgeWeight=100,MaxReserve=20,ReserveAge=0s,"
	landed   = "landed:" + fixed + "RidesPerReserve=100,CarryWeight=500"
	reserve5 = "reserve 5:" + fixed + "RidesPerReserve=5,CarryWeight=500"
	carry    = ":" + fixed + "RidesPerReserve=5,CarryWeight="
	tuned    = ":" + fixed + "RidesPerReserve=5,CarryWeight=500,"
)

// measured are the runs of issue 11. Single runs differ by 10 %.
var measured = []measurement{
	{"static", landed, []float64{207_985, 219_501, 248_941}},
	{"static", reserve5, []float64{422_957, 457_897, 459_305, 505_765}},
	{"static", "carry 1000" + carry + "1000", []float64{469_240, 524_909, 541_938}},
	{"static", "carry 2000" + carry + "2000", []float64{525_918}},
	{"static", "carry 4000" + carry + "4000", []float64{525_886}},
	{"static", "reserve 3" + tuned + "RidesPerReserve=3,MaxReserve=60", []float64{412_236}},
	{"static", "reserve 10" + tuned + "RidesPerReserve=10,MaxReserve=40", []float64{448_633}},
	{"static", "50 ms" + tuned + "Cadence=50ms", []float64{260_655, 332_807}},
	{"static", "200 ms" + tuned + "Cadence=200ms", []float64{402_976}},
	{"static", "300 ms" + tuned + "Cadence=300ms", []float64{453_829}},
	{"static", "trip 0" + tuned + "TripWeight=0", []float64{438_248}},
	{"static", "age 20, trip 100" + tuned + "AgeWeight=20,TripWeight=100", []float64{422_299}},
	{"static", "carry 0, trip 0" + carry + "0,TripWeight=0", []float64{397_660}},
	{"static", "carry 1000, trip 40" + carry + "1000,TripWeight=40", []float64{513_496}},
	{"static", "10 chairs" + carry + "1000,MaxChairs=10", []float64{539_817, 544_139}},
	{"static", "20 chairs" + carry + "1000,MaxChairs=20", []float64{408_706}},
	{"static", "4 chairs" + carry + "1000,MaxChairs=4", []float64{261_267}},
	{"nginx", landed, []float64{186_776, 213_571, 246_193}},
	{"nginx", reserve5, []float64{416_967, 444_287}},
	{"tls", landed, []float64{699_961}},
	{"tls", reserve5, []float64{776_271}},
	{"tls", "carry 1000" + carry + "1000", []float64{914_915}},
	{"plain", landed, []float64{900_460, 954_610}},
	{"plain", reserve5, []float64{850_945, 1_020_775}},
	{"plain", "carry 1000" + carry + "1000", []float64{1_108_125, 1_159_606}},
	{"plain", "carry 2000" + carry + "2000", []float64{1_010_240}},
	{"cheap", landed, []float64{2_161_946}},
	{"cheap", reserve5, []float64{2_645_463}},
	{"cheap", "carry 1000" + carry + "1000", []float64{2_982_171}},
	{"cheap", "carry 2000" + carry + "2000", []float64{3_240_063}},
}

// A check compares a column of appendix E with the lab.
type check struct {
	regime string
	policy string
	column *column
	used   string // for the fit
}

var checks = []check{
	{"plain", reserve5, &appendixE.plain, "CPU: a call of either party"},
	{"tls", reserve5, &appendixE.tls, "CPU: a connection"},
	{"static", reserve5, &appendixE.static, "CPU: a file, a visit"},
	{"nginx", landed, &appendixE.landed, "CPU of the tool: a visit, HTTP/2"},
}

// fit prints what the costs are, and how well the lab does with them: for each column of
// appendix E, and for each policy that was measured.
func (l *lab) fit(out io.Writer) error {
	printCosts(out)
	for _, c := range checks {
		if err := l.check(out, c); err != nil {
			return err
		}
	}
	return l.rank(out)
}

func printCosts(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "us of CPU\tour server\tour bench\tserver\tofficial tool\tserver and nginx\ttool with HTTP/2\t")
	for k, name := range kindNames {
		fmt.Fprintf(w, "%s\t", name)
		for _, c := range []*costs{&our, &official, &nginx} {
			fmt.Fprintf(w, "%.1f\t%.1f\t", c[atServer][k], c[atClient][k])
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

func (l *lab) check(out io.Writer, c check) error {
	runs, err := l.tryIn(c.regime, c.policy)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s (of it was used %s)\n", c.column.name, c.used)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\treal\tlab\toff by\t")
	for _, v := range []struct {
		name string
		real float64
		of   func(*figures) float64
	}{
		{"score", c.column.score, func(f *figures) float64 { return float64(f.Score) }},
		{"tool's CPU, s", c.column.client, func(f *figures) float64 { return f.CPU[atClient] }},
		{"position reports", c.column.position, func(f *figures) float64 { return float64(f.Reports) }},
		{"statuses", c.column.status, func(f *figures) float64 { return float64(f.Work[workStatus]) }},
		{"nearby, history", c.column.nearby, func(f *figures) float64 { return float64(f.Work[workNearby]) }},
		{"estimates", c.column.estimate, func(f *figures) float64 { return float64(f.Work[workEstimate]) }},
		{"rides", c.column.request, func(f *figures) float64 { return float64(f.Requested) }},
		{"user streams", c.column.userStreams, func(f *figures) float64 { return float64(f.Work[workStream] - f.Chairs) }},
		{"evaluations", c.column.rate, func(f *figures) float64 { return float64(f.Completed) }},
		{"users", c.column.users, func(f *figures) float64 { return float64(f.Users) }},
		{"chairs", c.column.chairs, func(f *figures) float64 { return float64(f.Chairs) }},
		{"files", c.column.files, func(f *figures) float64 { return float64(f.Work[workFile]) }},
		{"stream events", c.column.notices, func(f *figures) float64 { return float64(f.Notices) }},
	} {
		if lab := median(runs, v.of); v.real > 0 {
			fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%+.1f %%\t\n", v.name, v.real, lab, 100*(lab/v.real-1))
		}
	}
	return w.Flush()
}

// rank compares the order of the policies, regime by regime.
func (l *lab) rank(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nregime\truns\treal\tlab\toff by\t  policy")
	pairs := map[string][][2]float64{}
	var several [][2]float64 // of the static regime
	for _, m := range measured {
		runs, err := l.tryIn(m.regime, m.policy)
		if err != nil {
			return err
		}
		real, lab := middle(m.scores), median(runs, score.of)
		pairs[m.regime] = append(pairs[m.regime], [2]float64{real, lab})
		if m.regime == "static" && len(m.scores) > 1 {
			several = append(several, [2]float64{real, lab})
		}
		name, _, _ := cutName(m.policy)
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%+.0f %%\t  %s\n", m.regime, len(m.scores), real, lab, 100*(lab/real-1), name)
	}
	w.Flush()
	for _, r := range []string{"static", "cheap"} {
		fmt.Fprintf(out, "rank correlation, %s: %.2f\n", r, rankCorrelation(pairs[r]))
	}
	fmt.Fprintf(out, "rank correlation, static, policies with several runs: %.2f\n", rankCorrelation(several))
	spread, expected := attainable(pairs["static"], measured)
	fmt.Fprintf(out, "a run differs from its policy's mean by %.0f %% (standard deviation); if the lab were exactly right, such runs would show %.2f (95 %% within %.2f to %.2f)\n",
		100*spread, expected.mean, expected.low, expected.high)
	return nil
}

// attainable is the rank correlation that a lab which is exactly right would have with
// measurements as noisy as these: pairs are of the static regime, in its order. The spread
// is that of single runs, from those policies that were run more than once.
func attainable(pairs [][2]float64, all []measurement) (spread float64, expected interval) {
	var runs []float64 // how many each has
	squares, free := 0.0, 0
	for _, m := range all {
		if m.regime != "static" {
			continue
		}
		runs = append(runs, float64(len(m.scores)))
		mean := 0.0
		for _, v := range m.scores {
			mean += v / float64(len(m.scores))
		}
		for _, v := range m.scores {
			squares += (v/mean - 1) * (v/mean - 1)
		}
		free += len(m.scores) - 1
	}
	spread = math.Sqrt(squares / float64(free))
	const draws = 1000
	random := rand.New(rand.NewPCG(1, 2))
	var found []float64
	again := slices.Clone(pairs)
	for range draws {
		for i := range again {
			again[i][0] = pairs[i][1] * (1 + spread/math.Sqrt(runs[i])*random.NormFloat64())
		}
		r := rankCorrelation(again)
		found = append(found, r)
		expected.mean += r / draws
	}
	slices.Sort(found)
	expected.low, expected.high = found[draws/40], found[draws-draws/40]
	return spread, expected
}

// tryIn runs one policy in a regime.
func (l *lab) tryIn(name, text string) ([]figures, error) {
	r, err := regimeOf(name)
	if err != nil {
		return nil, err
	}
	p, err := parsePolicy(text)
	if err != nil {
		return nil, err
	}
	in := *l
	in.regime = r
	return in.try([]policy{p})[0].Runs, nil
}

func middle(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// rankCorrelation is Spearman's.
func rankCorrelation(pairs [][2]float64) float64 {
	n := float64(len(pairs))
	ranks := make([][2]float64, len(pairs))
	for side := range 2 {
		order := make([]int, len(pairs))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(pairs[a][side], pairs[b][side]) })
		for rank, i := range order {
			ranks[i][side] = float64(rank)
		}
	}
	sum := 0.0
	for _, r := range ranks {
		sum += (r[0] - r[1]) * (r[0] - r[1])
	}
	return 1 - 6*sum/(n*(n*n-1))
}
