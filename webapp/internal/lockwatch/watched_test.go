//go:build lockwatch

package lockwatch

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// logged returns what the function logs.
func logged(t *testing.T, f func()) string {
	var out bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	synctest.Test(t, func(t *testing.T) { f() })
	return out.String()
}

func holdTooLong(m *Mutex, d time.Duration) {
	m.Lock()
	defer m.Unlock()
	time.Sleep(d)
	synctest.Wait()
}

func TestLongest(t *testing.T) {
	Longest()
	synctest.Test(t, func(t *testing.T) {
		m := new(Mutex)
		holdTooLong(m, limit/4)
		holdTooLong(m, limit/2)
		holdTooLong(m, limit/8)
	})
	if h := Longest(); h.For != limit/2 || !strings.Contains(h.By, "lockwatch.holdTooLong") {
		t.Errorf("the longest hold was %+v", h)
	}
	if h := Longest(); h != (Hold{}) {
		t.Errorf("then it is %+v", h)
	}
}

func TestReportsHolder(t *testing.T) {
	out := logged(t, func() { holdTooLong(new(Mutex), limit) })
	if strings.Count(out, "a lock is held for too long") != 1 || !strings.Contains(out, "lockwatch.holdTooLong") {
		t.Errorf("reported: %q, want the holder's stack, once", out)
	}
}

func TestReportsNothingElse(t *testing.T) {
	out := logged(t, func() {
		var m Mutex
		for range 3 {
			holdTooLong(&m, limit-1)
		}
		time.Sleep(10 * limit)
	})
	if out != "" {
		t.Errorf("reported: %q, want nothing", out)
	}
}

func TestLimit(t *testing.T) {
	if d := limitOf("2s"); d != 2*time.Second {
		t.Errorf("limit %v, want 2s", d)
	}
	defer func() {
		if recover() == nil {
			t.Error("a wrong limit is accepted")
		}
	}()
	limitOf("soon")
}
