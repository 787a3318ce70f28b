package main

import "time"

// fullLoad is the length of a run that the bars are for.
const fullLoad = 60 * time.Second

// A duel is two contestants and what the second has to reach.
type duel struct {
	name  string
	about string
	sides [2]contestant
	bars  []bar
}

// A contestant is a server with what stands before it.
type contestant struct {
	name       string
	naive      bool
	nginx      bool // in front, with TLS
	tls        bool // ended by the server itself
	static     bool // pages are asked for, too
	durability string
}

// A bar is what the medians of the second side have to reach.
type bar struct {
	figure string
	limit  float64
	most   bool // the figure may be at most the limit, instead of at least
}

// Figures of the second side beside its own.
const (
	figureRatio    = "score, ratio"
	figureCPURatio = "CPU per 1,000 points, ratio"
	figureErrors   = "errors"
)

func duels() []duel {
	naive := contestant{name: "naive", naive: true}
	naiveTLS := contestant{name: "naive, nginx", naive: true, nginx: true}
	naiveStatic := contestant{name: "naive, nginx", naive: true, nginx: true, static: true}
	bars := func(ratio float64) []bar {
		return []bar{{figureRatio, ratio, false}, {figureCPURatio, 0.5, true}, {figureErrors, 0, true}}
	}
	return []duel{
		{"plain", "HTTP, no static files", [2]contestant{naive, {name: "isuride"}}, bars(1.7)},
		{"tls", "HTTPS, no static files; ours ends TLS itself", [2]contestant{naiveTLS, {name: "isuride, own TLS", tls: true}}, bars(2)},
		{"nginx", "HTTPS by nginx, no static files", [2]contestant{naiveTLS, {name: "isuride, nginx", nginx: true}}, bars(2)},
		{"static", "HTTPS with static files; ours ends TLS itself", [2]contestant{naiveStatic, {name: "isuride, own TLS", tls: true, static: true}}, bars(1.8)},
		{"durability", "HTTP, no static files", [2]contestant{
			{name: "isuride, none", durability: "none"}, {name: "isuride, crash", durability: "crash"},
		}, []bar{{figureRatio, 0.97, false}, {figureErrors, 0, true}}},
	}
}
