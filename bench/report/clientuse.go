package report

import (
	"fmt"
	"math"
	"strings"
)

// clientUse says how dear the client was, and whether it was so dear as it should be.
func (r *Record) clientUse() string {
	c := r.Client
	burned := c.Burned + c.Worked
	s := fmt.Sprintf("as dear as the official tool's: %.1f s of CPU burned on %d threads, %.0f %% of the bench's and %.0f %% of this machine's",
		burned, c.Threads, 100*ratio(burned, r.Usage.CPUSeconds()), 100*ratio(burned, r.LoadSeconds*float64(r.Machine.Cores)))
	calls, files := r.clientShares()
	s += fmt.Sprintf("; %.0f us in all for each request of the API, with its share of everything but files", calls)
	if files > 0 {
		s += fmt.Sprintf(", and %.0f for each file that came, with its uses from the cache", files)
	}
	s += fmt.Sprintf("; answers waited %.1f ms for a thread", 1e3*c.Waiting)
	if c.Due > 0 {
		s += fmt.Sprintf("; the clock says %.2f times what was due", c.Burned/c.Due)
	}
	return s
}

// burned lists what was burned by kind.
func (r *Record) burned() string {
	var list []string
	for _, k := range r.Client.Kinds {
		if k.Count > 0 {
			list = append(list, fmt.Sprintf("%s %.1f s (%s)", k.Name, k.Seconds, count(k.Count)))
		}
	}
	list = append(list, fmt.Sprintf("calls while it was not busy %.1f s more", r.Client.Idle))
	return strings.Join(append(list, fmt.Sprintf("decoding and hashing %.1f s", r.Client.Worked)), ", ")
}

// clientShares are the CPU of the whole bench without that of files, in microseconds for
// each request of the API, streams included, and what files burned for each that came.
// B appendix E has the official ones.
func (r *Record) clientShares() (perCall, perFile float64) {
	ofFiles, calls, files := r.Client.Worked, 0, 0
	for _, k := range r.Client.Kinds {
		if strings.HasPrefix(k.Name, "files") {
			ofFiles += k.Seconds
		}
		switch k.Name {
		case "calls":
			calls = k.Count
		case "files":
			files = k.Count
		}
	}
	return 1e6 * ratio(r.Usage.CPUSeconds()-ofFiles, float64(calls)), 1e6 * ratio(ofFiles, float64(files))
}

// tolerance is how far the clock may be from what was due without notice.
const tolerance = 0.1

// miscalibrated tells whether the client was cheaper or dearer than it should have been.
func (r *Record) miscalibrated() bool {
	return r.Client != nil && r.Client.Due > 0 && math.Abs(r.Client.Burned/r.Client.Due-1) > tolerance
}

func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}
