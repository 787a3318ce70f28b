package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// TestTablesStopTwice: a member that is deposed while it stops in good order ends the writing of its tables from two
// goroutines; each returns once it has ended.
func TestTablesStopTwice(t *testing.T) {
	m := benchMember(t)
	tables := &tables{m: m, open: func(context.Context) (groupDatabase, error) { return nil, errors.New("the database is away") }}
	for term := range uint64(3) {
		tables.start(term)
		l := tables.life.Load()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := tables.drain(t.Context()); err != nil {
					t.Error(err)
				}
				select {
				case <-l.done:
				default:
					t.Error("they are still written")
				}
			})
		}
		both.Wait()
	}
}
