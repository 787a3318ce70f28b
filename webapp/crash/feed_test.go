package crash

import (
	"bufio"
	"bytes"
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	var c feed.Copy
	partials := 0
	for range 4 {
		r := listen(leader, c.Position())
		c.Reconnect()
		for enough := c.Position().Seq + 300; c.Position().Seq < enough; {
			f := r.apply(&c)
			if f == nil {
				t.Fatal("the stream ended by itself")
			}
			if f.Action == feed.Partial {
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
	var fresh feed.Copy
	upToDate(leader, &fresh)
	upToDate(leader, &c) // if anything happened between the two
	for name := range strings.SplitSeq(everyTable, ",") {
		if !maps.Equal(c.Rows(name), fresh.Rows(name)) {
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

// listen subscribes to every table as an operator.
func listen(p *servertest.Process, from feed.Position) *listener {
	p.T.Helper()
	token, err := os.ReadFile(filepath.Join(p.Data, "operator-token"))
	if err != nil {
		p.T.Fatal(err)
	}
	ctx, cancel := context.WithCancel(p.T.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", p.URL+"/api/feed?table="+everyTable, nil)
	if err != nil {
		p.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(token)))
	if from != (feed.Position{}) {
		req.Header.Set("Last-Event-ID", from.String())
	}
	res, err := servertest.HTTPClient.Do(req)
	if err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		p.T.Fatalf("the feed answers %d", res.StatusCode)
	}
	return &listener{p.T, bufio.NewReader(res.Body), cancel}
}

// apply reads a frame into a copy, and returns nil at the end of the stream.
func (r *listener) apply(c *feed.Copy) *feed.Frame {
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
		f, err := c.Apply(bytes.TrimSpace(text))
		if err != nil {
			r.t.Fatalf("%v\n%s", err, line)
		}
		if f.Action == feed.Failed && f.Code != feed.Closing {
			r.t.Fatalf("the reader is told: %s", line)
		}
		return &f
	}
}

// upToDate brings a copy to where the server is, as a heartbeat says.
func upToDate(p *servertest.Process, c *feed.Copy) {
	p.T.Helper()
	r := listen(p, c.Position())
	c.Reconnect()
	for {
		switch f := r.apply(c); {
		case f == nil:
			p.T.Fatalf("the stream ended at %v", c.Position())
		case f.Action == feed.Heartbeat:
			r.cancel()
			return
		}
	}
}
