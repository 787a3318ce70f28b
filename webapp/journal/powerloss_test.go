package journal

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"isuride/webapp/internal/disk"
)

// platter is what a disk holds for certain: the content of each file at its last sync and
// the names at the last sync of the folder. What happened since may have reached it in
// any part and order, by sectors of 512 bytes; only removed names go in the order of
// their removal.
type platter struct {
	t   *testing.T
	dir string

	mu      sync.Mutex
	content map[string][]byte
	names   map[string]bool
	faults  int // syncs until one fails, 0 for never
}

const sectorBytes = 512

var errDisk = errors.New("the disk failed")

func newPlatter(t *testing.T, dir string) *platter {
	p := &platter{t: t, dir: dir, content: make(map[string][]byte), names: make(map[string]bool)}
	for name, b := range snapshot(t, dir) {
		p.content[name], p.names[name] = b, true
	}
	return p
}

func (p *platter) system() system {
	sys := linux()
	sys.syncData, sys.syncFile = p.sync, p.sync
	return sys
}

func (p *platter) sync(f disk.File) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.faults > 0 {
		if p.faults--; p.faults == 0 {
			return errDisk
		}
	}
	if f.Name() == p.dir {
		p.names = make(map[string]bool)
		for _, path := range segmentFiles(p.t, p.dir) {
			p.names[filepath.Base(path)] = true
		}
		return nil
	}
	if f.Name() == filepath.Dir(p.dir) {
		return nil
	}
	size, err := f.Size()
	if err != nil {
		return err
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(f.Name()), unnamedSuffix)
	p.checkMark(name, b)
	p.content[name] = b
	return nil
}

// checkMark: the mark may reach the disk at any time, so all it speaks of must be there
// already.
func (p *platter) checkMark(name string, now []byte) {
	synced := p.content[name]
	if mark, _ := parseMark(now); mark > len(synced) || mark > 0 && !bytes.Equal(synced[headerSize:mark], now[headerSize:mark]) {
		p.t.Errorf("%s is marked durable up to %d before it was synced", name, mark)
	}
}

// fail has the n-th sync from now on fail, none if n is 0.
func (p *platter) fail(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = n
}

// lose writes what a loss of power leaves to a new folder.
func (p *platter) lose(rng *rand.Rand) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := snapshot(p.t, p.dir)
	left := p.t.TempDir()
	var removed []string
	for name := range p.names {
		if _, ok := now[name]; !ok {
			removed = append(removed, name)
		}
	}
	slices.Sort(removed)
	for _, name := range removed[rng.IntN(len(removed)+1):] {
		now[name] = p.content[name]
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		b := mix(rng, p.content[name], now[name])
		if err := os.WriteFile(filepath.Join(left, name), b, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	return left
}

// mix takes each sector and the length from either version.
func mix(rng *rand.Rand, synced, now []byte) []byte {
	share := rng.IntN(4) // quarters of the sectors that reached the disk, about
	size := len(now)
	if rng.IntN(2) == 0 {
		size = len(synced)
	}
	b := make([]byte, size)
	for at := 0; at < size; at += sectorBytes {
		from := synced
		if rng.IntN(4) < share {
			from = now
		}
		if at < len(from) {
			copy(b[at:min(at+sectorBytes, size)], from[at:])
		}
	}
	return b
}

// loseInRecovery lets a server start on what the first loss left, fail somewhere on the
// way or just manage, and loses power again.
func (p *platter) loseInRecovery(rng *rand.Rand) *platter {
	p.fail(1 + rng.IntN(8))
	j, err := tryOpen(Options{Dir: p.dir}, p.system())
	left := p.lose(rng)
	if err == nil {
		j.Close()
	} else if !errors.Is(err, errDisk) {
		p.t.Fatal(err)
	}
	return newPlatter(p.t, left)
}

// kill moves to a new folder with what the page cache has. The disk knows no more than
// before.
func (p *platter) kill() *platter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &platter{t: p.t, dir: image(p.t, p.dir), content: p.content, names: p.names}
}

// Whatever power loss leaves of the unsynced part, Open takes it without asking and finds
// a prefix of the log that has everything durable. Also when power goes again in the
// middle of recovery, when there was a kill before, and when a sync failed.
func TestPowerLoss(t *testing.T) {
	rng := seeded(t)
	for round := range 24 {
		p := newPlatter(t, t.TempDir())
		var log []record // record n at n-1
		var released, durable uint64
		for life := range 5 {
			j := mustOpen(t, Options{Dir: p.dir}, p.system())
			n := j.Appended()
			if n < durable || n > uint64(len(log)) {
				t.Fatalf("round %d, life %d: %d records, %d were durable and %d appended", round, life, n, durable, len(log))
			}
			log = log[:n]
			j.Release(released)
			sameLog(t, contents(t, j)[released+1-j.Oldest():], log[released:])
			if rng.IntN(4) == 0 {
				released = n
				j.Release(n)
			}
			log, released = live(t, rng, j, log, released)
			if rng.IntN(4) == 0 {
				p.fail(1)
				j.sync()
				p.fail(0)
			}
			durable = j.Durable()
			p = p.after(rng, j)
		}
	}
}

// What knows the next number must be on the disk before the segments that knew it go.
func TestFirstHeaderIsSynced(t *testing.T) {
	p := newPlatter(t, t.TempDir())
	mustOpen(t, Options{Dir: p.dir, First: 7}, p.system())
	if h, err := parseHeader(p.content["000000000000.segment"]); err != nil || h.first != 7 {
		t.Fatalf("on the disk is %+v, %v", h, err)
	}
}

// live appends, syncs and releases for a while.
func live(t *testing.T, rng *rand.Rand, j *Journal, log []record, released uint64) ([]record, uint64) {
	t.Helper()
	for range rng.IntN(120) {
		b := numbered(rng.IntN(1<<30), 8+rng.IntN(400))
		log = append(log, record{mustAppend(t, j, b), b})
		switch rng.IntN(20) {
		case 0:
			if err := j.sync(); err != nil {
				t.Fatal(err)
			}
		case 1:
			released += uint64(rng.Int64N(int64(j.Durable()-released) + 1))
			j.Release(released)
		}
	}
	return log, released
}

// after ends the life of a journal in one of several ways.
func (p *platter) after(rng *rand.Rand, j *Journal) *platter {
	j.making.Lock() // a folder is copied file by file
	var next *platter
	kill := rng.IntN(3) == 0
	if kill {
		next = p.kill()
	} else {
		next = newPlatter(p.t, p.lose(rng))
	}
	j.making.Unlock()
	j.Close()
	if kill || rng.IntN(2) == 0 {
		next = next.loseInRecovery(rng)
	}
	return next
}
