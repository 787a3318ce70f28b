package flight

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// pause is the time from one file to the next: what makes one request slow makes many
	// slow, and writing a trace takes its time, too.
	pause = time.Minute
	// kept bounds the number of files; the oldest goes first.
	kept = 5
)

// Keeper writes a trace to a file when something was slow.
type Keeper struct {
	// Set once.
	trace  io.WriterTo // what happened lately
	folder string
	log    *slog.Logger
	slow   chan request

	resting atomic.Bool // nothing is taken now
}

// request is one that was slow.
type request struct {
	id, endpoint string
	took         time.Duration
}

// NewKeeper makes a keeper of files flight-TIME.trace in a folder; Run does the work.
func NewKeeper(trace io.WriterTo, folder string, log *slog.Logger) *Keeper {
	return &Keeper{trace: trace, folder: folder, log: log, slow: make(chan request)}
}

// Slow reports a slow request. It never waits: while a file is written, and for a minute
// after it, requests are not taken note of.
func (k *Keeper) Slow(id, endpoint string, took time.Duration) {
	if k.resting.Load() {
		return
	}
	select {
	case k.slow <- request{id, endpoint, took}:
	default:
	}
}

// Run writes files until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	<-rest.C
	for {
		select {
		case r := <-k.slow:
			k.resting.Store(true)
			k.keep(r)
		case <-ctx.Done():
			return
		}
		rest.Reset(pause)
		select {
		case <-rest.C:
			k.resting.Store(false)
		case <-ctx.Done():
			return
		}
	}
}

func (k *Keeper) keep(r request) {
	path, err := k.write()
	if err != nil {
		k.log.Error("the trace of a slow request cannot be kept", "request", r.id, "err", err)
		return
	}
	k.log.Warn("a request was slow", "request", r.id, "endpoint", r.endpoint, "took", r.took, "trace", path)
}

// namePattern sorts by time.
const namePattern = "flight-20060102T150405.000.trace"

// write writes a file, whole or not at all, and removes those that are too many.
func (k *Keeper) write() (path string, err error) {
	if err := os.MkdirAll(k.folder, 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(k.folder, time.Now().UTC().Format(namePattern))
	unfinished := path + ".part"
	f, err := os.Create(unfinished)
	if err != nil {
		return "", err
	}
	defer os.Remove(unfinished) // there is none any more if all went well
	_, err = k.trace.WriteTo(f)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, path); err != nil {
		return "", err
	}
	return path, k.prune()
}

func (k *Keeper) prune() error {
	files, err := filepath.Glob(filepath.Join(k.folder, "flight-*.trace"))
	if err != nil {
		return err
	}
	slices.Sort(files)
	for len(files) > kept {
		if err := os.Remove(files[0]); err != nil {
			return err
		}
		files = files[1:]
	}
	return nil
}
