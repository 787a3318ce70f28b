//go:build !race

package api

// mostAllocations is what a request may allocate by the count of a test: less than one, since the
// write-behind allocates beside it.
const mostAllocations = 1
