// Package crash has tests of the whole server that end it with SIGKILL, stop it, or take
// away what it needs: the database, rows, a sound journal. What a client was told must hold
// afterwards.
//
// The tests print their seed. To run one of them with it:
//
//	go test ./webapp/crash -run 'TestCrash/sqlite' -count 1 -v -seed N
//
// The seed repeats the random choices, not the order in which goroutines and processes get
// the CPU. Without -seed, or with 0, there is a new one. TestCrash, TestOutage and
// TestKillDuringInitialize take it.
//
// A new release adds its data folder to testdata, see TestFoldersOfReleases. Rules that
// need no crash are in webapp/acceptance.
package crash
