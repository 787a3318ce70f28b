package wire

import (
	"encoding/json"
	"testing"
)

// awkward are names that must survive the way to a client and back.
var awkward = []string{
	"", "plain", `quote " in it`, `back \ slash`, `\u0041 is no escape`, "line\nbreak\r\ttab", "null\x00byte", "unit\x1fseparator",
	"delete\x7f", "emoji 🪑🚕", "椅子", "U+2028 \u2028 and U+2029 \u2029", "<script>&amp;</script>", "\ufeffmark", "/slash/",
	"broken \xff\xfe utf-8", "cut off \xe3\x81", "surrogate \xed\xa0\x80", "\ufffd itself", "\"", "\\",
}

func TestAppendString(t *testing.T) {
	for _, s := range awkward {
		checkString(t, s)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range awkward {
		f.Add(s)
	}
	f.Fuzz(checkString)
}

func checkString(t *testing.T, s string) {
	plain, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := decode[string](t, plain)
	got := appendString([]byte("kept"), s)
	if string(got[:4]) != "kept" {
		t.Fatalf("%q: what was in dst is gone: %q", s, got)
	}
	if back := decode[string](t, got[4:]); back != want {
		t.Errorf("%q: got %q, want %q", s, back, want)
	}
}
