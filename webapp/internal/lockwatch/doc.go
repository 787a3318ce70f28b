// Package lockwatch reports locks that are held for too long. Without the build tag
// lockwatch its Mutex is a sync.Mutex and costs nothing. With it, a lock held longer than
// 100 ms (or the duration in LOCKWATCH) is logged to stderr while it is held, with the
// present stack of the goroutine that took it:
//
//	go build -tags lockwatch ./webapp/cmd/isuride
//
// Longest tells the longest hold of all.
//
// Locks that are held across I/O on purpose stay sync.Mutex; webapp/docs/locking.md lists
// both kinds.
package lockwatch
