package questions

import (
	"io/fs"
	"strings"
	"testing"
	"time"
)

func TestEveryFileIsAsked(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	found, err := fs.Glob(files, "sql/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(all) || len(all) != len(want) {
		t.Errorf("%d files, %d in order, %d with a known answer", len(found), len(all), len(want))
	}
	for _, q := range all {
		if q.Chart == Lines && strings.Contains(q.sql, " AS time") && !strings.Contains(q.sql, "$bucket") {
			t.Errorf("%s: its times are not those of the page", q.Name)
		}
		if !strings.Contains(q.sql, "$from") || !strings.Contains(q.sql, "$until") {
			t.Errorf("%s looks at all time", q.Name)
		}
		from := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
		if text := q.text(from, from.Add(time.Hour), steps[0]); strings.Contains(text, "$") {
			t.Errorf("%s: something is left open in %s", q.Name, text)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const good = "-- en: T | A\n-- ja: T | A\n-- chart: lines\n-- unit: s\n-- column a: a | a\n\nSELECT 1"
	if _, err := parse("good", good); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"-- unit: s", "-- unit: miles"}, {"lines", "pie"}, {"-- ja: T | A\n", ""}, {" | A", ""}, {": a | a", ": a"},
		{"-- column a: a | a\n", ""}, {"SELECT 1", ""}, {"SELECT 1", "SELECT 1; DROP TABLE rides"}, {"-- unit", "-- units"}, {"-- chart: lines", "chart"},
	} {
		if q, err := parse("bad", strings.Replace(good, c[0], c[1], 1)); err == nil {
			t.Errorf("%q for %q passes as %+v", c[1], c[0], q)
		}
	}
}

func TestSteps(t *testing.T) {
	for span, want := range map[time.Duration]string{time.Minute: "1s", 5 * time.Minute: "5s", 15 * time.Minute: "15s", time.Hour: "1m",
		6 * time.Hour: "15m", 24 * time.Hour: "1h", MaxMinutes * time.Minute: "3h"} {
		if got := stepOf(span).name; got != want {
			t.Errorf("%v: %s, want %s", span, got, want)
		}
	}
}
