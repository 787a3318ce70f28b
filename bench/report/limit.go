package report

import (
	"fmt"
	"slices"

	"isuride/bench/live"
)

// Beyond these thresholds the bench counts as the limit of a run. A load grows until
// something gives way, so they apply to a few seconds at the end as well as to the whole
// run.
const (
	// The official tool lost 3 % to 6 % of its ticks where it was saturated (B appendix
	// D).
	lostShare       = 0.01 // of the ticks of a run
	lostShareWindow = 0.05 // of the ticks of a window

	// A tick that begins late leaves its calls less time to be answered within it, so
	// fast answers look slow. One late tick in fifty can change a score by about as much
	// as two runs against the same server differ.
	lateShare = 0.02

	// A client as dear as the official tool's is meant to be what is scarce, and to lose
	// ticks as that does.
	dearLostShare = 0.06

	cpuShare = 0.85 // of the CPUs that the event loops can use, in a window

	window = 5 // samples, one per second
)

// limits returns the reasons why the figures of a run do not describe the server, if
// there are any.
func limits(r *live.Result) []string {
	list := []string{}
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	allowed := lostShare
	if r.Client != nil {
		allowed = dearLostShare
	}
	if lost, all := r.LostTicks, r.Ticks+r.LostTicks; share(lost, all) > allowed {
		add("it lost %d of %d ticks (%.1f %%)", lost, all, 100*share(lost, all))
	} else if worst := worstLoss(r.Series); r.Client == nil && worst > lostShareWindow {
		add("over %d s it lost %.0f %% of the ticks", window, 100*worst)
	}
	if late := share(r.LateTicks, r.Ticks); r.Client == nil && late > lateShare {
		add("it began %d of %d ticks (%.1f %%) late, at the 99th percentile by %s ms", r.LateTicks, r.Ticks, 100*late, millisText(r.TickDelay.P99))
	}
	if peak := peakCPU(r.Series); r.Client == nil && r.Loops > 0 && peak > cpuShare*float64(r.Loops) {
		add("over %d s it used %.2f CPUs, of %d that its event loops can use", window, peak, r.Loops)
	}
	if r.BenchFaults > 0 {
		add("%d calls failed because of its machine, for example: %s", r.BenchFaults, r.BenchFault)
	}
	if n := localDialErrors(r); n > 0 {
		add("%d connections failed because its machine ran out of ports, descriptors or memory", n)
	}
	return list
}

// worstLoss is the highest share of lost ticks in a window.
func worstLoss(series []live.Sample) (worst float64) {
	for i := window; i < len(series); i++ {
		from, to := series[i-window], series[i]
		lost := to.LostTicks - from.LostTicks
		worst = max(worst, share(lost, lost+to.Ticks-from.Ticks))
	}
	return worst
}

// peakCPU is the highest number of CPUs that the bench used in a window.
func peakCPU(series []live.Sample) (peak float64) {
	for i := window; i < len(series); i++ {
		from, to := series[i-window], series[i]
		if length := to.Seconds - from.Seconds; length > 0 {
			peak = max(peak, (to.Usage.CPUSeconds()-from.Usage.CPUSeconds())/length)
		}
	}
	return peak
}

// localErrnos names connection failures that this machine causes itself (B15.3).
var localErrnos = []string{"EADDRNOTAVAIL", "EADDRINUSE", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"}

func localDialErrors(r *live.Result) (n int) {
	for name, count := range r.Dials.Errors {
		if slices.Contains(localErrnos, name) {
			n += count
		}
	}
	return n
}

// Conclusion says in a sentence or two whether the figures describe the server or the
// bench.
func (r *Record) Conclusion() string {
	if len(r.BenchLimits) > 0 {
		return "The bench was, or may have been, the limit: these figures are not the limit of the server."
	}
	if r.Ticks == 0 {
		return "There was no load, so there is nothing to conclude."
	}
	s := fmt.Sprintf("The bench kept up: %s of %s ticks, 99 %% of them begun within %s ms", count(r.Ticks), count(r.Ticks+r.LostTicks), millisText(r.TickDelay.P99))
	if r.Client != nil {
		return s + ". Its client was as dear as the official tool's, so client and server share the machine as they do with that."
	}
	if len(r.Series) > window {
		s += fmt.Sprintf(", never more than %.2f CPUs over %d s, of %d that its event loops can use", peakCPU(r.Series), window, r.Loops)
	}
	return s + "."
}

// Warnings are other facts that make the figures doubtful.
func (r *Record) Warnings() []string {
	var list []string
	if n := r.Requests.Dropped; n > 0 {
		list = append(list, fmt.Sprintf("%s notifications could not be read and were skipped; the first: %s", count(int(n)), r.Requests.DroppedExample))
	}
	if stolen := r.Usage.StolenSeconds; stolen > stolenShare*r.LoadSeconds*float64(r.Machine.Cores) {
		list = append(list, fmt.Sprintf("the hypervisor gave %.1f s of this machine's CPU to others", stolen))
	}
	if r.miscalibrated() {
		list = append(list, fmt.Sprintf("the client burned %.2f times the CPU that was due: the machine changed its speed after the calibration", r.Client.Burned/r.Client.Due))
	}
	if o := r.OpenLoop; o != nil && share(o.Unmatched, o.Due) > queueShare {
		list = append(list, fmt.Sprintf("%s of %s rides had no chair at the end: they queue up, and the longer the load, the longer they wait", count(o.Unmatched), count(o.Due)))
	}
	return list
}

// queueShare is more than the rides that arrive while one is matched, even in a load of a
// few seconds.
const queueShare = 0.05

// stolenShare of a machine's CPU can change a score as much as lateShare when it is lost.
const stolenShare = 0.02
