package crash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/webapp/client"
	"isuride/webapp/feed"
	"isuride/webapp/servertest"
)

// everyTable is all that can be copied.
const everyTable = "users,owners,chairs,positions,rides,statuses,coupons,payments,city"

// TestFeedOverPromotions: a reader of every table goes on at the next leader where it was at
// the one that was killed, with nothing missing and nothing twice, and without a partial.
func TestFeedOverPromotions(t *testing.T) {
	t.Parallel()
	g := bareGroup(t)
	leader := g.Leader()
	riders := gather(g, "fed")
	var c client.Copy
	partials := 0
	for range 4 {
		r := listen(leader, &c)
		for enough := reached(t, &c) + 300; reached(t, &c) < enough; {
			f := r.apply(&c)
			if f == nil { // on a busy machine the leader may change by itself
				leader = g.Leader()
				r = listen(leader, &c)
				continue
			}
			if f.Action == string(feed.Partial) {
				partials++
			}
		}
		killed := leader
		killed.Kill()
		for r.apply(&c) != nil { // what it had sent counts, too
		}
		leader = g.Leader(g.Others(killed)...)
		killed.Start()
	}
	riders.disperse(t, leader)
	if want := len(strings.Split(everyTable, ",")); partials != want {
		t.Errorf("%d partials came, want %d: one for each table", partials, want)
	}
	upToDate(leader, &c)
	var fresh client.Copy
	upToDate(leader, &fresh)
	upToDate(leader, &c) // if anything happened between the two
	for name := range strings.SplitSeq(everyTable, ",") {
		if !slices.Equal(c.Rows(name), fresh.Rows(name)) {
			t.Errorf("%d rows of %s were followed, and there are %d", len(c.Rows(name)), name, len(fresh.Rows(name)))
		}
	}
	if n := len(c.Rows("users")); n < riders.count() {
		t.Errorf("the copy has %d users, and %d were accepted", n, riders.count())
	}
}

// listener is a stream of the feed.
type listener struct {
	t      *testing.T
	lines  *bufio.Reader
	cancel context.CancelFunc
}

// reached is the last event that a copy has.
func reached(t *testing.T, c *client.Copy) uint64 {
	t.Helper()
	if c.Position() == "" {
		return 0
	}
	at, err := feed.ParsePosition(c.Position())
	if err != nil {
		t.Fatal(err)
	}
	return at.Seq
}

// listen subscribes to every table as an operator, where a copy is.
func listen(p *servertest.Process, c *client.Copy) *listener {
	p.T.Helper()
	token, err := os.ReadFile(filepath.Join(p.Data, "operator-token"))
	if err != nil {
		p.T.Fatal(err)
	}
	ctx, cancel := context.WithCancel(bound.Context(p.T, p.T.Context()))
	req, err := http.NewRequestWithContext(ctx, "GET", p.URL+"/api/feed?table="+everyTable, nil)
	if err != nil {
		p.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(token)))
	if at := c.Position(); at != "" {
		req.Header.Set("Last-Event-ID", at)
	}
	if err := c.Apply(client.Frame{Action: client.Connected}); err != nil {
		p.T.Fatal(err)
	}
	calls := http.Client{Transport: servertest.HTTPClient.Transport} // without its limit, which is none of a stream
	var res *http.Response
	servertest.Eventually(p.T, func() (err error) { // where servers are choosing their leader, they say so
		if res, err = calls.Do(req); err != nil {
			return err
		}
		p.T.Cleanup(func() { res.Body.Close() })
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("the feed answers %d", res.StatusCode)
		}
		return nil
	})
	return &listener{p.T, bufio.NewReader(res.Body), cancel}
}

// apply reads a frame into a copy, and returns nil at the end of the stream.
func (r *listener) apply(c *client.Copy) *client.Frame {
	r.t.Helper()
	for {
		line, err := r.lines.ReadBytes('\n')
		if err != nil {
			return nil
		}
		text, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		var f client.Frame
		if err := json.Unmarshal(text, &f); err != nil {
			r.t.Fatalf("%v\n%s", err, line)
		}
		if err := c.Apply(f); err != nil {
			r.t.Fatalf("%v\n%s", err, line)
		}
		if f.Action == string(feed.Failed) && f.Code != string(feed.Closing) {
			r.t.Fatalf("the reader is told: %s", line)
		}
		return &f
	}
}

// upToDate brings a copy to where the server is, as a heartbeat says.
func upToDate(p *servertest.Process, c *client.Copy) {
	p.T.Helper()
	r := listen(p, c)
	for {
		switch f := r.apply(c); {
		case f == nil: // on a busy machine the leader may change by itself
			r = listen(p, c)
		case f.Action == string(feed.Heartbeat):
			r.cancel()
			return
		}
	}
}
