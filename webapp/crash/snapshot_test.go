package crash

import (
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"time"

	"isuride/webapp/servertest"
)

// camera has the server write snapshots at random moments.
type camera struct {
	w    *world
	rng  *rand.Rand
	used int // starts that began with a snapshot
}

func (c *camera) step() error {
	l := c.w.life.Load()
	select {
	case <-time.After(time.Duration(c.rng.IntN(60)) * time.Millisecond):
	case <-l.killed:
		return errGone
	}
	r, err := servertest.HTTPClient.Post(c.w.p.Inside+"/snapshot", "", nil)
	if err != nil {
		return l.explain(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return l.explain(err)
	}
	if r.StatusCode != 200 && r.StatusCode != 503 { // an initialize ends what is snapped
		return fmt.Errorf("a snapshot is answered %d %s", r.StatusCode, body)
	}
	l.note(aSnapshot)
	return nil
}

var fromSnapshot = regexp.MustCompile(`generation is open.* snapshot=\S*\.snapshot `)

// look notes what the last start has begun with. A kill leaves no snapshot that is not whole.
func (c *camera) look() {
	c.w.t.Helper()
	text := c.w.p.Output.String()
	if fromSnapshot.MatchString(text) {
		c.used++
	}
	if regexp.MustCompile("a snapshot is not used|is of no use").MatchString(text) {
		c.w.t.Errorf("after a kill a snapshot is of no use:\n%s", text)
	}
}
