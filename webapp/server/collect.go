package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/felixge/fgprof"

	"isuride/webapp/internal/build"
)

// collectors serves the paths under which pprotein, the contest's usual collector, fetches
// what happens while a load runs: profiles, and the lines that logs of other programs on this
// host gain meanwhile.
func (i *internal) collectors(httpLog, slowLog string) {
	i.mux.Handle("/debug/fgprof", fgprof.Handler())
	i.mux.Handle("GET /debug/log/httplog", tail{httpLog, "ISURIDE_HTTPLOG"})
	i.mux.Handle("GET /debug/log/slowlog", tail{slowLog, "ISURIDE_SLOWLOG"})
}

// withRevision tells collectors which commit they have measured.
func withRevision(next http.Handler) http.Handler {
	if revision := build.Revision(); revision != build.Unknown {
		return tellRevision(revision, next)
	}
	return next
}

func tellRevision(revision string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-GIT-REVISION"] = []string{revision} // as written: collectors may compare bytes
		next.ServeHTTP(w, r)
	})
}

// defaultSeconds is how long collectors wait that say nothing, like pprof.
const defaultSeconds = 30

// tail answers with what a log gains while the request lasts: "seconds" of its query, 30
// without one, an hour at most.
type tail struct{ path, variable string }

func (t tail) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, err := os.Open(t.path)
	if err != nil {
		http.Error(w, fmt.Sprintf("the log cannot be read: %v; %s names another, and the server's user needs the right to read it", err, t.variable), http.StatusNotFound)
		return
	}
	defer f.Close()
	if err := t.copy(w, r, f); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (t tail) copy(w http.ResponseWriter, r *http.Request, f *os.File) error {
	from, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	select {
	case <-r.Context().Done():
		return nil
	case <-time.After(duration(r)):
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < from { // it was emptied meanwhile
		from = 0
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = io.Copy(w, io.NewSectionReader(f, from, info.Size()-from))
	return err
}

// duration is what a request asks for in seconds.
func duration(r *http.Request) time.Duration {
	seconds, err := strconv.ParseFloat(r.URL.Query().Get("seconds"), 64)
	if err != nil {
		return defaultSeconds * time.Second
	}
	return time.Duration(max(0, min(seconds, profileLimit.Seconds())) * float64(time.Second))
}
