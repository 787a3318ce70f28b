package main

import (
	"fmt"

	"isuride/bench/world"
)

// A regime is a setting in which policies are compared: who pays how much for what, on
// which cores, in which city, and what counts there.
type regime struct {
	name      string
	about     string
	costs     costs
	cores     [parties]int  // 0 for the client: it shares the server's
	tool      bool          // the client is the official tool, whose owners miss their hours
	reused    bool          // streams need no connection of their own
	world     world.Config  // the seed is the run's
	load      world.Instant // of the table's runs; 0: not in it
	objective objective
}

// An objective says what counts, and whether more of it is better.
type objective struct {
	name string
	of   func(*figures) float64
	less bool // is better
}

var score = objective{name: "score", of: func(f *figures) float64 { return float64(f.Score) }}

// without are costs of which some kinds cost nothing.
func (c costs) without(kinds ...kind) costs {
	for p := range c {
		for _, k := range kinds {
			c[p][k] = 0
		}
	}
	return c
}

func regimeOf(name string) (regime, error) {
	for _, r := range regimes {
		if r.name == name {
			return r, nil
		}
	}
	return regime{}, fmt.Errorf("there is no regime %q", name)
}

var shared = [parties]int{2, 0}

// regimes are all there are. The names are for -regime. Loads are as
// long as it takes for the city to be full for half of it; a run takes the longer the more
// happens in it.
var regimes = []regime{
	{
		name: "static", about: "official tool, TLS and static files, all on 2 cores",
		costs: official, tool: true, cores: shared, world: world.Config{PageVisits: true}, load: 60 * world.Second, objective: score,
	},
	{
		name: "tls", about: "official tool, TLS, all on 2 cores",
		costs: official, tool: true, cores: shared, load: 40 * world.Second, objective: score,
	},
	{
		name: "plain", about: "official tool, plain HTTP, all on 2 cores",
		costs: official.without(workHandshake), tool: true, cores: shared, load: 40 * world.Second, objective: score,
	},
	{
		name: "cheap", about: "our bench, plain HTTP, all on 2 cores",
		costs: our, cores: shared, load: 30 * world.Second, objective: score,
	},
	{
		name: "nginx", about: "official tool, HTTP/2 through nginx and static files, all on 2 cores",
		costs: nginx, tool: true, cores: shared, reused: true, world: world.Config{PageVisits: true}, objective: score,
	},
	{
		name: "apart", about: "official tool, TLS and static files, on 8 cores of its own, server on 2",
		costs: official, tool: true, cores: [parties]int{2, 8}, world: world.Config{PageVisits: true}, load: 30 * world.Second, objective: score,
	},
	{
		name: "few chairs", about: "our bench, 1,000 users from the beginning and 20 chairs",
		costs: our, cores: shared, world: world.Config{Users: 1000}, load: 30 * world.Second, objective: score,
	},
	{
		name: "many chairs", about: "official tool, plain HTTP, 1,500 chairs from the beginning and 10 users",
		costs: official.without(workHandshake), tool: true, cores: shared, world: world.Config{Chairs: 1500}, load: 40 * world.Second, objective: score,
	},
	{
		name: "city", about: "no benchmark: 100 chairs, 90 rides a second by riders who wait and look once",
		costs: our, cores: shared, world: world.Config{Chairs: 100, RideRate: 90, Patient: true},
		load: 60 * world.Second, objective: objective{name: "until the chair is there, ms", less: true, of: func(f *figures) float64 { return f.Until }},
	},
}
