package crash

import (
	"fmt"
	"testing"
	"time"

	"isuride/webapp/servertest"
	"isuride/webapp/sqlstore/mysqltest"
)

// outage takes the database away from a running server and gives it back.
type outage struct {
	away, back func()
	// noStart: a server that starts meanwhile waits.
	noStart bool
}

// TestOutage is the crash test with the database away for ten seconds in the middle, and
// then once more with a kill meanwhile: the server goes on from memory, nothing that it
// tells gets lost, and the tables catch up.
func TestOutage(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		p := servertest.New(t)
		lock(p).run(p)
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		var own mysqltest.Server // others go on using the shared one
		t.Cleanup(own.Close)
		c := own.Config(t)
		if own.Foreign() {
			t.Skip("the database of ISURIDE_TEST_MYSQL is not ours to stop")
		}
		p := servertest.New(t)
		p.UseMySQL(c)
		outage{away: func() { own.Stop(t) }, back: func() { own.Restart(t) }, noStart: true}.run(p)
	})
}

// lock is an outage of SQLite: another process has the file locked for writing.
func lock(p *servertest.Process) outage {
	var release func()
	return outage{
		away: func() {
			db := p.Open()
			if _, err := db.Exec("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE"); err != nil {
				p.T.Fatal(err)
			}
			release = func() { db.Close() } // rolls back
		},
		back: func() { release() },
	}
}

func (o outage) run(p *servertest.Process) {
	w := newWorld(p.T, p, newSeed(p.T))
	w.begin(ending{})
	w.act(100)
	o.away()
	behind := progressOf(p).flushed
	gone := time.After(10 * time.Second)
	w.act(20)
	w.stage.drop() // more of the same would only take the machine from other tests
	<-gone
	w.stage.begin()
	w.act(20)
	// One cut may have been under way.
	if f := progressOf(p); f.appended-f.flushed < (f.appended-behind)/2 {
		p.T.Errorf("at the end of the outage %d events of %d are in the tables, at its beginning %d: there was no outage", f.flushed, f.appended, behind)
	}
	if o.noStart {
		p.Unwell("the database has taken no changes for ")
	}
	if o.noStart { // an initialize fails at once, and everything goes on
		p.Anonymous().Call("POST", "/api/initialize", servertest.Object{"payment_server": p.GatewayURL}).Refused(p.T, 500, "internal error")
		w.act(20)
	}
	o.back()
	w.act(20)
	w.stage.drop()
	flushedUpTo(p, progressOf(p).appended)
	p.Well()
	w.cut()
	p.Start()
	w.audit()

	w.begin(ending{})
	w.act(50)
	o.away()
	w.act(50)
	w.cut()
	if err := p.Launch(); err != nil {
		p.T.Fatal(err)
	}
	if o.noStart {
		p.Says("waiting for the database")
	}
	o.back()
	if err := p.Listening(); err != nil {
		p.T.Fatal(err)
	}
	w.audit()
	w.lastAct()
}

// flushLimit bounds a failure. After an outage the write-behind makes its last pause of 5 s, and then writes; on a busy
// machine that takes much longer.
const flushLimit = 3 * time.Minute

// flushedUpTo returns when an event, and all before, are in the database.
func flushedUpTo(p *servertest.Process, event int64) {
	p.T.Helper()
	servertest.Within(p.T, flushLimit, func() error {
		if f := progressOf(p); f.flushed < event {
			return fmt.Errorf("%d events are in the tables, want %d", f.flushed, event)
		}
		return nil
	})
}

// progress is how many events this server has recorded, and how many of them are in the
// database.
type progress struct{ appended, flushed int64 }

func progressOf(p *servertest.Process) progress {
	p.T.Helper()
	s := p.Scrape()
	appended := int64(s.Value("isuride_journal_appended_total"))
	return progress{appended, appended - int64(s.Value("isuride_flush_backlog"))}
}
