package stream

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// message is one as the producer makes it.
func message(id, kind, value string) *kgo.Record {
	return &kgo.Record{Topic: Events, Value: []byte(value), Timestamp: noon, Headers: []kgo.RecordHeader{
		{Key: "ce_id", Value: []byte(id)}, {Key: "ce_source", Value: []byte("/isuride/city")}, {Key: "ce_type", Value: []byte(kind)}}}
}

// TestLines are the lines of all kinds of columns.
func TestLines(t *testing.T) {
	for _, c := range []struct{ name, id, kind, value, want string }{
		{"a report", "3:8:0", "isuride.positions.update",
			`{"table":"positions","action":"update","epoch":3,"seq":8,"prev":7,"ts":"2026-11-29T09:51:04.123456Z","data":[{"chair_id":"c1","latitude":-1,"longitude":2,"recorded_at":1795945864123}]}`,
			`positions,region=city epoch=3i,seq=8i,row=0i,action="update",chair_id="c1",latitude=-1i,longitude=2i,recorded_at=1795945864123000t 1795945864123456` + "\n"},
		{"symbols, flags, nulls, and rows of one event", "3:9:2", "isuride.chairs.insert",
			`{"table":"chairs","action":"insert","ts":"2026-11-29T09:51:04Z","data":[{"id":"a","model":"m 1,=\\","is_active":true,"x":null},{"id":"b","model":"","is_active":false}]}`,
			`chairs,region=city,model=m\ 1\,\=\\ epoch=3i,seq=9i,row=2i,action="insert",id="a",is_active=t 1795945864000000` + "\n" +
				`chairs,region=city,model= epoch=3i,seq=9i,row=3i,action="insert",id="b",is_active=f 1795945864000000` + "\n"},
		{"texts that could end a line", "1:1:0", "isuride.owners.insert",
			`{"table":"owners","action":"insert","ts":"2026-11-29T09:51:04Z","data":[{"id":"a","name":"\"x\\ \n=,"}]}`,
			`owners,region=city epoch=1i,seq=1i,row=0i,action="insert",id="a",name="\"x\\ ` + "\\\n" + `=," 1795945864000000` + "\n"},
		{"a snapshot has the time of its message, and says what it is", "1:1:5", "isuride.owners.partial",
			`{"table":"owners","action":"insert","data":[{"id":"a"}]}`,
			`owners,region=city epoch=1i,seq=1i,row=5i,action="partial",id="a" 1795953600000000` + "\n"},
		{"lists are texts", "1:1:0", "isuride.matches.insert",
			`{"table":"matches","action":"insert","ts":"2026-11-29T09:51:04Z","data":[{"ride_id":"a","lost":[{"pickup":1}]}]}`,
			`matches,region=city epoch=1i,seq=1i,row=0i,action="insert",ride_id="a",lost="[{\"pickup\":1}]" 1795945864000000` + "\n"},
		{"an event of Debezium's form", "1:1:0", "isuride.owners.update",
			`{"before":null,"after":{"id":"a"},"source":{"table":"owners","ts_ms":1795945864000},"op":"u"}`,
			`owners,region=city epoch=1i,seq=1i,row=0i,action="update",id="a" 1795945864000000` + "\n"},
	} {
		var l lines
		if err := l.add(message(c.id, c.kind, c.value), noon); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := string(l.buf); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// TestMessagesThatAreNone are named by what is wrong with them, and leave nothing behind.
func TestMessagesThatAreNone(t *testing.T) {
	good := `{"table":"owners","action":"insert","ts":"2026-11-29T09:51:04Z","data":[{"id":"a"}]}`
	for _, c := range []struct {
		name, want string
		r          *kgo.Record
	}{
		{"no JSON", "no JSON", message("1:1:0", "", `{"table`)},
		{"no frame", "neither a frame", message("1:1:0", "", `{"a":1}`)},
		{"no list of objects", "no object", message("1:1:0", "", strings.Replace(good, `[{"id":"a"}]`, `[1]`, 1))},
		{"a broken number", "no whole number", message("1:1:0", "", strings.Replace(good, `"a"`, `1.5`, 1))},
		{"a column that is no name", "letters", message("1:1:0", "", strings.Replace(good, `"id"`, `"i d"`, 1))},
		{"a column that QuestDB cannot have", "letters", message("1:1:0", "", strings.Replace(good, `"id"`, `"i-d"`, 1))},
		{"a table that is no name", "none of those", message("1:1:0", "", strings.Replace(good, `owners`, `a,b`, 1))},
		{"somebody else's table", `table "orders" is none of those that this sink makes (users,`, message("1:1:0", "", strings.Replace(good, `owners`, `orders`, 1))},
		{"one of Debezium's", `"orders"`, message("1:1:0", "", `{"before":null,"after":{"id":"a"},"source":{"table":"orders","ts_ms":1795945864000},"op":"u"}`)},
		{"no id", "ce_id", message("1:1", "", good)},
		{"no source", "ce_source", &kgo.Record{Value: []byte(good), Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte("1:1:0")}}}},
		{"a clock in the future", "ahead of this machine's clock", message("1:1:0", "", strings.Replace(good, "2026", "2027", 1))},
	} {
		var l lines
		err := l.add(c.r, noon)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want it to say %q", c.name, err, c.want)
		}
		if len(l.buf)+len(l.began)+len(l.from) > 0 {
			t.Errorf("%s leaves %q", c.name, l.buf)
		}
	}
}

// TestTables: schema.sql makes the tables that are followed, and each has the key by which rows that come
// again replace themselves. A sink takes rows of these only.
func TestTables(t *testing.T) {
	var made []string
	for _, s := range Schema() {
		rest, _ := strings.CutPrefix(s, "CREATE TABLE IF NOT EXISTS ")
		name, _, _ := strings.Cut(rest, " ")
		if !isTable([]byte(name)) || !strings.HasSuffix(s, " DEDUP UPSERT KEYS(ts, region, epoch, seq, row)") {
			t.Errorf("table %q is not followed, or has another key:\n%s", name, s)
		}
		made = append(made, name)
	}
	if got := strings.Join(made, ","); got != Tables {
		t.Errorf("schema.sql makes %s; want %s", got, Tables)
	}
}

// FuzzLine holds that whatever a text has in it, a line stays one, and its quotes are closed.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"", `"`, `\`, "\n", `\"`, "a b,c=d", "椅子\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := unquote(appendText(nil, []byte(s))); !ok || got != s {
			t.Errorf("%q is read as %q", s, got)
		}
		symbol := appendSymbol(nil, []byte(s))
		for i := 0; i < len(symbol); i++ {
			switch symbol[i] {
			case '\\':
				i++
			case ' ', ',', '=', '\n', '\r':
				t.Errorf("symbol %q of %q ends at %d", symbol, s, i)
			}
		}
	})
}

// unquote reads a text as QuestDB does.
func unquote(b []byte) (string, bool) {
	if len(b) < 2 || b[0] != '"' {
		return "", false
	}
	var got []byte
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '"':
			return string(got), i == len(b)-1
		case '\n', '\r':
			return "", false
		case '\\':
			i++
		}
		got = append(got, b[i])
	}
	return "", false
}

// BenchmarkLines measures what the sink does for a message, without Kafka and QuestDB.
func BenchmarkLines(b *testing.B) {
	r := message("3:8:0", "isuride.positions.update",
		`{"table":"positions","action":"update","keys":["chair_id"],"epoch":3,"seq":812345,"prev":812344,"ts":"2026-11-29T09:51:04.123456Z","data":[{"chair_id":"01JDFFT9J8JVCFVJAG4WN2B601","latitude":-1,"longitude":2,"recorded_at":1795945864123}]}`)
	var l lines
	b.ReportAllocs()
	for b.Loop() {
		if err := l.add(r, noon); err != nil {
			b.Fatal(err)
		}
		if len(l.began) == maxPoll {
			l.reset()
		}
	}
}
