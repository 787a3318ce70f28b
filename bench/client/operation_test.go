package client

import (
	"testing"

	"isuride/bench/world"
)

// Every event that ends a call has a row that can carry the call out.
func TestOperations(t *testing.T) {
	for event := world.EventVisited; event < operationCount; event++ {
		o := &operations[event]
		if o.name == "" || event != world.EventVisited && (o.status == 0 || o.target == nil || o.decode == nil) {
			t.Errorf("event %d: %+v", event, o)
		}
	}
}
