package flight

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRecorder: what is written is a trace of Go's, with the goroutines of this test,
// from the beginning of recording to its end.
func TestRecorder(t *testing.T) {
	var r Recorder
	ask := func(method string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, httptest.NewRequest(method, "/debug/flight", nil))
		return answer
	}
	for range 2 { // a second life is like the first
		if a := ask("GET"); a.Code != 503 || !strings.Contains(a.Body.String(), "nothing is recorded") {
			t.Errorf("before the beginning: %d %s", a.Code, a.Body)
		}
		if a := ask("POST"); a.Code != 200 {
			t.Fatalf("the beginning: %d %s", a.Code, a.Body)
		}
		if err := r.Start(); err != nil {
			t.Errorf("a second beginning: %v", err)
		}
		done := make(chan bool)
		go func() { done <- true }()
		<-done
		if a := ask("GET"); a.Code != 200 || !strings.HasPrefix(a.Body.String(), "go 1.") || !strings.Contains(a.Body.String(), "TestRecorder") {
			t.Errorf("%d %.20q..., %d bytes", a.Code, a.Body, a.Body.Len())
		}
		if a := ask("PUT"); a.Code != 405 {
			t.Errorf("PUT is answered %d", a.Code)
		}
		ask("DELETE")
	}
}

// fake is a trace.
type fake struct {
	text string
	err  error
}

func (f *fake) WriteTo(w io.Writer) (int64, error) {
	n, _ := io.WriteString(w, f.text)
	return int64(n), f.err
}

func run(t *testing.T, test func(k *Keeper, trace *fake, log *bytes.Buffer)) {
	folder := t.TempDir() // outside of the bubble, since it outlives it
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		log, trace := new(bytes.Buffer), &fake{text: "a trace"}
		k := NewKeeper(trace, folder, slog.New(slog.NewTextHandler(log, nil)))
		go k.Run(ctx)
		synctest.Wait()
		test(k, trace, log)
	})
}

func files(t *testing.T, k *Keeper) []string {
	t.Helper()
	entries, err := os.ReadDir(k.folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestOneAMinute: of many slow requests one file and one line, until a minute has passed.
func TestOneAMinute(t *testing.T) {
	run(t, func(k *Keeper, _ *fake, log *bytes.Buffer) {
		for range 100 {
			k.Slow("7-1", "GET /a", time.Second)
			synctest.Wait()
		}
		time.Sleep(pause - 1)
		synctest.Wait()
		k.Slow("7-2", "GET /a", time.Second)
		synctest.Wait()
		names := files(t, k)
		if len(names) != 1 || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), `request=7-1 endpoint="GET /a" took=1s trace=`) {
			t.Fatalf("files %v, log:\n%s", names, log)
		}
		if text, err := os.ReadFile(filepath.Join(k.folder, names[0])); err != nil || string(text) != "a trace" {
			t.Errorf("the file holds %q (%v)", text, err)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		k.Slow("7-3", "GET /a", time.Second)
		synctest.Wait()
		if names := files(t, k); len(names) != 2 {
			t.Errorf("a minute later the files are %v", names)
		}
	})
}

// TestNewestAreKept: never more than five files, the newest ones, and no other file goes.
func TestNewestAreKept(t *testing.T) {
	run(t, func(k *Keeper, _ *fake, _ *bytes.Buffer) {
		if err := os.WriteFile(filepath.Join(k.folder, "a.trace"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var all []string
		for range kept + 2 {
			k.Slow("7-1", "GET /a", time.Second)
			synctest.Wait()
			all = files(t, k)
			time.Sleep(pause)
			synctest.Wait()
		}
		if len(all) != 1+kept || all[0] != "a.trace" || all[1] != "flight-20000101T000200.000.trace" {
			t.Errorf("the files are %v", all)
		}
	})
}

// TestNoHalfFile: what cannot be written leaves nothing but a line.
func TestNoHalfFile(t *testing.T) {
	run(t, func(k *Keeper, trace *fake, log *bytes.Buffer) {
		trace.err = errors.New("disk full")
		k.Slow("7-1", "GET /a", time.Second)
		synctest.Wait()
		if names := files(t, k); len(names) > 0 || !strings.Contains(log.String(), "disk full") {
			t.Errorf("files %v, log:\n%s", names, log)
		}
	})
}
