package watch

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Lines is a view that writes one line per report.
type Lines struct{ Out io.Writer }

func (v Lines) Show(reports []Report) error {
	_, err := fmt.Fprintln(v.Out, clean(sentence(reports[len(reports)-1])))
	return err
}

// JSON is a view that writes each report as an object on a line of its own.
type JSON struct{ Out io.Writer }

func (v JSON) Show(reports []Report) error {
	return json.NewEncoder(v.Out).Encode(reports[len(reports)-1])
}

// sentence has the most important figures.
func sentence(r Report) string {
	words := []string{r.Time.Format("15:04:05")}
	if s := r.Server; s != nil {
		words = append(words,
			"requested "+rate(s.Rides.Requested),
			"matched "+rate(s.Rides.Matched),
			"completed "+rate(s.Rides.Completed),
			"waiting "+count(s.Rides.Waiting),
			"oldest wait "+duration(s.Rides.OldestWait),
			"requests "+rate(s.Requests.All),
			"5xx "+rate(s.Requests.ServerError),
			"p99 of a "+s.Latencies[0].Name+" "+duration(s.Latencies[0].P99),
			"lag "+duration(s.Database.Lag),
			"errors "+count(s.Errors.Logged))
	} else {
		words = append(words, "no figures of the server")
	}
	for _, h := range r.Hosts {
		words = append(words, h.Name+" "+condition(h))
	}
	return strings.Join(words, ", ")
}

func condition(h Host) string {
	if !h.Here {
		return absence(h)
	}
	text := fmt.Sprintf("%s of %d CPUs", share(h.Busy), h.CPUs)
	if h.Replica != nil {
		text += " as " + h.Replica.Role
	}
	if h.Problem != "" {
		text += ": " + h.Problem
	}
	return text
}
