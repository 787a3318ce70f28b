package verify

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"isuride/bench/verify/rules"
)

// beside is how many scenarios without rides run at once.
const beside = 4

// play runs the stages of a suite one after another.
func play(ctx context.Context, s *rules.Suite) (results []rules.Result) {
	for _, st := range s.Stages() {
		results = append(results, playStage(ctx, s, st)...)
	}
	return results
}

// playStage runs the row with the others beside it and returns the results of the row
// first.
func playStage(ctx context.Context, s *rules.Suite, st rules.Stage) []rules.Result {
	row := make([][]rules.Result, len(st.Row))
	others := make([][]rules.Result, len(st.Beside))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i, sc := range st.Row {
			row[i] = s.Play(ctx, sc)
		}
	})
	var next atomic.Int64
	for range beside {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(others); i = int(next.Add(1)) - 1 {
				others[i] = s.Play(ctx, st.Beside[i])
			}
		})
	}
	wg.Wait()
	return slices.Concat(slices.Concat(row...), slices.Concat(others...))
}
