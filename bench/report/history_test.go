package report

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

func TestFindHistory(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "a", "b")
	for _, dir := range []string{deep, filepath.Join(root, "bench", "results")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := FindHistory(deep), filepath.Join(root, "bench", "results", "history.jsonl"); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	if got := FindHistory(t.TempDir()); got != "" {
		t.Errorf("found %q outside any checkout", got)
	}
}

func TestAppendHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	for _, r := range []*Record{failed(), unloaded()} {
		if err := r.AppendHistory(file); err != nil {
			t.Fatal(err)
		}
	}
	records := readFile(t, file)
	if len(records) != 2 || records[0].Score != 150_000 || records[1].Reason != unloaded().Reason {
		t.Fatalf("%+v", records)
	}
	r := records[0]
	if len(r.Series) > 0 || len(r.Intervals) > 0 || len(r.Errors) != 2 || r.Errors[1].Count != 1 || len(r.Errors[1].Examples) > 0 {
		t.Errorf("the line is not brief: %+v", r)
	}
	if r := failed(); len(r.Brief().Series) > 0 || len(r.Series) == 0 || len(r.Errors[1].Examples) == 0 {
		t.Error("the brief record shares too much with its original")
	}
}

func readFile(t *testing.T, name string) []*Record {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	records, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(b, []byte{'\n'}); lines != len(records) {
		t.Fatalf("%d records on %d lines", len(records), lines)
	}
	return records
}

func TestAppendHistoryConcurrently(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	const writers, each = 8, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range each {
				r := healthy(10, 100)
				r.Seed = uint64(w*each + n)
				if err := r.AppendHistory(file); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seeds := map[uint64]bool{}
	for _, r := range readFile(t, file) {
		seeds[r.Seed] = true
	}
	if len(seeds) != writers*each {
		t.Errorf("%d different lines, want %d", len(seeds), writers*each)
	}
}

func TestAppendHistoryAfterTornLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	const torn = `{"format":1,"comm`
	if err := os.WriteFile(file, []byte(torn), 0o600); err != nil {
		t.Fatal(err)
	}
	for seed := range 2 {
		r := healthy(10, 100)
		r.Seed = uint64(seed)
		if err := r.AppendHistory(file); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(b, []byte{'\n'}), []byte{'\n'})
	if len(lines) != 3 || string(lines[0]) != torn {
		t.Fatalf("%d lines, the first is %s", len(lines), lines[0])
	}
	for i, line := range lines[1:] {
		if records, err := Read(bytes.NewReader(line)); err != nil || records[0].Seed != uint64(i) {
			t.Errorf("line %s: %v", strconv.Itoa(i+2), err)
		}
	}
}

func TestAppendHistoryFails(t *testing.T) {
	err := healthy(10, 100).AppendHistory(filepath.Join(t.TempDir(), "none", "history.jsonl"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that does not exist: %v", err)
	}
}
