package watch

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

const twoFrames = "@@uptime\n1.5 2\n@@metrics\nb 1\nb 2\n@@empty\n@@end\n@@uptime\n2.5 3\n@@end\n@@upti"

var wantFrames = []frame{
	{"uptime": "1.5 2", "metrics": "b 1\nb 2", "empty": ""},
	{"uptime": "2.5 3"},
}

// TestFrames writes the same output in pieces of every length.
func TestFrames(t *testing.T) {
	for length := 1; length <= len(twoFrames); length++ {
		var got []frame
		w := &frames{each: func(f frame) { got = append(got, f) }}
		for piece := range slices.Chunk([]byte(twoFrames), length) {
			if n, err := w.Write(piece); n != len(piece) || err != nil {
				t.Fatalf("pieces of %d: wrote %d, %v", length, n, err)
			}
		}
		if !slices.EqualFunc(got, wantFrames, maps.Equal) {
			t.Fatalf("pieces of %d: got %q", length, got)
		}
	}
}

func TestFramesEndless(t *testing.T) {
	w := &frames{each: func(frame) { t.Error("that was no frame") }}
	_, err := io.Copy(w, strings.NewReader("@@uptime\n"+strings.Repeat("x\n", maxFrame)))
	if err == nil {
		t.Error("a frame without an end must not fill the memory")
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(twoFrames), 7)
	f.Add([]byte("\n@@end\n@@end\n@@end\n"), 1)
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		at = min(max(at, 0), len(text))
		collect := func(pieces ...[]byte) (got []frame) {
			w := &frames{each: func(f frame) { got = append(got, f) }}
			for _, p := range pieces {
				w.Write(p)
			}
			return got
		}
		whole, cut := collect(text), collect(text[:at], text[at:])
		if !slices.EqualFunc(whole, cut, maps.Equal) {
			t.Fatalf("cut at %d: %q, in one piece: %q", at, cut, whole)
		}
		for _, f := range whole {
			if s, err := parseSample(f); err == nil {
				new(machine).add(s)
			}
		}
	})
}
