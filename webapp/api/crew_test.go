package api

import (
	"sync"
	"testing"
)

// blocked is a stream whose peer does not read until it is told to.
type blocked struct {
	begun   *sync.WaitGroup
	release chan struct{}
}

func (b blocked) write(buf []byte) []byte {
	b.begun.Done()
	<-b.release
	return buf
}

type done chan struct{}

func (d done) write(buf []byte) []byte {
	close(d)
	return buf
}

// TestBlockedWritersHoldUpNobody has more of them than writers are kept, twice, so that kept ones are used, too.
func TestBlockedWritersHoldUpNobody(t *testing.T) {
	c := newCrew()
	for range 2 {
		b := blocked{new(sync.WaitGroup), make(chan struct{})}
		for range 2 * resident {
			b.begun.Add(1)
			c.write(b)
		}
		b.begun.Wait()
		d := make(done)
		c.write(d)
		<-d
		close(b.release)
	}
}
