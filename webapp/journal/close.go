package journal

import "errors"

// refuse stops Append permanently. The first reason stays, unless it is the end.
func (j *Journal) refuse(err error) (before error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	before = j.refused
	if before == nil || before == ErrNotLeading || err == ErrClosed {
		j.refused = err
	}
	return before
}

// Close stops the log with everything on the disk, so that damage found by the next Open
// is corruption and not a torn tail. Open readers may read on to the end; they hold the
// memory until they are closed.
func (j *Journal) Close() error {
	if j.refuse(ErrClosed) == ErrClosed {
		return ErrClosed
	}
	j.leads.Store(0)
	j.waits.end(ErrClosed)
	close(j.closing)
	<-j.makeDone
	<-j.syncDone
	err := errors.Join(j.dropSpare(), j.finish())
	j.letGo()
	if j.dir != nil {
		j.dir.close()
	}
	return err
}

// finish syncs what is left and gives back the room that the active segment did not use.
func (j *Journal) finish() error {
	if !j.synced() {
		return nil
	}
	if err := j.commit.failure(); err != nil {
		return err
	}
	if err := j.sync(); err != nil {
		return err
	}
	if err := j.active.truncate(); err != nil {
		return err
	}
	return errors.Join(j.active.file.Sync(), j.dir.sync())
}

// letGo leaves the segments to the open readers.
func (j *Journal) letGo() {
	j.releasing.Lock()
	defer j.releasing.Unlock()
	j.mu.Lock()
	j.closed = true
	delete(j.pins, j.releasePin)
	delete(j.pins, j.syncPin)
	delete(j.pins, j.endPin)
	j.releasePin = nil
	j.mu.Unlock()
	j.sweep(0)
}
