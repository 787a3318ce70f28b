package journal

import (
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
const memberVersion = 1

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
type MemberFile struct {
	sys  disk.Disk
	dir  string
	last Member
}

// OpenMember reads the file in a folder, which belongs to the identity of the given Member:
// its group, history and node. Without one the given Member is what is known, and found is
// false. The errors are ErrMember and those of the disk.
func OpenMember(sys disk.Disk, dir string, is Member) (f *MemberFile, found bool, err error) {
	f = &MemberFile{sys: sys, dir: dir, last: is}
	b, err := readFile(sys, f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return f, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if f.last, err = parseMember(b); err != nil {
		return nil, false, fmt.Errorf("%w: %s %w", ErrMember, f.path(), err)
	}
	if err := f.fits(is); err != nil {
		return nil, false, err
	}
	// A process that was killed in Save may have left a name that is not on the disk yet.
	return f, true, sys.SyncFolder(dir)
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

// Save replaces the file. When it returns, the new one is on the disk, at every level. After
// an error the file has the old content or the new one, and the node must not go on.
func (f *MemberFile) Save(m Member) error {
	b, err := m.encode()
	if err != nil {
		return err
	}
	if err := replaceFile(f.sys, f.path(), b); err != nil {
		return fmt.Errorf("journal: save the member's file: %w", err)
	}
	f.last = m
	return nil
}

// The file is a line with the version and a CRC32C of the rest, which is a Member in JSON.
const memberLine = "isuride-member %d %08x\n"

func (m Member) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, memberLine, memberVersion, crc32.Checksum(b, castagnoli)), b...), nil
}

func parseMember(b []byte) (m Member, err error) {
	var v int
	var sum uint32
	line, rest, _ := strings.Cut(string(b), "\n")
	if _, err := fmt.Sscanf(line+"\n", memberLine, &v, &sum); err != nil {
		return m, errors.New("is no member's file; bring back the copy that is, or give the member an empty folder")
	}
	if v > memberVersion {
		return m, fmt.Errorf("has version %d, this program knows %d; start the program that wrote it, or a later one", v, memberVersion)
	}
	if sum != crc32.Checksum([]byte(rest), castagnoli) {
		return m, errors.New("is damaged; give the member an empty folder, and it gets all from the others")
	}
	return m, json.Unmarshal([]byte(rest), &m)
}

func readFile(sys disk.Disk, path string) ([]byte, error) {
	f, err := sys.Open(path, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, size))
}

// replaceFile leaves the old content or the new one, whatever comes in between.
func replaceFile(sys disk.Disk, path string, b []byte) error {
	f, err := sys.Create(path + unnamedSuffix)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := sys.Rename(path+unnamedSuffix, path); err != nil {
		return err
	}
	return sys.SyncFolder(filepath.Dir(path))
}

// Boot returns the identity of the machine's present boot.
func Boot() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}
