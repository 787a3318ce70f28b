package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		p := newProcess(t)
		p.outage(lock(p))
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		var own mysqltest.Server // others go on using the shared one
		t.Cleanup(own.Close)
		c := own.Config(t)
		if own.Foreign() {
			t.Skip("the database of ISURIDE_TEST_MYSQL is not ours to stop")
		}
		p := newProcess(t)
		p.useMySQL(c)
		p.outage(outage{away: func() { own.Stop(t) }, back: func() { own.Restart(t) }, noStart: true})
	})
}

// lock is an outage of SQLite: another process has the file locked for writing.
func lock(p *process) outage {
	var release func()
	return outage{
		away: func() {
			db := p.open()
			if _, err := db.Exec("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE"); err != nil {
				p.t.Fatal(err)
			}
			release = func() { db.Close() } // rolls back
		},
		back: func() { release() },
	}
}

func (p *process) outage(o outage) {
	w := newWorld(p.t, p, newSeed(p.t))
	w.begin(ending{})
	w.act(100)
	o.away()
	behind := p.progress().flushed
	for began := time.Now(); time.Since(began) < 10*time.Second; {
		w.act(20)
	}
	// One cut may have been under way.
	if f := p.progress(); f.appended-f.flushed < (f.appended-behind)/2 {
		p.t.Errorf("at the end of the outage %d events of %d are in the tables, at its beginning %d: it was none", f.flushed, f.appended, behind)
	}
	if o.noStart {
		p.unwell("the database has taken no changes for ")
	}
	if o.noStart { // an initialize fails at once, and everything goes on
		p.anonymous().call("POST", "/api/initialize", object{"payment_server": p.gatewayURL}).refused(p.t, 500, "internal error")
		w.act(20)
	}
	o.back()
	p.flushedUpTo(p.progress().appended)
	p.well()
	w.cut()
	p.start()
	w.audit()

	w.begin(ending{})
	w.act(50)
	o.away()
	w.act(50)
	w.cut()
	if err := p.launch(); err != nil {
		p.t.Fatal(err)
	}
	if o.noStart {
		p.says("waiting for the database")
	}
	o.back()
	if err := p.listening(); err != nil {
		p.t.Fatal(err)
	}
	w.audit()
	w.lastAct()
}

// flushLimit is when the tables should have caught up after an outage: the write-behind
// makes its last pause of 5 s, and then writes.
const flushLimit = 30 * time.Second

// flushedUpTo returns when an event, and all before, are in the database.
func (p *process) flushedUpTo(event int64) {
	p.t.Helper()
	within(p.t, flushLimit, func() error {
		if f := p.progress(); f.flushed < event {
			return fmt.Errorf("%d events are in the tables, want %d", f.flushed, event)
		}
		return nil
	})
}

// progress is how many events this server has recorded, and how many of them are in the
// database.
type progress struct{ appended, flushed int64 }

func (p *process) progress() progress {
	p.t.Helper()
	s := p.scrape()
	appended := int64(s.value("isuride_journal_appended_total"))
	return progress{appended, appended - int64(s.value("isuride_flush_backlog"))}
}

// says returns when the server has written a text to its log.
func (p *process) says(text string) {
	p.t.Helper()
	eventually(p.t, func() error {
		if log := p.output.String(); !strings.Contains(log, text) {
			return fmt.Errorf("the server does not speak of %q:\n%s", text, log)
		}
		return nil
	})
}
