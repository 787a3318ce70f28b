package runs

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func entry(id string, score int) Entry {
	return Entry{ID: id, Started: noon, Revision: "0123456789abcdef-dirty", Outcome: "PASS", Score: score, Errors: 2, LoadSeconds: 60,
		BenchLimits: []string{"ticks lost"}, AccessLog: true, Durability: "crash", Layout: "s1=front,app s2=db", Note: "a\tnote\nof two lines"}
}

func TestNewID(t *testing.T) {
	a, b := NewID(noon), NewID(noon)
	if a == b {
		t.Errorf("two runs of one second are both called %s", a)
	}
	if !strings.HasPrefix(a, "20261121-120000-") {
		t.Errorf("%s does not begin with its time", a)
	}
	if later := NewID(noon.Add(time.Second)); later < a {
		t.Errorf("%s sorts before %s", later, a)
	}
}

func TestAppendAndLast(t *testing.T) {
	dir := t.TempDir()
	if list, err := Last(dir, 10); err != nil || len(list) != 0 {
		t.Fatalf("an empty folder has %v (%v)", list, err)
	}
	want := []Entry{entry("a", 1), entry("b", 2), entry("c", 3)}
	for _, e := range want {
		if err := Append(dir, e); err != nil {
			t.Fatal(err)
		}
	}
	for n, from := range map[int]int{2: 1, 3: 0, 10: 0} {
		if list, err := Last(dir, n); err != nil || !reflect.DeepEqual(list, want[from:]) {
			t.Errorf("the last %d are %+v (%v)", n, list, err)
		}
	}
}

func TestTornLine(t *testing.T) {
	dir := t.TempDir()
	if err := Append(dir, entry("a", 1)); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, programs), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"torn`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Append(dir, entry("b", 2)); err != nil {
		t.Fatal(err)
	}
	if list, err := Last(dir, 10); err != nil || len(list) != 2 || list[1].ID != "b" {
		t.Errorf("around a torn line there are %+v (%v)", list, err)
	}
}

// TestPeople reads the file for people as a spreadsheet would.
func TestPeople(t *testing.T) {
	dir := t.TempDir()
	for _, e := range []Entry{entry("a", 1), {ID: "b"}} {
		if err := Append(dir, e); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, people))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("a head and two runs make %d lines:\n%s", len(lines), b)
	}
	for _, line := range lines {
		if n := len(strings.Split(line, "\t")); n != len(columns) {
			t.Errorf("%d columns instead of %d: %q", n, len(columns), line)
		}
	}
	if want := "a\t1\tPASS\t2\t60\tbench\ton\toff\tcrash\t0123456789-dirty\ts1=front,app s2=db\ta note of two lines"; lines[1] != want {
		t.Errorf("the line is\n%s, want\n%s", lines[1], want)
	}
}

func TestWrite(t *testing.T) {
	var out strings.Builder
	if err := Write(&out, []Entry{entry("20261121-120000-abcd", 168043)}); err != nil {
		t.Fatal(err)
	}
	const want = "" +
		"run                   score   outcome  errors  seconds  limit  access  slow  durability  revision          layout              note\n" +
		"20261121-120000-abcd  168043  PASS     2       60       bench  on      off   crash       0123456789-dirty  s1=front,app s2=db  a note of two lines\n"
	if out.String() != want {
		t.Errorf("the table is\n%s, want\n%s", &out, want)
	}
}
