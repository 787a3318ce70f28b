package official

// bar is how far most figures may be off.
const bar = 0.05

// growth is the line of a policy in the table of the appendix. Figures without values are
// left out.
func growth(scoreBar float64, score, done, created, users, chairs []float64) []Figure {
	list := []Figure{{Name: FigureScore, Official: score, Bar: scoreBar}}
	for _, f := range []Figure{
		{Name: figureDone, Official: done, Bar: bar},
		{Name: figureCreated, Official: created, Bar: bar},
		{Name: figureUsers, Official: users, Bar: bar},
		{Name: figureChairs, Official: chairs, Bar: bar},
	} {
		if f.Official != nil {
			list = append(list, f)
		}
	}
	return list
}

// byLuck marks figures that differ much between equal runs. The score of such runs differs
// little.
func byLuck(list []Figure) []Figure {
	for i := range list {
		list[i].Luck = list[i].Name != FigureScore
	}
	return list
}

// shown is a figure that is shown but not judged.
func shown(name string, official float64) Figure {
	return Figure{Name: name, Official: []float64{official}}
}

// share is a percentage that may be off by so many points.
func share(name string, points float64, official ...float64) Figure {
	return Figure{Name: name, Official: official, Bar: points, Points: true}
}

// intervals are those of "nearest, I=100, K=2, SSE, 0". Two values are the range of a figure
// that the appendix rounds to a whole number.
func intervals() []Figure {
	return []Figure{
		share(shareOf(dispatching, 0), 2, 95),
		share(shareOf(dispatching, 2), 2, 4),
		share(shareOf(boarding, 1), 5, 28, 32),
		share(shareOf(boarding, 2), 5, 68, 72),
		share(shareOf(driving, 0), 2, 95),
		share(shareOf(driving, 2), 2, 3.5),
		share(shareOf(completing, 1), 3, 2),
		share(shareOf(completing, 2), 3, 26),
		share(shareOf(completing, 3), 3, 18),
		share(shareOf(completing, 4), 3, 13),
		share(shareOf(completing, 5), 3, 11),
		share(shareOf(completing, 6), 3, 20),
		share(shareOf(completing, 7), 3, 11),
		{Name: meanOf(completing), Official: []float64{4.05, 4.15}, Bar: bar},
		{Name: meanOf(trip), Official: []float64{53.5, 54.5}, Bar: bar},
		{Name: meanOf(pickupDistance), Official: []float64{16.5, 17.5}, Bar: bar},
		share(figureMatching, 5, 100*154.0/1139),
		share(figureDispatch, 5, 100*1042.0/1139),
		share(figurePickup, 1, 100),
		share(figureDrive, 1, 100*1134.0/1139),
		share(ratingOf(3), 1, 100*10.0/1139),
		share(ratingOf(4), 2, 100*1067.0/1139),
		share(ratingOf(5), 2, 100*62.0/1139),
		{Name: figureInvited, Official: []float64{1013}, Bar: bar},
		{Name: figureAttracted, Official: []float64{131}, Bar: bar},
	}
}

// delayedIntervals are those with 40 ms a call, with which every move takes two ticks.
func delayedIntervals() []Figure {
	return []Figure{
		share(shareOf(boarding, 3), 5, 35),
		share(shareOf(boarding, 4), 5, 65),
		{Name: meanOf(driving), Official: []float64{11.95, 12.05}, Bar: bar},
		share(figureDrive, 5, 100*211.0/995),
	}
}

// requests are those of "random, I=50, polling", without the owners' lists and sales of the
// data check. Polls are not judged: their number follows from their latency, and the official
// machine was saturated by them.
func requests() []Figure {
	list := []Figure{shown(figurePolls, 178292+296900)}
	for _, o := range []struct {
		name     string
		official float64
	}{
		{"POST /api/chair/coordinate", 97924},
		{"GET /api/app/nearby-chairs", 3498},
		{"GET /api/app/rides", 3501},
		{"POST /api/app/rides/estimated-fare", 1178},
		{"POST /api/app/rides", 1174},
		{"POST /api/app/rides/{id}/evaluation", 871},
		{"POST /api/chair/rides/{id}/status", 1819},
		{"POST /api/app/users", 345},
		{"POST /api/chair/chairs", 226},
		{"GET /api/owner/chairs", 165},
		{"GET /api/owner/sales", 156},
	} {
		list = append(list, Figure{Name: o.name, Official: []float64{o.official}, Bar: bar})
	}
	return list
}
