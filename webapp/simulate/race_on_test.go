//go:build race

package simulate

// raceDetector says that everything takes ten times as long.
const raceDetector = true
