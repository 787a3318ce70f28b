//go:build race

package httpd

// raceDetector says that sync.Pool drops objects at random, so that allocations cannot be
// counted.
const raceDetector = true
