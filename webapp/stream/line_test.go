package stream_test

import (
	"fmt"
	"testing"

	"isuride/webapp/servertest"
)

// TestLine carries a city through all processes: what it did is in QuestDB, once.
func TestLine(t *testing.T) {
	r := shared.use(t)
	p := servertest.New(t)
	p.Bare()
	p.Start()
	region := "line"
	r.stream(t, p, region)
	r.sink(t)
	_, token := p.Owner("owner")
	chair := p.Chair(token, "chair \"one\", two=2\\", "リラックス座", servertest.At(0, 0))
	const reports = 500
	for i := 1; i < reports; i++ {
		chair.Report(servertest.At(i, -i))
	}
	user, _ := p.User("user", "")
	user.Request(servertest.At(0, 0), servertest.At(3, 4))
	where := fmt.Sprintf(" WHERE region = '%s'", region)
	r.expect(t, "SELECT count(), sum(latitude), sum(longitude), count_distinct(seq) FROM positions"+where+" AND action = 'update'",
		fmt.Sprintf("%d %d %d %d", reports, reports*(reports-1)/2, -reports*(reports-1)/2, reports))
	r.expect(t, "SELECT name, model FROM chairs"+where+" AND action = 'insert'", `chair "one", two=2\ リラックス座`)
	r.expect(t, "SELECT status FROM statuses"+where, "MATCHING")
}
