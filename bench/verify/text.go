package verify

import (
	"bufio"
	"fmt"
	"io"
)

// WriteText writes the report for people: one line a rule, what was found and the exchange below those that are not ok.
func (r Report) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, x := range r.Results {
		x.writeText(b)
	}
	fmt.Fprintf(b, "\n%d rules in %.1f s: %d ok, %d FAIL, %d not reached, %d notes, %d skipped\n",
		len(r.Results), r.Seconds, r.Counts[OK], r.Counts[Fail], r.Counts[Blocked], r.Counts[Note], r.Counts[Skip])
	fmt.Fprintln(b, r.verdict())
	return b.Flush()
}

func (r Report) verdict() string {
	if r.Passed {
		return "PASS"
	}
	return "FAIL"
}

func (x Result) writeText(b *bufio.Writer) {
	fmt.Fprintf(b, "%-4s  %-8s %-28s %s\n", x.Outcome.word(), x.Spec, x.Rule, x.Want)
	if x.Got != "" {
		fmt.Fprintf(b, "      %s\n", x.Got)
	}
	for _, line := range x.Exchange {
		fmt.Fprintf(b, "        %s\n", line)
	}
}

// word is the outcome as it stands at the start of a line.
func (o Outcome) word() string {
	switch o {
	case Fail:
		return "FAIL"
	case Blocked:
		return "skip"
	}
	return string(o)
}
