package frontend

import (
	"bytes"
	"compress/gzip"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"isuride/bench/client"
)

// TestPaths are those of B appendix B.
func TestPaths(t *testing.T) {
	rules, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(rules), "MD5 of the decoded bodies")
	_, list, _ = strings.Cut(list, "```text\n")
	list, _, _ = strings.Cut(list, "```")
	official, err := client.ReadStatic(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range official.Paths {
		if i >= len(files) || files[i].path != want {
			t.Fatalf("file %d is not %s", i, want)
		}
	}
}

// TestWrite has the bench read the list, twice the same.
func TestWrite(t *testing.T) {
	var lists [2][]byte
	for i := range lists {
		folder := t.TempDir()
		name := filepath.Join(folder, "list")
		if err := Write(filepath.Join(folder, "files"), name); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lists[i] = b
		s, err := client.ReadStatic(bytes.NewReader(b))
		if err != nil || len(s.Paths) != len(files) {
			t.Fatalf("%d of %d files, %v", len(s.Paths), len(files), err)
		}
	}
	if !bytes.Equal(lists[0], lists[1]) {
		t.Error("the files differ from one call to the next")
	}
}

// TestCompression: content compresses about as scripts and drawings do.
func TestCompression(t *testing.T) {
	for i, f := range files {
		content := f.content(uint64(i))
		if len(content) != f.size {
			t.Errorf("%s has %d bytes, want %d", f.path, len(content), f.size)
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(content)
		z.Close()
		part := float64(b.Len()) / float64(f.size)
		want := [2]float64{0.25, 0.45}
		switch path.Ext(f.path) {
		case ".png", ".ico":
			want = [2]float64{0.99, 1.1}
		}
		if f.size >= 5000 && (part < want[0] || part > want[1]) {
			t.Errorf("%s: %.2f of it is left by gzip, want %v", f.path, part, want)
		}
	}
}
