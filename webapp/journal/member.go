package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"isuride/webapp/internal/disk"
)

// memberName is the name of the file in the folder of a log.
const memberName = "member"

// memberVersion is that of the form of the file.
const memberVersion = 2

// memberRoom is what each copy in the file has, in bytes. Seven members with names and addresses
// of the longest kind take a quarter of it.
const memberRoom = 16 << 10

// ErrMember says that a member's file belongs to another node, group or history, or is
// damaged. The text says which, and what to do.
var ErrMember = errors.New("journal: the member's file does not fit")

// Member is what a member of a group has to know after any end of the process, besides its
// log: it is on the disk before anything that depends on it is said to another member.
type Member struct {
	// Who wrote it. It is refused under another identity.
	Group   uint32
	History History
	Node    string // name of the member

	// Boot is that of the machine in which the folder was written last, Clean whether it
	// ended with everything on the disk.
	Boot  string
	Clean bool

	Term   uint64
	Vote   uint64 // for whom in this term, 0 for nobody yet
	Commit uint64 // index that was committed, at least
	// Members is who belongs to the group, as its user encodes it.
	Members []byte
}

// MayHaveLost reports whether the node may have forgotten what it has acknowledged: the
// machine was started again since, and the last stop was not an orderly one. At level Power
// it has not.
func (m Member) MayHaveLost(boot string) bool { return !m.Clean && m.Boot != boot }

// MemberFile keeps a Member in the folder of a log. It belongs to one goroutine.
//
// The file has its place on the disk from the first Save on, so that a disk that is full later
// does not keep its member from voting. It has two copies, which are written one after the other:
// at each moment one of them is whole, and if both are, the first is the later one.
type MemberFile struct {
	sys  disk.Disk
	dir  string
	file disk.File // nil before the first Save
	last Member
}

// OpenMember opens the file in a folder, which belongs to the identity of the given Member:
// its group, history and node. Without one the given Member is what is known, and found is
// false. The errors are ErrMember and those of the disk.
func OpenMember(sys disk.Disk, dir string, is Member) (f *MemberFile, found bool, err error) {
	f = &MemberFile{sys: sys, dir: dir, last: is}
	if f.file, err = sys.Open(f.path(), true); errors.Is(err, fs.ErrNotExist) {
		return f, false, nil
	}
	if err == nil {
		err = f.load(is)
	}
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, true, nil
}

// load reads the file, and has it on the disk as it reads: a Save that was interrupted may have
// left two different copies, and a name that is not on the disk yet.
func (f *MemberFile) load(is Member) error {
	b := make([]byte, 2*memberRoom)
	n, err := f.file.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return err
	}
	b = b[:n]
	if f.last, err = parseMember(b[:min(n, memberRoom)]); err != nil && n > memberRoom {
		if m, second := parseMember(b[memberRoom:]); second == nil {
			f.last, err = m, nil
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %s %w", ErrMember, f.path(), err)
	}
	if err := f.fits(is); err != nil {
		return err
	}
	if n < 2*memberRoom { // it has no second copy: it is of version 1
		err := f.file.Close()
		if f.file = nil; err != nil {
			return err
		}
	}
	return errors.Join(f.Save(f.last), f.sys.SyncFolder(f.dir))
}

// Close leaves the file as it was saved.
func (f *MemberFile) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// fits refuses what another node has written.
func (f *MemberFile) fits(is Member) error {
	advice := "give the member the folder that is its own, or an empty one"
	switch m := f.last; {
	case m.History != is.History:
		return fmt.Errorf("%w: %s is of history %s, not of %s; %s", ErrMember, f.path(), m.History, is.History, advice)
	case m.Group != is.Group:
		return fmt.Errorf("%w: %s is of group %d, not of %d; %s", ErrMember, f.path(), m.Group, is.Group, advice)
	case m.Node != is.Node:
		return fmt.Errorf("%w: %s is of member %q, not of %q; %s", ErrMember, f.path(), m.Node, is.Node, advice)
	}
	return nil
}

func (f *MemberFile) path() string { return filepath.Join(f.dir, memberName) }

// Member returns what was saved last, or given to OpenMember.
func (f *MemberFile) Member() Member { return f.last }

// Save stores a member. When it returns, that is on the disk, at every level. After an error the
// file has the old content or the new one; Save may be called again, and nothing may follow from
// the new one before it has succeeded.
func (f *MemberFile) Save(m Member) error {
	b, err := m.encode()
	switch {
	case err != nil:
		return err
	case len(b) > memberRoom:
		return fmt.Errorf("journal: the group's members take %d bytes, of %d that the member's file has for them: have fewer members", len(b), memberRoom)
	case f.file == nil:
		err = f.make(b)
	default:
		err = f.overwrite(b)
	}
	if err != nil {
		return fmt.Errorf("journal: save the member's file: %w", err)
	}
	f.last = m
	return nil
}

// make gives the file its place, and its name once it is whole.
func (f *MemberFile) make(b []byte) error {
	file, err := f.sys.Create(f.path() + unnamedSuffix)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return file.Allocate(2 * memberRoom) },
		func() error { return writeCopy(file, 0, b) },
		func() error { return writeCopy(file, 1, b) },
		file.Sync,
		func() error { return f.sys.Rename(f.path()+unnamedSuffix, f.path()) },
		func() error { return f.sys.SyncFolder(f.dir) },
	} {
		if err := step(); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	f.file = file
	return nil
}

func (f *MemberFile) overwrite(b []byte) error {
	for i := range 2 {
		if err := writeCopy(f.file, i, b); err != nil {
			return err
		}
		if err := f.file.SyncData(); err != nil {
			return err
		}
	}
	return nil
}

func writeCopy(file disk.File, i int, b []byte) error {
	_, err := file.WriteAt(b, int64(i)*memberRoom)
	return err
}

// A copy is a line with the version, a CRC32C and the length of what follows, which is a Member in
// JSON. Behind it may be what is left of a longer one. A file of version 1 was replaced with each
// Save: it ends with its only copy, and its line has no length.
const (
	memberLine  = "isuride-member %d %08x %d\n"
	memberLine1 = "isuride-member %d %08x\n"
)

func (m Member) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, memberLine, memberVersion, crc32.Checksum(b, castagnoli), len(b)), b...), nil
}

func parseMember(b []byte) (m Member, err error) {
	var v, n int
	var sum uint32
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	if _, err := fmt.Sscanf(string(line)+"\n", "isuride-member %d", &v); err != nil {
		return m, errors.New("is no member's file; bring back the copy that is, or give the member an empty folder")
	}
	switch v {
	case 1:
		n = len(rest)
		_, err = fmt.Sscanf(string(line)+"\n", memberLine1, &v, &sum)
	case memberVersion:
		_, err = fmt.Sscanf(string(line)+"\n", memberLine, &v, &sum, &n)
	default:
		return m, fmt.Errorf("has version %d, this program knows 1 to %d; start the program that wrote it", v, memberVersion)
	}
	if err != nil || n < 0 || n > len(rest) || sum != crc32.Checksum(rest[:n], castagnoli) {
		return m, errors.New("is damaged; give the member an empty folder, and it gets all from the others")
	}
	return m, json.Unmarshal(rest[:n], &m)
}

// Boot returns the identity of the machine's present boot.
func Boot() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}
