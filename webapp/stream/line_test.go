package stream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"isuride/webapp/servertest"
	"isuride/webapp/stream"
)

// live waits until a stream tells what happens now: what was before it came as a snapshot. It
// returns the token with which the city's chairs register.
func (r *real) live(t *testing.T, p *servertest.Process, region string) string {
	t.Helper()
	_, token := p.Owner("owner of " + region)
	r.expect(t, fmt.Sprintf("SELECT name FROM owners WHERE region = '%s'", region), "owner of "+region)
	return token
}

// TestLine carries a city through all processes: what it did is in QuestDB, once, and the
// second of two streams takes over.
func TestLine(t *testing.T) {
	t.Parallel()
	r := shared.use(t)
	p := city(t)
	region := "line"
	first := r.stream(t, p, region)
	r.sink(t)
	chair := p.Chair(r.live(t, p, region), "chair \"one\", two=2\\", "リラックス座", servertest.At(0, 0))
	const reports = 300
	for i := 1; i < reports/3; i++ {
		chair.Report(servertest.At(i, -i))
	}
	second := r.stream(t, p, region)
	second.says(t, streaming)
	for i := reports / 3; i < reports; i++ {
		chair.Report(servertest.At(i, -i))
	}
	inviter, code := p.User("inviter", "")
	p.User("invited", code)
	inviter.Request(servertest.At(0, 0), servertest.At(3, 4))
	where := fmt.Sprintf(" WHERE region = '%s'", region)
	r.expect(t, "SELECT count(), sum(latitude), sum(longitude), count_distinct(seq) FROM positions"+where+" AND action = 'update'",
		fmt.Sprintf("%d %d %d %d", reports, reports*(reports-1)/2, -reports*(reports-1)/2, reports))
	r.expect(t, "SELECT name, model FROM chairs"+where+" AND action = 'insert'", `chair "one", two=2\ リラックス座`)
	r.expect(t, "SELECT status FROM statuses"+where, "MATCHING")
	// The invited user has two coupons, by one event, and their inviter a third.
	r.expect(t, "SELECT count(), min(c), max(c) FROM (SELECT seq, count() c FROM coupons"+where+" AND action = 'insert' GROUP BY seq)", "2 1 3")
	first.thrownOut(t)
	third := r.stream(t, p, region)
	second.thrownOut(t) // though nothing happens any more
	third.says(t, streaming)
}

// streaming is what a stream says when the region is its own.
const streaming = "streaming to Kafka"

// thrownOut holds that a stream ends since another one has taken over.
func (p *program) thrownOut(t *testing.T) {
	t.Helper()
	err, ended := p.wait()
	if !ended || err == nil || !strings.Contains(p.log.end(), stream.ErrFenced.Error()) {
		t.Errorf("another stream has taken over; this one has ended: %t (%v), and said:\n%s", ended, err, p.log.end())
	}
}

// TestTypeChanged: somebody has changed the type of a column. Rows that do not fit are set
// aside, those of other tables are written.
func TestTypeChanged(t *testing.T) {
	t.Parallel()
	r := shared.alone(t)
	p := city(t)
	region := "changed"
	r.sink(t)
	r.stream(t, p, region)
	token := r.live(t, p, region)
	if _, err := r.ask("ALTER TABLE coupons ALTER COLUMN kind TYPE LONG"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := r.ask("DROP TABLE coupons"); err != nil { // for the tests that follow, whose sinks make it again
			t.Error(err)
		}
	}()
	r.expect(t, "SELECT type FROM table_columns('coupons') WHERE \"column\" = 'kind'", "LONG") // it takes effect later
	p.User("user", "")                                                                         // has a coupon
	p.Chair(token, "chair", "リラックス座", servertest.At(1, 2))
	r.expect(t, fmt.Sprintf("SELECT latitude, longitude FROM positions WHERE region = '%s' AND action = 'update'", region), "1 2")
	eventually(t, func() error {
		for _, rec := range r.committed(t, stream.Dead) {
			if header(rec, "ce_source") == "/isuride/"+region && header(rec, "ce_type") == "isuride.coupons.insert" && header(rec, "reason") != "" {
				return nil
			}
		}
		return errors.New("no coupon is set aside")
	})
}

// TestServerStreams has the server stream by itself, be killed, and go on.
func TestServerStreams(t *testing.T) {
	t.Parallel()
	r := shared.use(t)
	region := "own"
	p := city(t, "ISURIDE_KAFKA="+r.broker, "ISURIDE_REGION="+region)
	r.sink(t)
	chair := p.Chair(r.live(t, p, region), "chair", "リラックス座", servertest.At(0, 0))
	const reports = 200
	for i := 1; i < reports; i++ {
		if i == reports/2 {
			p.Kill()
			p.Start()
		}
		chair.Report(servertest.At(i, 1))
	}
	p.Stop()
	p.Start() // what was not sent at the stop is now
	r.expect(t, fmt.Sprintf("SELECT count(), sum(latitude), count_distinct(seq) FROM positions WHERE region = '%s' AND action = 'update'", region),
		fmt.Sprintf("%d %d %d", reports, reports*(reports-1)/2, reports))
	p.Owner("later") // all else may have been sent before the stop
	servertest.Eventually(t, func() error {
		if n := p.Scrape().Value("isuride_stream_transactions_total"); n == 0 {
			return errors.New("the server's metrics have no transactions")
		}
		return nil
	})
}
