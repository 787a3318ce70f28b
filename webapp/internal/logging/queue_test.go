package logging

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestQueueNobodyReads: a reader that has stopped holds nobody up, what does not fit is
// counted, and the line that follows says so.
func TestQueueNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		q := NewQueue(w)
		log := New(q, Text)
		log.Info("line")
		synctest.Wait() // the writer has it, and the queue is empty
		for range 2 * queueLength {
			log.Info("line")
		}
		if lost := q.Lost(); lost != queueLength {
			t.Errorf("%d lines are lost", lost)
		}
		q.Close(time.Second) // must return
		var out bytes.Buffer
		go io.Copy(&out, r)
		synctest.Wait()
		log.Info("after")
		synctest.Wait()
		if !strings.Contains(out.String(), "msg=after lost=10") {
			t.Errorf("the last line is %q", out.String()[max(0, out.Len()-100):])
		}
		q.Close(time.Second)
		w.Close()
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestQueueCannotWrite: an error of the reader, like a full disk, is counted and no more.
func TestQueueCannotWrite(t *testing.T) {
	q := NewQueue(failing{})
	for range 3 {
		if n, err := q.Write([]byte("line\n")); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	q.Close(time.Minute)
	if q.Lost() != 3 {
		t.Errorf("%d lines are lost", q.Lost())
	}
}

func TestQueueCloseWritesAll(t *testing.T) {
	var out bytes.Buffer
	q := NewQueue(&out)
	for range 100 {
		q.Write([]byte("x"))
	}
	q.Close(time.Minute)
	if out.Len() != 100 {
		t.Errorf("%d lines are written", out.Len())
	}
}
