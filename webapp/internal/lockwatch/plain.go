//go:build !lockwatch

package lockwatch

import "sync"

// Mutex is a sync.Mutex, watched only under the build tag.
type Mutex = sync.Mutex
