package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata; -update rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; go test -update rewrites it. Got\n%s", file, got)
	}
}

func TestText(t *testing.T) {
	for name, r := range map[string]*Record{"failed.txt": failed(), "dear.txt": dear(), "unloaded.txt": unloaded()} {
		var b bytes.Buffer
		if err := r.Text(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}

func TestTextNamesLimits(t *testing.T) {
	r := healthy(30, 1000).Result
	r.LateTicks = r.Ticks / 2
	r.Requests.Dropped = 3
	var b bytes.Buffer
	if err := recordOf(&r).Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PASS with score 250,000\n", "\nThe bench was, or may have been, the limit", "\n  - it began 500 of 1000 ticks", "\nWARNING: 3 notifications"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestRepeatedText(t *testing.T) {
	var b bytes.Buffer
	if err := RepeatedText(&b, []*Record{healthy(20, 500), healthy(20, 520), failed()}); err != nil {
		t.Fatal(err)
	}
	golden(t, "repeated.txt", b.Bytes())
}
