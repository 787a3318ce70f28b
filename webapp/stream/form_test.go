package stream

import (
	"encoding/json"
	"testing"
)

// TestTextsOfDebezium: whatever is in a text, a row is the same JSON in Debezium's form.
func TestTextsOfDebezium(t *testing.T) {
	m := newForm(Options{Region: "city", Envelope: DebeziumEnvelope})
	for _, name := range []string{"椅子", "\x01\a\v\x7f", "\"\U000e0001\u200d\"", "\\u00e9 \\", "<a & b>\u2028", ""} {
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		text := []byte(`{"table":"owners","action":"insert","keys":["id"],"epoch":1,"seq":9,"prev":8,"ts":"2026-11-29T09:51:04.123456Z","data":[{"id":"c","name":` +
			string(quoted) + `,"more":[1,` + string(quoted) + `,null],"at":{"x":1.5}}]}`)
		var parse parser
		f, err := parse.parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range m.records(text, &f, 0, false) {
			var got struct {
				After struct {
					ID, Name string
					More     []any
					At       struct{ X float64 }
				}
			}
			if err := json.Unmarshal(r.Value, &got); err != nil {
				t.Fatalf("%q: %v\n%s", name, err, r.Value)
			}
			if a := got.After; a.ID != "c" || a.Name != name || len(a.More) != 3 || a.More[1] != name || a.At.X != 1.5 {
				t.Errorf("%q became %+v", name, a)
			}
		}
	}
}
