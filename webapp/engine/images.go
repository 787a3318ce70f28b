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

func (i *images) newest() (replica.Snapshot, bool) {
	paths, err := snapshot.List(i.m.dir)
	if err != nil || len(paths) == 0 {
		return replica.Snapshot{}, false
	}
	r, err := snapshot.Open(paths[0])
	if err != nil {
		return replica.Snapshot{}, false
	}
	defer r.Close()
	s, err := i.m.log.before(r.Header().Span.From)
	s.Name = filepath.Base(paths[0])
	return s, err == nil
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

// Receive is a replica.Images.
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
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	return syncFolder(i.m.dir)
}
