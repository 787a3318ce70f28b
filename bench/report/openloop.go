package report

import (
	"fmt"
	"text/tabwriter"

	"isuride/bench/world"
)

// openLoop writes the results of an open loop.
func (t *text) openLoop(o *world.OpenLoop) {
	fmt.Fprintf(t, "\nopen loop: %s rides/s intended, %s created, %s completed\n",
		Number(o.IntendedRate), Number(o.CreatedRate), Number(o.CompletedRate))
	fmt.Fprintf(t, "%s rides due, %s started, %s of them late; %s never started; %s found all users riding\n",
		count(o.Due), count(o.Started), count(o.Late), count(o.NeverStarted), count(o.Waited))
	if o.Refused > 0 {
		fmt.Fprintf(t, "%s rides refused by the server; they are in no stage below but the first\n", count(o.Refused))
	}
	w := tabwriter.NewWriter(t, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\ncount\topen\tp50 ms\tp90\tp99\tp99.9\tlongest\t  ride, from when it was due; those left open take longer\n")
	for _, s := range o.Stages {
		fmt.Fprintf(w, "%s\t%s\t", count(s.Reached), count(s.Open))
		for _, p := range []*world.Instant{s.P50, s.P90, s.P99, s.P999} {
			fmt.Fprintf(w, "%s\t", knownMillis(p, s.Longest))
		}
		fmt.Fprintf(w, "%s\t  %s\n", millisText(s.Longest), s.Name)
	}
	w.Flush() // a buffer never fails
}

// knownMillis is a percentile, or a lower bound of it.
func knownMillis(p *world.Instant, longest world.Instant) string {
	if p == nil {
		return "> " + millisText(longest)
	}
	return millisText(*p)
}
