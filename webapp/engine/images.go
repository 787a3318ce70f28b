package engine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"isuride/webapp/replica"
	"isuride/webapp/snapshot"
)

// images are a member's snapshots, as others get them: a line with the base that the snapshot
// is of, then its file.
type images struct {
	m      *member
	making atomic.Bool
}

// Latest is a replica.Snapshots.
func (i *images) Latest(atLeast uint64) (replica.Snapshot, bool) {
	s, ok := i.newest()
	if ok && s.At.Index >= atLeast {
		return s, true
	}
	i.make()
	return s, false
}

// make has a snapshot made, one at a time.
func (i *images) make() {
	g := i.m.e.current.Load()
	if g == nil || !i.making.CompareAndSwap(false, true) {
		return
	}
	go func() { // not one of the generation's loops, which may be over
		defer i.making.Store(false)
		if _, err := g.snapshots.write(g.ctx, true); err != nil && g.ctx.Err() == nil {
			g.cfg.Log.Warn("no snapshot can be written for another replica that waits for one", "err", err)
			pauseFor(g.ctx, tablesPause)
		}
	}()
}

// newest returns the newest snapshot that can be read and of which the log knows the entry. The
// content is not read: the raft waits for the answer.
func (i *images) newest() (s replica.Snapshot, ok bool) {
	paths, err := snapshot.List(i.m.dir)
	if err != nil {
		return s, false
	}
	for _, path := range paths {
		if s, err = i.describe(path); err == nil {
			return s, true
		}
	}
	return replica.Snapshot{}, false
}

func (i *images) describe(path string) (replica.Snapshot, error) {
	r, err := snapshot.Open(path)
	if err != nil {
		return replica.Snapshot{}, err
	}
	defer r.Close()
	s, err := i.m.log.before(r.Header().Span.From)
	s.Name = filepath.Base(path)
	return s, err
}

// before returns the last entry that ends at or before a record.
func (l *groupLog) before(record uint64) (s replica.Snapshot, err error) {
	lo, hi := l.First(), l.Last()+1 // entries below lo end before it, from hi on behind
	for lo < hi {
		mid := lo + (hi-lo)/2
		end, err := l.End(mid)
		if err != nil {
			return s, err
		}
		if end <= record {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	s.At.Index = lo - 1
	if s.At.Term, err = l.Term(s.At.Index); err != nil {
		return s, err
	}
	s.Last, err = l.End(s.At.Index)
	return s, err
}

// Install is a replica.Snapshots. Receive has made the image durable under its name, which
// sorts by age, so that the next standby begins with it.
func (i *images) Install(s replica.Snapshot) error {
	_, err := os.Stat(filepath.Join(i.m.dir, s.Name))
	return err
}

// Open is a replica.Images.
func (i *images) Open(name string) (io.ReadCloser, int64, error) {
	r, err := snapshot.Open(filepath.Join(i.m.dir, filepath.Base(name)))
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	b, ok := i.m.bases.of(r.Header().Generation)
	if !ok {
		return nil, 0, fmt.Errorf("%s is of generation %d, of which nothing is known", name, r.Header().Generation)
	}
	line, err := json.Marshal(b)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(r.Path())
	if err != nil {
		return nil, 0, err
	}
	line = append(line, '\n')
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(line), f), f}, int64(len(line)) + r.Bytes(), nil
}

// maxBase bounds the line of a base: the models are a few kilobytes.
const maxBase = 1 << 20

// Receive is a replica.Images. A kill leaves a part, which the next start removes.
func (i *images) Receive(name string, image io.Reader) error {
	in := bufio.NewReaderSize(image, maxBase)
	line, err := in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("the image does not begin with its generation: %w", err)
	}
	var b base
	if err := json.Unmarshal(line, &b); err != nil {
		return err
	}
	if err := i.m.bases.keep(b); err != nil {
		return err
	}
	path := filepath.Join(i.m.dir, filepath.Base(name))
	if err := store(path+partSuffix, in); err != nil {
		return errors.Join(err, removeFile(path+partSuffix))
	}
	if err := os.Rename(path+partSuffix, path); err != nil {
		return err
	}
	return syncFolder(i.m.dir)
}

// partSuffix ends the name of a snapshot of which not all has come.
const partSuffix = ".part"

// store writes a new file, which is on the disk when it returns.
func store(path string, content io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// removeParts removes what a kill has left of snapshots that were coming from another member.
// None may be coming now.
func removeParts(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var errs []error
	for _, e := range entries {
		if snapshot.IsName(strings.TrimSuffix(e.Name(), partSuffix)) && strings.HasSuffix(e.Name(), partSuffix) {
			errs = append(errs, removeFile(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
