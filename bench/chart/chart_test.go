package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the stored pictures")

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		unit  Unit
		value float64
		want  string
	}{
		{Seconds, 0, "0"}, {Seconds, 0.0000012, "1.2 µs"}, {Seconds, 0.01234, "12.3 ms"}, {Seconds, 0.9999, "1 s"}, {Seconds, 75, "75 s"}, {Seconds, 86_401, "86401 s"},
		{PerSecond, 0, "0/s"}, {PerSecond, 12345, "12.3k/s"}, {PerSecond, 999.9, "1k/s"}, {Plain, 1234567, "1.23M"}, {Plain, 7, "7"}, {Plain, 0.5, "0.5"}, {Plain, -1500, "-1.5k"},
		{Bytes, 1536, "1.5 KiB"}, {Bytes, 1023, "1023 B"}, {Bytes, 1 << 30, "1 GiB"}, {BytesPerSecond, 512, "512 B/s"},
	} {
		if got := c.unit.Text(c.value); got != c.want {
			t.Errorf("%g is written %q, want %q", c.value, got, c.want)
		}
	}
	if got := clock(75) + " " + clock(3675); got != "1:15 1:01:15" {
		t.Errorf("times are written %s", got)
	}
}

// TestScales checks the labels, and that all values lie on the scale.
func TestScales(t *testing.T) {
	for _, c := range []struct {
		lowest, highest float64 // logarithmic if the lowest is not 0
		unit            Unit
		want            string
	}{
		{0, 0, Plain, "0 0.25 0.5 0.75 1"},
		{0, 1, PerSecond, "0/s 0.25/s 0.5/s 0.75/s 1/s"},
		{0, 0.034, Seconds, "0 10 ms 20 ms 30 ms 40 ms"},
		{0, 4, Plain, "0 1 2 3 4"},
		{0, 101, Plain, "0 50 100 150"},
		{0, 17_000, Plain, "0 5k 10k 15k 20k"},
		{0, 2_593_000, Plain, "0 1M 2M 3M"},
		{0, 300 << 20, Bytes, "0 128 MiB 256 MiB 384 MiB"},
		{15e-6, 0.4, Seconds, "10 µs 100 µs 1 ms 10 ms 100 ms 1 s"},
		{1e-3, 1e-3, Seconds, "1 ms 10 ms"},
		{0.002, 0.003, Seconds, "1 ms 10 ms"},
	} {
		s := newScale(c.highest, units[c.unit].base, 200, 10)
		if c.lowest > 0 {
			s = newLogScale(c.lowest, c.highest, 200, 10)
		}
		var got []string
		for _, tick := range s.ticks {
			got = append(got, label(s, c.unit, tick))
		}
		if strings.Join(got, " ") != c.want || s.low > c.lowest || s.high < c.highest {
			t.Errorf("from %g to %g the scale has %q, want %q", c.lowest, c.highest, got, c.want)
		}
		if math.Abs(s.at(s.low)-200) > 1e-9 || math.Abs(s.at(s.high)-10) > 1e-9 || s.at(0) != 200 {
			t.Errorf("from %g to %g: the ends are at %g and %g, nothing is at %g", c.lowest, c.highest, s.at(s.low), s.at(s.high), s.at(0))
		}
	}
	for seconds, want := range map[float64]string{0: "[0 1]", 1: "[0 1]", 65: "[0 10 20 30 40 50 60]", 900: "[0 300 600 900]", 86400: "[0 21600 43200 64800 86400]"} {
		if got := fmt.Sprint(newTimeScale([]float64{0, seconds}, 0, 1).ticks); got != want {
			t.Errorf("%g s have ticks at %s, want %s", seconds, got, want)
		}
	}
}

// golden compares with a stored picture. It must be well-formed, too.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := "testdata/" + name + ".svg"
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
		t.Errorf("%s differs; look at what -update makes of it:\n%s", file, got)
	}
	for d := xml.NewDecoder(bytes.NewReader(got)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPictures draws one picture of each kind, and a sheet with its two ways to break.
func TestPictures(t *testing.T) {
	seconds, gap := []float64{1, 2, 3}, math.NaN()
	lines := []Line{{"a & b", []float64{1, gap, 3}}, {"short", []float64{2}}}
	for name, p := range map[string]Picture{
		"lines":   Lines{Title: "Users <1>", Width: 300, Peaks: true, Tip: Plain.Text, Seconds: seconds, Lines: lines}.Draw(),
		"stacked": Lines{Title: "Stacked", Width: 300, Stacked: true, Seconds: append(seconds, 4), Lines: append(lines, Line{"third", []float64{1, 1, 1}})}.Draw(),
		"log":     Lines{Title: "Log", Width: 150, Unit: Seconds, Log: true, Seconds: seconds, Lines: []Line{{"x", []float64{0, 0.5, 0.002}}}}.Draw(),
		"empty":   Lines{Title: "Nothing", Width: 300}.Draw(),
		"columns": Columns("Columns", 300, []Column{{"one", 1, "1 of 3", "tip"}, {Name: "two", Value: 2}}),
		"rows":    Rows("Rows", 500, Seconds, 1e-4, 0.03, []string{"p50", "max"}, []Row{{"GET /", []float64{1e-3, 0.2}, "tip"}}),
		"tile":    Tile("Tile", 200, Plain, seconds, []float64{5, 7, gap}),
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, []byte(p.HTML())) })
	}
	small := Tile("T", Width(2), Plain, nil, nil)
	small.Tip = "why & how"
	got := Sheet("City <1>", "a note", []Section{{Pictures: []Picture{small}}, {"Part", []Picture{small, small, small}}})
	got = bytes.Replace(got, []byte(Style), nil, 1)
	golden(t, "sheet", got)
}
