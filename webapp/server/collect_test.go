package server

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTail: a collector gets what a log gains while it waits, no more and no less.
func TestTail(t *testing.T) {
	for name, tc := range map[string]struct {
		meanwhile func(path string) error
		want      string
	}{
		"lines":   {func(path string) error { return appendTo(path, "new\n") }, "new\n"},
		"nothing": {func(string) error { return nil }, ""},
		"emptied": {func(path string) error { return os.WriteFile(path, []byte("n\n"), 0o600) }, "n\n"},
		"rotated": {func(path string) error {
			return errors.Join(appendTo(path, "late\n"), os.Rename(path, path+".1"), os.WriteFile(path, []byte("another\n"), 0o600))
		}, "late\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "access.log")
			if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := httptest.NewRecorder()
				go tail{path, "ISURIDE_HTTPLOG"}.ServeHTTP(w, httptest.NewRequest("GET", "/debug/log/httplog?seconds=7", nil))
				synctest.Wait()
				if err := tc.meanwhile(path); err != nil {
					t.Error(err)
				}
				time.Sleep(7 * time.Second)
				synctest.Wait()
				if w.Code != 200 || w.Body.String() != tc.want {
					t.Errorf("answered %d %q, want %q", w.Code, w.Body, tc.want)
				}
				if took := time.Since(began); took != 7*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

func TestTailOfNoLog(t *testing.T) {
	w := httptest.NewRecorder()
	tail{filepath.Join(t.TempDir(), "slow.log"), "ISURIDE_SLOWLOG"}.ServeHTTP(w, httptest.NewRequest("GET", "/debug/log/slowlog?seconds=9", nil))
	if w.Code != 404 || !strings.Contains(w.Body.String(), "ISURIDE_SLOWLOG") || !strings.Contains(w.Body.String(), "slow.log") {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

func TestRevisionIsTold(t *testing.T) {
	w := httptest.NewRecorder()
	tellRevision("abc", http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := map[string][]string(w.Header())["X-GIT-REVISION"]; len(got) != 1 || got[0] != "abc" {
		t.Errorf("the header is %v", w.Header())
	}
}
