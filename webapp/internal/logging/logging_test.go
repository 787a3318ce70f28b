package logging

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestFlood: of one complaint a few lines a second are written, others are not touched,
// and what was held back is told.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		base := New(&out, Text)
		log := base.With("part", "api")
		for range 40_000 {
			log.Error("request failed", "err", "disk")
		}
		log.WithGroup("g").Warn("payment failed")
		for range 100 {
			log.Info("listening")
		}
		if n := strings.Count(out.String(), "request failed"); n != perSecond {
			t.Errorf("%d lines of a flood are written, want %d", n, perSecond)
		}
		if !strings.Contains(out.String(), "payment failed") || strings.Count(out.String(), "listening") != 100 {
			t.Errorf("other lines are missing:\n%s", &out)
		}
		if n := base.Errors(); n != 40_000 {
			t.Errorf("%d errors are counted, want all", n)
		}
		out.Reset()
		time.Sleep(time.Second)
		log.Error("request failed", "err", "disk")
		log.Error("request failed", "err", "disk")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 || !strings.HasSuffix(lines[0], `part=api err=disk held_back=39990`) || strings.Contains(lines[1], "held_back") {
			t.Errorf("a second later:\n%s", &out)
		}
	})
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	New(&out, JSON).Error("request failed", "request", "7-1")
	var line struct{ Level, Msg, Request string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Level != "ERROR" || line.Msg != "request failed" || line.Request != "7-1" {
		t.Errorf("%v: %s", err, &out)
	}
}

func TestParallel(t *testing.T) {
	log := New(&bytes.Buffer{}, Text)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 1000 {
				log.Error("request failed")
			}
		})
	}
	wait.Wait()
	if n := log.Errors(); n != 4000 {
		t.Errorf("%d errors are counted", n)
	}
}
