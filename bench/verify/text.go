package verify

import (
	"bufio"
	"fmt"
	"io"
)

// WriteText writes the report for people: one line a rule, what was found and the
// exchange below those that are not ok.
func (r Report) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, x := range r.Results {
		writeResult(b, x)
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

func writeResult(b *bufio.Writer, x Result) {
	fmt.Fprintf(b, "%-4s  %-8s %-28s %s\n", word(x.Outcome), x.Spec, x.Rule, x.Want)
	if x.Got != "" {
		fmt.Fprintf(b, "      %s\n", x.Got)
	}
	for _, line := range x.Exchange {
		fmt.Fprintf(b, "        %s\n", line)
	}
}

// word is the outcome as lines start with it.
func word(o Outcome) string {
	switch o {
	case Fail:
		return "FAIL"
	case Blocked:
		return "skip"
	}
	return string(o)
}
