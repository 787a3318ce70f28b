package doctor

import (
	"cmp"
	"fmt"
	"strings"
)

// sink checks what brings events to QuestDB, and both ends of it, which people have installed.
func sink(e *examination) {
	brokers, database := e.facts["sink.brokers"], e.facts["sink.database"]
	if brokers == "" {
		return // it does not run, which is a finding about its unit
	}
	e.demand("Kafka", e.facts["sink.broker"] != "", Bad, brokers, "nobody listens there: start Kafka, or set ISURIDE_KAFKA in /home/isucon/env.sh here and on the servers' hosts")
	answer := e.facts["sink.questdb"]
	e.demand("QuestDB", strings.HasSuffix(answer, healthy), Bad, database+": "+cmp.Or(answer, "no answer"),
		"start QuestDB, or set ISURIDE_QUESTDB in /home/isucon/env.sh here and on the servers' hosts")
	e.none("suspended tables", "sink.suspended_tables", Bad, "QuestDB takes their rows and does not show them: free disk space, then ALTER TABLE ... RESUME WAL")
	e.none("messages set aside", "sink.dead_total", Warning, "the topic isuride.dead has them, each with the reason")
}

// none checks that a fact is 0.
func (e *examination) none(check, key string, otherwise Verdict, advice string) {
	n, ok := e.facts.number(key)
	if !ok {
		e.unread(check, key)
		return
	}
	e.demand(check, n == 0, otherwise, fmt.Sprintf("%.0f", n), advice)
}
