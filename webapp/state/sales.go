package state

import (
	"sort"

	"isuride/webapp/isuride"
)

// Sales returns the sum of the full fares of the chair's rides that were completed in the
// window, bounds included (S4.13).
func (c *Chair) Sales(since, until isuride.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.salesUpToLocked(until)-c.salesUpToLocked(since-1), 0)
}

func (c *Chair) salesUpToLocked(t isuride.Time) int {
	n := sort.Search(len(c.sales), func(i int) bool { return c.sales[i].At > t })
	if n == 0 {
		return 0
	}
	return c.sales[n-1].Sum
}
