package journal

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fill writes a journal with messages at known times.
func fill(t *testing.T) (folder string, now time.Time) {
	t.Helper()
	folder, now = t.TempDir(), time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	lines := map[string][]string{}
	for i, m := range []struct{ unit, text string }{{"a.service", "one"}, {"b.service", "two: with colon"}, {"a.service", "three"}, {"a.service", "four"}} {
		at := now.Add(time.Duration(i-4) * time.Minute)
		lines[m.unit] = append(lines[m.unit], at.Format(stamp)+" x[7]: "+m.text+"\n")
	}
	lines["a.service"] = append(lines["a.service"], "2026-05-04T11:5") // being written
	for unit, text := range lines {
		if err := os.WriteFile(filepath.Join(folder, unit+suffix), []byte(strings.Join(text, "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder, now
}

func TestJournalctl(t *testing.T) {
	t.Setenv("TZ", "UTC")
	folder, now := fill(t)
	for _, c := range []struct{ args, want string }{
		{"-o cat", "one\ntwo: with colon\nthree\nfour\n"},
		{"-u a -o cat --no-pager", "one\nthree\nfour\n"},
		{"-u a.service -u b -n 2 -o cat", "three\nfour\n"},
		{"--unit=a -n1 --output=cat", "four\n"},
		{"-u a -o cat --since=@1777895820", "three\nfour\n"},
		{"-u a -o cat --since -90s", "four\n"},
		{"-o cat -n 0", "-- No entries --\n"},
		{"-u missing", "-- No entries --\n"},
	} {
		var out, complaints bytes.Buffer
		if exit := Journalctl(folder, strings.Fields(c.args), now, &out, &complaints); exit != 0 || out.String() != c.want {
			t.Errorf("%s: status %d, got %q, want %q; %s", c.args, exit, out.String(), c.want, &complaints)
		}
	}
	var out, complaints bytes.Buffer
	if exit := Journalctl(folder, []string{"--since", "2026-05-04 11:58:30 UTC", "-o", "cat"}, now, &out, &complaints); exit != 0 || out.String() != "four\n" {
		t.Errorf("a time with zone: %q %s", &out, &complaints)
	}
	for _, args := range [][]string{{"--follow"}, {"-n"}, {"-n", "many"}, {"--since", "yesteryear"}} {
		if exit := Journalctl(folder, args, now, &out, &complaints); exit == 0 {
			t.Errorf("%v is understood", args)
		}
	}
}

func TestCopy(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "journal")
	j, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", maxLine+10)
	j.Copy("a.service", "a[1]", strings.NewReader("one\r\n"+long+"\nlast"))
	entries, err := Read(folder, nil, time.Time{}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var lengths []int
	for _, e := range entries {
		lengths = append(lengths, len(e.Text))
	}
	if !slices.Equal(lengths, []int{3, maxLine, 10, 4}) {
		t.Errorf("messages of %v bytes", lengths)
	}
}
