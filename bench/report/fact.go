package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"isuride/bench/live"
)

// A fact is a line of the text and of the page: a subject and what there is to say about
// it.
type fact struct{ Name, Value string }

// facts is a list that is easy to append to.
type facts []fact

func (l *facts) add(name, format string, args ...any) {
	*l = append(*l, fact{name, fmt.Sprintf(format, args...)})
}

// scoreUnit is one point in the unit of live.Parts.
const scoreUnit = 100

// circumstances of the run, with or without load.
func (r *Record) circumstances() (l facts) {
	m := r.Machine
	l.add("started", "%s, seed %d", r.Started.UTC().Format(time.DateTime+" UTC"), r.Seed)
	l.add("target", "%s", r.target())
	l.add("bench", "%s", shortCommit(r.Commit))
	l.add("machine", "%s, %d cores, %d MiB, %s, %s", m.CPU, m.Cores, m.MemoryBytes>>20, m.Kernel, m.Go)
	l.add("phases", "%s", phases(r.Phases))
	return l
}

func (r *Record) target() string {
	if r.Language == "" { // the server never named it
		return r.Target
	}
	return r.Target + ", in " + r.Language
}

// shortCommit keeps enough digits to find the commit.
func shortCommit(c string) string {
	const digits = 12
	hash, dirty := strings.CutSuffix(c, "-dirty")
	switch {
	case c == "":
		return "unknown commit"
	case dirty:
		return "commit " + hash[:min(digits, len(hash))] + " with changes"
	}
	return "commit " + hash[:min(digits, len(hash))]
}

func phases(laps []live.Lap) string {
	var list []string
	for _, l := range laps {
		list = append(list, fmt.Sprintf("%s %.1f s", l.Phase, l.Seconds))
	}
	return strings.Join(list, ", ")
}

// findings are the results of the load.
func (r *Record) findings() (l facts) {
	p := r.ScoreParts
	l.add("score", "%s: rides %s, driving %s, pickup %s, unfinished %s", count(r.Score),
		count(p.Base/scoreUnit), count(p.Driving/scoreUnit), count(p.Pickup/scoreUnit), count(p.Partial/scoreUnit))
	l.add("rides", "%s evaluated, %s created", count(r.World.RidesEvaluated), count(r.World.RidesCreated))
	l.add("ratings", "%s with 1 to 5, %.2f on average", counts(r.Ratings), meanRating(r.Ratings))
	l.add("criteria met", "%s", r.criteria())
	l.add("users", "%s: %s", count(r.World.Users), r.origins())
	l.add("chairs", "%s: %s", count(r.World.Chairs), speeds(r.World.ChairsBySpeed))
	for _, region := range r.World.Regions {
		l.add("region", "%s: %s users, %s active", region.Name, count(region.Registered), count(region.Active))
	}
	for _, o := range r.World.Owners {
		l.add("owner", "%s: sales %s, %s chairs, %s away", o.Name, count(o.Sales), count(o.Chairs), count(o.ChairsAway))
	}
	u := r.World.Unhappy
	l.add("disappointed", "by matching %.1f %%, dispatch %.1f %%, ride %.1f %%", 100*u.Matching, 100*u.Dispatch, 100*u.Ride)
	l.add("requests", "%s", r.requests())
	l.add("payments", "%s", payments(r.Payments))
	l.add("connections", "%s", r.connections())
	l.add("bench", "%s", r.ownUse())
	if r.Client != nil {
		l.add("client", "%s", r.clientUse())
		l.add("burned", "%s", r.burned())
	}
	l.add("ticks", "%s begun, %s lost; begun %s ms late on average, %s at the 99th percentile",
		count(r.Ticks), count(r.LostTicks), millisText(r.TickDelay.Mean), millisText(r.TickDelay.P99))
	return l
}

func counts(list []int) string {
	var texts []string
	for _, n := range list {
		texts = append(texts, count(n))
	}
	return strings.Join(texts, ", ")
}

func (r *Record) criteria() string {
	n := r.World.RidesEvaluated
	c := r.Criteria
	return fmt.Sprintf("matching %s, dispatch %s, pickup %s, drive %s", percent(c.Matching, n), percent(c.Dispatch, n), percent(c.Pickup, n), percent(c.Drive, n))
}

func (r *Record) origins() string {
	return fmt.Sprintf("%s by invitation, %s by reputation; %s left", count(r.Origins["invitation"]), count(r.Origins["reputation"]), count(r.UsersLeft))
}

func speeds(chairs map[int]int) string {
	var list []string
	for _, speed := range slices.Sorted(maps.Keys(chairs)) {
		list = append(list, fmt.Sprintf("%s of speed %d", count(chairs[speed]), speed))
	}
	return strings.Join(list, ", ")
}

func (r *Record) requests() string {
	c := r.Requests
	return fmt.Sprintf("%s sent, %s of them polls; %s streams, %s notifications",
		count(int(c.Requests)), count(int(c.Polls)), count(int(c.Streams)), count(int(c.Messages)))
}

// payments lists the answers of the payment service by status.
func payments(answers map[int]int) string {
	var list []string
	for _, status := range slices.Sorted(maps.Keys(answers)) {
		list = append(list, fmt.Sprintf("%s with status %d", count(answers[status]), status))
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func (r *Record) connections() string {
	s := fmt.Sprintf("%s made, %s at once", count(r.Dials.Dials), count(r.Dials.PeakOpen))
	for _, name := range slices.Sorted(maps.Keys(r.Dials.Errors)) {
		s += fmt.Sprintf(", %s %s", count(r.Dials.Errors[name]), name)
	}
	return s
}

func (r *Record) ownUse() string {
	u := r.Usage
	return fmt.Sprintf("%.2f s CPU (%.2f user, %.2f system), %.1f us a request, %d MiB",
		u.CPUSeconds(), u.UserSeconds, u.SystemSeconds, r.CPUPerRequest(), u.RSSBytes>>20)
}

// flags are the settings of the run.
func (r *Record) flags() (l facts) {
	for _, name := range slices.Sorted(maps.Keys(r.Settings)) {
		l.add("--"+name, "%s", r.Settings[name])
	}
	return l
}

// codes lists the errors by code.
func codes(list []live.CodeCount) string {
	var texts []string
	for _, c := range list {
		texts = append(texts, strconv.Itoa(c.Code))
	}
	if len(texts) == 0 {
		return "none of any code"
	}
	return "code " + strings.Join(texts, ", ")
}
