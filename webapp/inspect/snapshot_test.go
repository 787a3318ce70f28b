package inspect

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/journal"
)

// stored is a snapshot that package snapshot keeps of its first format.
const stored = "../snapshot/testdata/version1.snapshot"

// TestSnapshotOutput compares with testdata, as TestOutput does.
func TestSnapshotOutput(t *testing.T) {
	for name, o := range map[string]Options{
		"snapshot.txt":       {},
		"snapshot.jsonl":     {JSON: true},
		"snapshot.ride.txt":  {Ride: "ride-2"},
		"snapshot.chair.txt": {Chair: "chair"},
		"snapshot.user.txt":  {User: "user"},
	} {
		o.Path = stored
		golden(t, name, mustRun(t, o))
	}
}

func TestSnapshotLinesAreJSON(t *testing.T) {
	for line := range strings.Lines(mustRun(t, Options{Path: stored, JSON: true, Secrets: true})) {
		if !json.Valid([]byte(line)) {
			t.Error(line)
		}
	}
	if text := mustRun(t, Options{Path: stored}); strings.Contains(text, "token=t") || strings.Contains(text, "token=pay") {
		t.Errorf("a secret is shown:\n%s", text)
	}
}

// TestDamagedSnapshot: whatever byte is wrong, and wherever it is cut, that is said, and no
// more is shown than is whole.
func TestDamagedSnapshot(t *testing.T) {
	whole, err := os.ReadFile(stored)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "00000000000000000104.snapshot")
	for at := range whole {
		flipped := append([]byte{}, whole...)
		flipped[at] ^= 0x10
		for _, b := range [][]byte{flipped, whole[:at]} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			text, err := run(t, Options{Path: path})
			var damage *DamageError
			if !errors.As(err, &damage) || !strings.Contains(text, "# DAMAGED: ") {
				t.Fatalf("byte %d of %d: %v\n%s", at, len(b), err, text)
			}
		}
	}
}

func TestSnapshotHasNoEvents(t *testing.T) {
	if _, err := run(t, Options{Path: stored, From: moment(t, "3")}); err == nil || !strings.Contains(err.Error(), "-from and -to select events") {
		t.Error(err)
	}
}

// TestSnapshotBesideTheLog: a folder's log is shown, and its snapshots are named.
func TestSnapshotBesideTheLog(t *testing.T) {
	dir := write(t, story())
	b, err := os.ReadFile(stored)
	if err != nil {
		t.Fatal(err)
	}
	name := "00000000000000000104.snapshot"
	if err := os.WriteFile(filepath.Join(journal.GenerationPath(dir, 3), name), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if text := mustRun(t, Options{Path: dir}); !strings.Contains(text, name) || !strings.Contains(text, "19 of 19 events") {
		t.Error(text)
	}
}
