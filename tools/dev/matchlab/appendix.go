package main

// A column is one of appendix E of bench/docs/rules.md: a run of 60 s of the official tool on
// one machine of two cores. Times are in seconds of CPU.
type column struct {
	name               string
	score              float64
	client, server     float64
	idle               float64
	position, status   float64 // activities are among the statuses
	nearby, estimate   float64 // as many histories as nearby calls
	request, rate      float64
	userStreams        float64 // opened
	users, chairs      float64 // registered
	chairStreams       float64
	files, visits      float64 // visits are those from the cache
	notices            float64
	tls, static, proxy bool
}

// appendixE are its columns that ran this repository's server, and the one that did not.
var appendixE = struct{ plain, tls, static, landed, rust column }{
	plain: column{
		name: "reserve 5, plain", score: 850_945, client: 51.5 + 13.3, server: 28.9, idle: 36,
		position: 234_636, status: 29_270 + 1_255, nearby: 18_362, estimate: 16_249, request: 16_245, rate: 13_745,
		userStreams: 16_073, users: 2_901, chairs: 1_664, chairStreams: 1_281, notices: 187_145,
	},
	tls: column{
		name: "reserve 5, TLS", score: 776_271, client: 54.2 + 12.2, server: 33.2, idle: 30, tls: true,
		position: 212_999, status: 26_474 + 1_063, nearby: 16_518, estimate: 14_765, request: 14_761, rate: 12_546,
		userStreams: 14_666, users: 2_591, chairs: 1_510, chairStreams: 1_089, notices: 169_958,
	},
	static: column{
		name: "reserve 5, TLS, static", score: 505_765, client: 70.7 + 12.4, server: 26.2, idle: 21, tls: true, static: true,
		position: 144_743, status: 17_397 + 825, nearby: 11_863, estimate: 9_486, request: 9_482, rate: 8_141,
		userStreams: 9_285, users: 1_866, chairs: 942, chairStreams: 852, files: 58_000, visits: 11_863 + 8_141, notices: 110_531,
	},
	landed: column{
		name: "landed, nginx h2, static", score: 213_571, client: 69.4 + 8.0, server: 11.5, idle: 30, tls: true, static: true, proxy: true,
		position: 73_591, status: 7_454 + 514, nearby: 23_578, estimate: 3_857, request: 3_853, rate: 3_365,
		userStreams: 3_838, users: 1_152, chairs: 533, chairStreams: 540, files: 34_705 + 1_160, visits: 23_578 + 3_365,
	},
	rust: column{
		name: "Rust, nginx h2, static", score: 251_852, client: 59.0 + 9.3, server: 8.7, idle: 35, tls: true, static: true, proxy: true,
		position: 80_315, status: 8_898 + 684, nearby: 6_764, estimate: 5_849, request: 5_845, rate: 4_273,
		userStreams: 5_784, users: 1_914, chairs: 694, chairStreams: 710, files: 57_565 + 13_077, visits: 6_764 + 4_273,
	},
}

// The parts of a tool's CPU that appendix E does not tell apart. They are in microseconds.
const (
	// tickCost is what the tool spends in each tick on each user and chair there is: 10 % of its
	// CPU in a run of 600,000 points with 3,700 of them at the end (B15.2).
	tickCost = 1.9
	// paidCost is what an attempt to pay adds for a thousand rides paid before, since the tool
	// scans them: 9 % of its CPU in the same run.
	paidCost = 40
	// listedCost is for a chair in an answer, 130 bytes of JSON, decoded by reflection and
	// looked up.
	listedCost = 6

	// proxyCost is what nginx takes for a call: what is left of 131 s in the two columns with it,
	// 12 and 19 s, is 58 and 82 for each.
	proxyCost = 70

	attemptsPerRide = 3.11 // at a busy payment service (B11.3)
	presence        = 0.5  // the share of the run for which the mean user or chair has been there
	ticks           = 1950
)

// unitsOf is how many times the work of an ordinary call a kind takes the tool. Only their
// sum can be seen in appendix E.
var unitsOf = map[kind]float64{
	workPosition: 1, workStatus: 1, workHistory: 1, workNearby: 1, workEstimate: 1, workRequest: 1, workRate: 1, workRegister: 1, workOwner: 1,
	workNotice: 1. / 3, workLeave: 1. / 3,
	workStream:  1.5, // a new connection with its goroutines
	workPayment: 0.5, // it only answers
}

// counts are how often the kinds of work occurred.
func (c *column) counts() [kinds]float64 {
	n := [kinds]float64{
		workPosition: c.position, workStatus: c.status, workNotice: c.notices,
		workStream: c.userStreams + c.chairStreams, workLeave: c.rate,
		workHistory: c.nearby, workNearby: c.nearby, workEstimate: c.estimate, workRequest: c.request, workRate: c.rate,
		workPayment: attemptsPerRide * c.rate, workPaid: attemptsPerRide * c.rate * c.rate / 2 / 1000,
		workRegister: 2*c.users + c.chairs, workOwner: 150,
		workFile: c.files, workVisit: c.visits, workTick: (c.users + c.chairs) * presence * ticks,
	}
	if n[workNotice] == 0 { // not counted: as many for a ride as in the others
		n[workNotice] = 13.6 * c.rate
	}
	if c.tls {
		n[workHandshake] = c.users + c.chairs
		if !c.proxy { // with HTTP/1.1 each stream has a connection of its own
			n[workHandshake] += n[workStream]
		}
	}
	return n
}

// cpu is what a party spends on them, in seconds.
func cpu(n, cost [kinds]float64) (sum float64) {
	for k := range n {
		sum += n[k] * cost[k] / 1e6
	}
	return sum
}

// official are the costs of the official tool and of the server under it, and what HTTP/2 through
// nginx adds. Each unknown follows from one CPU time of appendix E, and no score takes part: a call of
// either party from the column without TLS, a connection from the one with TLS, the server's part
// of a file from the one with static files, and a file, a visit and what HTTP/2 adds to a call of the
// client from the three columns with static files.
var official, nginx = func() (direct, proxied costs) {
	e := &appendixE
	s := &direct[atServer]
	*s = scaled(our[atServer], e.plain.server/cpu(e.plain.counts(), our[atServer]))
	s[workMatching], s[workListed] = our[atServer][workMatching], our[atServer][workListed]
	s[workHandshake] = e.tls.rest(e.tls.server, s) / e.tls.counts()[workHandshake]
	s[workFile] = e.static.rest(e.static.server, s) / e.static.files

	c := &direct[atClient]
	c[workTick], c[workPaid], c[workListed] = tickCost, paidCost, listedCost
	call := e.plain.rest(e.plain.client, c) / e.plain.units()
	for k, u := range unitsOf {
		c[k] = u * call
	}
	c[workHandshake] = e.tls.rest(e.tls.client, c) / e.tls.counts()[workHandshake]
	var rows [][]float64
	for _, o := range []*column{&e.static, &e.landed, &e.rust} {
		http2 := o.units()
		if !o.proxy {
			http2 = 0
		}
		rows = append(rows, []float64{o.files, o.visits, http2, o.rest(o.client, c)})
	}
	x := solve(rows)
	c[workFile], c[workVisit] = x[0], x[1]

	proxied = direct
	for k, u := range unitsOf {
		proxied[atClient][k] += u * x[2]
		proxied[atServer][k] += u * proxyCost
	}
	proxied[atServer][workFile] += proxyCost
	return direct, proxied
}()

// units is how many ordinary calls the column's calls and messages come to.
func (c *column) units() (sum float64) {
	for k, n := range c.counts() {
		sum += unitsOf[kind(k)] * n
	}
	return sum
}

// rest is what is left of a CPU time, in microseconds, without what is known already.
func (c *column) rest(seconds float64, known *[kinds]float64) float64 {
	return (seconds - cpu(c.counts(), *known)) * 1e6
}

// solve solves linear equations. Each row ends with its right side, and no pivot is 0.
func solve(rows [][]float64) []float64 {
	n := len(rows)
	for i := range rows {
		for k := range rows {
			if k == i {
				continue
			}
			f := rows[k][i] / rows[i][i]
			for j := i; j <= n; j++ {
				rows[k][j] -= f * rows[i][j]
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = rows[i][n] / rows[i][i]
	}
	return x
}
