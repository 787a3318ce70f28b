package api

import (
	"sync"
	"testing"
	"testing/synctest"
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

// TestBlockedWritersHoldUpNobody has more of them than writers are kept, twice, so that
// kept ones are used, too.
func TestBlockedWritersHoldUpNobody(t *testing.T) {
	p := newWriterPool()
	for range 2 {
		b := blocked{new(sync.WaitGroup), make(chan struct{})}
		for range 2 * resident {
			b.begun.Add(1)
			p.write(b)
		}
		b.begun.Wait()
		d := make(done)
		p.write(d)
		<-d
		close(b.release)
	}
	p.close()
	if n := len(p.idle); n > resident {
		t.Errorf("%d writers were kept, want at most %d", n, resident)
	}
	p.write(blocked{}) // dropped
}

// TestPoolWaitsForWriters: closing returns when the last task is done.
func TestPoolWaitsForWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWriterPool()
		b := blocked{new(sync.WaitGroup), make(chan struct{})}
		b.begun.Add(1)
		p.write(b)
		closed := make(chan struct{})
		go func() { p.close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("closed although a task is not done")
		default:
		}
		close(b.release)
		<-closed
	})
}
