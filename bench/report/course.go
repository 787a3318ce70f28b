package report

import "isuride/bench/live"

// course plots the run over time.
func (r *Record) course() []*chart {
	s := r.Series
	var seconds []float64
	for _, sample := range s {
		seconds = append(seconds, sample.Seconds)
	}
	values := func(name string, of func(live.Sample) float64) series {
		list := series{name: name}
		for _, sample := range s {
			list.values = append(list.values, of(sample))
		}
		return list
	}
	rates := func(name string, of func(live.Sample) float64) series { return series{name, perSecond(s, of)} }
	return []*chart{
		overTime("Score", "Of evaluated rides.", seconds, values("score", func(s live.Sample) float64 { return float64(s.Score) })),
		overTime("Users and chairs", "", seconds,
			values("users", func(s live.Sample) float64 { return float64(s.Users) }),
			values("active users", func(s live.Sample) float64 { return float64(s.ActiveUsers) }),
			values("chairs", func(s live.Sample) float64 { return float64(s.Chairs) }),
			values("free chairs", func(s live.Sample) float64 { return float64(s.EmptyChairs) })),
		overTime("Rides", "", seconds,
			values("created", func(s live.Sample) float64 { return float64(s.Rides) }),
			values("evaluated", func(s live.Sample) float64 { return float64(s.Completed) })),
		overTime("Ticks per second", "33.3 are due. A lost one never was, because the bench was late.", seconds,
			rates("begun", func(s live.Sample) float64 { return float64(s.Ticks) }),
			rates("lost", func(s live.Sample) float64 { return float64(s.LostTicks) })),
		overTime("CPUs in use", "The machine's include the bench's, and the server's if it runs there.", seconds,
			rates("bench, user", func(s live.Sample) float64 { return s.Usage.UserSeconds }),
			rates("bench, system", func(s live.Sample) float64 { return s.Usage.SystemSeconds }),
			rates("machine", func(s live.Sample) float64 { return s.Usage.MachineSeconds })),
		overTime("The bench's memory", "", seconds, values("MiB", func(s live.Sample) float64 { return float64(s.Usage.RSSBytes) / (1 << 20) })),
		overTime("Answered calls per second", "Without notifications and payments.", seconds, rates("calls", func(s live.Sample) float64 { return float64(s.Requests) })),
		overTime("Connections and errors", "", seconds,
			values("connections", func(s live.Sample) float64 { return float64(s.Connections) }),
			values("errors", func(s live.Sample) float64 { return float64(s.Errors) })),
	}
}

// perSecond is how much a counter grew from sample to sample, by the second. The last sample, at the end of the load,
// may follow so closely that its rate would mean nothing; then the one before stands for it.
func perSecond(samples []live.Sample, of func(live.Sample) float64) []float64 {
	var rates []float64
	before := live.Sample{}
	for i, s := range samples {
		if length := s.Seconds - before.Seconds; length > shortestInterval || i == 0 {
			rates = append(rates, (of(s)-of(before))/max(length, shortestInterval))
		} else {
			rates = append(rates, rates[i-1])
		}
		before = s
	}
	return rates
}

const shortestInterval = 0.5 // seconds
