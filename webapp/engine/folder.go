package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"isuride/webapp/journal"
	"isuride/webapp/sqlstore"
)

// Folder is the locked home of the journals: a folder of segments for each generation,
// named by its number in at least six digits. Whatever has another name is somebody
// else's and left alone.
//
// Which journals may go is decided by what their segments say, never by their number
// alone: two databases used with one folder have equal numbers.
type Folder struct {
	path string
	lock io.Closer
}

// LockFolder makes the folder ours until Close. Nothing that another server may be using,
// its sockets included, is to be touched before. Servers of earlier releases lock only
// their generation's folder.
func LockFolder(path string) (*Folder, error) {
	lock, err := journal.Lock(path)
	if err != nil {
		return nil, folderError(path, err)
	}
	f := &Folder{path: path, lock: lock}
	numbers, err := f.generations()
	for _, n := range numbers {
		err = errors.Join(err, journal.InUse(f.journal(n)))
	}
	if err != nil {
		lock.Close()
		return nil, folderError(path, err)
	}
	return f, nil
}

func folderError(path string, err error) error {
	if errors.Is(err, journal.ErrLocked) {
		return fmt.Errorf("ISURIDE_JOURNAL: %s: %w; stop that server, or name another folder", path, err)
	}
	return fmt.Errorf("ISURIDE_JOURNAL: %s: %w", path, err)
}

// Close unlocks the folder.
func (f *Folder) Close() error { return f.lock.Close() }

// journal returns the folder of one generation's segments.
func (f *Folder) journal(generation uint64) string { return journal.GenerationPath(f.path, generation) }

// generations lists the journals that are there.
func (f *Folder) generations() (numbers []uint64, err error) { return journal.Generations(f.path) }

// forMember refuses a folder that has the journals of a server that was alone: their events
// would be in no member's log.
func (f *Folder) forMember() error {
	numbers, err := f.generations()
	switch {
	case err != nil:
		return folderError(f.path, err)
	case len(numbers) > 0:
		return fmt.Errorf("ISURIDE_JOURNAL: %s has the journal of a server without replicas: stop it by TERM and run isuride member, which makes it the first of a group, or name another folder", f.path)
	}
	return nil
}

// forAlone refuses a folder that has the log of a group: a server alone knows nothing of it,
// and would begin again with what is in the database.
func (f *Folder) forAlone() error {
	numbers, err := f.generations()
	if err != nil {
		return folderError(f.path, err)
	}
	if _, err := os.Stat(filepath.Join(f.path, groupFolder)); err == nil && len(numbers) == 0 {
		return fmt.Errorf("ISURIDE_JOURNAL: %s is a replica's: set ISURIDE_REPLICAS and ISURIDE_NODE as before, or name another folder", f.path)
	}
	return nil
}

// fate says what to do with a journal.
type fate int

const (
	stays  fate = iota // it is the present generation's
	goes               // it is older and of the same history, or there is nothing in it
	parted             // it is older, but from before identities: nobody can prove whose it is
)

// check looks at all journals for what the database holds, and refuses if there is one
// that is not certainly the database's own or older. It changes nothing.
func (f *Folder) check(st sqlstore.State) (map[uint64]fate, error) {
	numbers, err := f.generations()
	if err != nil {
		return nil, folderError(f.path, err)
	}
	fates := make(map[uint64]fate, len(numbers))
	for _, n := range numbers {
		info, err := journal.Inspect(f.journal(n))
		if err == nil {
			fates[n], err = judge(n, info, st)
		}
		if err != nil {
			return nil, fmt.Errorf("ISURIDE_JOURNAL: %s: %w", f.journal(n), err)
		}
	}
	return fates, nil
}

// advice ends every refusal.
const advice = "put back the database that belongs to it, name another folder in ISURIDE_JOURNAL, or move this one away if its events are not needed"

func judge(n uint64, info journal.Info, st sqlstore.State) (fate, error) {
	present := n == st.Generation && st.Ready
	switch {
	case !info.Segments && present:
		return stays, nil
	case !info.Segments:
		return goes, nil
	case st.History == "":
		return 0, fmt.Errorf("the journal (%s, up to event %d) is not of this database, which is new; %s", whose(info), info.Last, advice)
	case info.Known && info.History.String() != st.History:
		return 0, fmt.Errorf("the journal is of history %s (up to event %d), the database of history %s; %s", info.History, info.Last, st.History, advice)
	case present:
		return stays, nil
	case n < st.Generation && info.Known:
		return goes, nil
	case n < st.Generation:
		return parted, nil
	case info.Known && !info.Records && info.Last == 0:
		return goes, nil // of a generation in which nothing ever happened
	case n == st.Generation:
		return 0, fmt.Errorf("the journal (%s, up to event %d) has events of generation %d, of which the database has lost tables; %s", whose(info), info.Last, n, advice)
	}
	return 0, fmt.Errorf("the journal (%s, up to event %d) is of generation %d, the database of generation %d, as an older backup is; %s",
		whose(info), info.Last, n, st.Generation, advice)
}

func whose(info journal.Info) string {
	if info.Known {
		return "history " + info.History.String()
	}
	return "from before histories had identities"
}

// clear removes the journals that nobody needs, and puts those aside that cannot be
// judged.
func (e *Engine) clear(st sqlstore.State) error {
	f := e.cfg.Folder
	fates, err := f.check(st)
	if err != nil {
		return err
	}
	for n, fate := range fates {
		switch fate {
		case goes:
			err = removeFolder(f.journal(n))
		case parted:
			err = e.putAside(n)
		}
		if err != nil {
			return folderError(f.path, err)
		}
	}
	return nil
}

// putAside gives an old journal a name that is no generation's, for earlier releases
// neither.
func (e *Engine) putAside(generation uint64) error {
	from := e.cfg.Folder.journal(generation)
	for i := 1; ; i++ {
		to := filepath.Join(e.cfg.Folder.path, fmt.Sprintf("aside-%06d-%d", generation, i))
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return err
			}
			continue
		}
		e.cfg.Log.Warn("a journal of an earlier generation, from before histories had identities, is put aside; it is not needed if no other database was used with this folder",
			"journal", from, "now", to)
		return os.Rename(from, to)
	}
}
