package main

import (
	"errors"
	"sync"

	"isuride/tools/ops/fleet/topology"
)

// onAll does the same on several hosts at once, and returns what went wrong on each. do
// gets the place of the host in the list, for results.
func onAll(hosts []topology.Host, do func(i int, h topology.Host) error) error {
	failures := make([]error, len(hosts))
	var wg sync.WaitGroup
	for i, h := range hosts {
		wg.Go(func() { failures[i] = do(i, h) })
	}
	wg.Wait()
	return errors.Join(failures...)
}
