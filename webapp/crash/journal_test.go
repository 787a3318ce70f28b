package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// TestCorruptJournal: damage where the journal was safely on the disk is refused with its
// place, and cut only when asked. What the tables have is not lost by that.
func TestCorruptJournal(t *testing.T) {
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		p.Start()
		p.Initialize()
		s := p.Scene()
		id := s.Arrived()
		completed := map[string]int64{id: s.User.Rate(id, 4)}
		for i := range 3 { // the durable mark reaches the disk with the sync after its own
			p.User(fmt.Sprint("user", i), "")
			servertest.Eventually(t, func() error {
				if n := p.Scrape().Value("isuride_journal_unsynced"); n > 0 {
					return fmt.Errorf("%v events are not durable", n)
				}
				return nil
			})
		}
		p.Flushed()
		p.Kill()
		segment, offset := damage(p)
		for range 2 { // the first attempt changes nothing
			err := p.TryStart()
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s is corrupt at offset %d", segment, offset)) {
				t.Fatalf("the damaged journal is answered with: %v", err)
			}
		}
		p.Flags = []string{"-repair"}
		p.Start()
		s.CompletedAt("after the repair", completed)
		id = s.Arrived()
		completed[id] = s.User.Rate(id, 4)
		p.Kill()
		p.Flags = nil
		p.Start()
		s.CompletedAt("after a kill", completed)
	})
}

// damage changes a byte of the first record of the journal, and returns the segment's path
// and the offset of the record.
func damage(p *servertest.Process) (path string, offset int) {
	p.T.Helper()
	files, err := filepath.Glob(filepath.Join(p.Data, "journal", "*", "*.segment"))
	if err != nil || len(files) == 0 {
		p.T.Fatalf("no journal in %s: %v", p.Data, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		p.T.Fatal(err)
	}
	const header = 72
	content[header+20] ^= 0xff
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		p.T.Fatal(err)
	}
	return files[0], header
}
