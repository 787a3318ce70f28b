package crash

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	refused := r.StatusCode == 503 && !bytes.Contains(body, []byte("cannot be trusted")) // an initialize ends what is snapped
	if r.StatusCode != 200 && !refused {
		return fmt.Errorf("a snapshot is answered %d %s", r.StatusCode, body)
	}
	l.note(aSnapshot)
	return nil
}

// count has the server compare its state with its hash, while the actors rest. One of a group may be busy becoming, or
// ceasing to be, the leader, and is asked again; that the state is wrong is final.
func (c *camera) count() {
	c.w.t.Helper()
	servertest.Eventually(c.w.t, func() error {
		status, body := c.w.p.Operator("POST", "/snapshot")
		if status == 200 {
			return nil
		}
		err := fmt.Errorf("after the restart the state is not counted: %d %s", status, body)
		if c.w.p.Node == "" || bytes.Contains(body, []byte("cannot be trusted")) {
			c.w.t.Fatal(err)
		}
		return err
	})
}

var hashAtStart = regexp.MustCompile(`generation is open.* snapshot=(\S*) .* hash=([0-9a-f]{32}) `)

// began returns the snapshot that the last start has begun with, if any, and the hash of the state.
func (c *camera) began() (from, hash string) {
	c.w.t.Helper()
	m := hashAtStart.FindStringSubmatch(c.w.p.Output.String())
	if m == nil {
		c.w.t.Fatalf("the server does not tell its hash:\n%s", c.w.p.Output)
	}
	return m[1], m[2]
}

// sameFromTables: a snapshot and the tables make the same state.
func (c *camera) sameFromTables() {
	c.w.t.Helper()
	c.count()
	c.w.p.Stop()
	c.w.p.Start()
	from, want := c.began()
	c.w.p.Stop()
	paths, err := filepath.Glob(filepath.Join(c.w.p.Data, "journal", "*", "*.snapshot"))
	if err != nil || len(paths) == 0 || from == `""` {
		c.w.t.Fatalf("there are the snapshots %v, %v; the last start began with %s", paths, err, from)
	}
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			c.w.t.Fatal(err)
		}
	}
	c.w.p.Start()
	if from, got := c.began(); from != `""` || got != want {
		c.w.t.Errorf("from the tables (%s) the state has the hash %s, from the snapshot %s", from, got, want)
	}
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
