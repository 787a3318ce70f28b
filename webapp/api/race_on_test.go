//go:build race

package api

// mostAllocations is what a request may allocate by the count of a test. With the race detector
// sync.Pool drops objects at random.
const mostAllocations = 4
