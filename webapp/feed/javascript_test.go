package feed

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"isuride/tools/dev/bound"
)

// TestChecksumInJavaScript runs the code of docs/feed.md on rows of all kinds, each of them
// parsed and written again, and compares its sums with ours.
func TestChecksumInJavaScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node here")
	}
	script := codeOf(t, filepath.Join("..", "docs", "feed.md"))
	script += "\nconst tables = JSON.parse(await new Response(process.stdin).text())\n" +
		"for (const name of Object.keys(tables).sort()) console.log(name, crc32c(tables[name]))\n"
	file := filepath.Join(t.TempDir(), "sum.mjs")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	rows, want := map[string][]json.RawMessage{}, ""
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, *seed, 5)
		w.act(500)
		r := w.subscribe(Request{Tables: allTables, Viewer: Viewer{Class: Operator}})
		defer r.conn.Close()
		r.settle()
		w.act(300) // updates, too
		r.settle()
		for _, name := range strings.Split("chairs,city,coupons,owners,payments,positions,rides,statuses,users", ",") {
			for _, row := range r.copy.Rows(name) {
				rows[name] = append(rows[name], json.RawMessage(row))
			}
			_, sum := r.copy.Checksum(name)
			want += fmt.Sprintln(name, sum)
		}
	})
	in, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	cmd := bound.Command(t, node, file)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if string(out) != want {
		t.Errorf("JavaScript's sums are\n%s\nours\n%s", out, want)
	}
}

// codeOf returns the JavaScript of a page.
func codeOf(t *testing.T, path string) string {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(page), "```js\n")
	code, _, ended := strings.Cut(code, "```")
	if !found || !ended {
		t.Fatalf("%s has no JavaScript", path)
	}
	return code
}
