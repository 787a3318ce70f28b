package feed

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"isuride/webapp/docs"
)

// documentURL is what errors call it.
const documentURL = "https://isuride.example/asyncapi.json"

// document is asyncapi.yaml.
type document struct {
	t        *testing.T
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by place
	parsed   struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Enum []string }
				Enum       []string
				Required   []string
			}
		}
	}
}

func readDocument(t *testing.T) *document {
	t.Helper()
	text, err := docs.JSON(docs.AsyncAPI)
	if err != nil {
		t.Fatal(err)
	}
	d := &document{t: t, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	if err := json.Unmarshal(text, &d.parsed); err != nil {
		t.Fatal(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.compiler.AddResource(documentURL, whole); err != nil {
		t.Fatal(err)
	}
	return d
}

// check compares a value with the schema at a place below components.
func (d *document) check(place string, text []byte) {
	d.t.Helper()
	schema := d.schemas[place]
	if schema == nil {
		var err error
		if schema, err = d.compiler.Compile(documentURL + "#/components/" + place); err != nil {
			d.t.Fatal(err)
		}
		d.schemas[place] = schema
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		d.t.Fatalf("%s: %v", text, err)
	}
	if err := schema.Validate(value); err != nil {
		d.t.Fatalf("%s is not %s of asyncapi.yaml: %v", text, place, err)
	}
}

// frame compares a frame with the message of its action, and its columns with those of its table: the
// schemas let columns pass that they do not know, as readers do.
func (d *document) frame(text []byte) Action {
	d.t.Helper()
	var f Frame
	if err := json.Unmarshal(text, &f); err != nil {
		d.t.Fatal(err)
	}
	place := map[Action]string{Heartbeat: "Heartbeat", Checksum: "Checksum", Failed: "Failed", Unsubscribed: "Unsubscribed"}[f.Action]
	if place != "" {
		d.check("messages/"+place+"/payload", text)
		return f.Action
	}
	d.check("schemas/Frame", text)
	for _, data := range f.Data {
		var row map[string]json.RawMessage
		if err := json.Unmarshal(data, &row); err != nil {
			d.t.Fatal(err)
		}
		for column := range row {
			if _, there := d.parsed.Components.Schemas[f.Table].Properties[column]; !there {
				d.t.Fatalf("%s has a column %s, which is not in asyncapi.yaml", f.Table, column)
			}
		}
	}
	return f.Action
}

// TestTablesAreDescribed: asyncapi.yaml has the tables, their columns and the codes, and no others.
func TestTablesAreDescribed(t *testing.T) {
	d := readDocument(t)
	schemas := d.parsed.Components.Schemas
	var names []string
	for i := range tables {
		table := &tables[i]
		names = append(names, table.name)
		var columns []string
		for _, c := range table.columns {
			columns = append(columns, c.name)
		}
		slices.Sort(columns)
		if got := slices.Sorted(maps.Keys(schemas[table.name].Properties)); !slices.Equal(got, columns) {
			t.Errorf("asyncapi.yaml gives %s the columns %q, it has %q", table.name, got, columns)
		}
		if got := schemas[table.name].Required; !slices.Equal(got, table.keys) {
			t.Errorf("asyncapi.yaml requires %q of %s, its key is %q", got, table.name, table.keys)
		}
		if table.name != "city" { // whose rows have some of the columns each
			d.check("schemas/"+table.name, table.appendRow(nil, fullRow(), Operator, 0))
		}
	}
	if got := schemas["Frame"].Properties["table"].Enum; !slices.Equal(got, names) {
		t.Errorf("asyncapi.yaml has the tables %q, there are %q", got, names)
	}
	source, err := os.ReadFile("frame.go")
	if err != nil {
		t.Fatal(err)
	}
	for kind, got := range map[string][]string{"Code": schemas["Code"].Enum, "Reason": schemas["Frame"].Properties["reason"].Enum} {
		var want []string
		for _, m := range regexp.MustCompile(`\b`+kind+` += "(\w+)"`).FindAllSubmatch(source, -1) {
			want = append(want, string(m[1]))
		}
		if len(want) < 5 || !slices.Equal(got, want) {
			t.Errorf("asyncapi.yaml has for %s %q, frame.go %q", kind, got, want)
		}
	}
}

// TestFramesAreDescribed: what readers of all classes get during some life is what asyncapi.yaml says.
func TestFramesAreDescribed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1, 0) // a life that has all kinds of frames in it
		d := readDocument(t)
		p99, behind := 1.5, &Replicas{All: 3, InStep: 2, Term: 7}
		w.feed.opt.Figures = func() *Figures {
			return &Figures{Name: "a", ReportP99: &p99, Replicas: behind, Alerts: []string{"it is late"}, Endpoints: []Endpoint{{Name: "GET /"}}, Slow: []SlowRequest{{At: 1}}, Peers: []Peer{{Name: "b"}}, Refused: map[string]uint64{"guests": 1}}
		}
		w.act(400)
		var readers []*reader
		for _, r := range append(w.viewers(), Request{Tables: "server"}, Request{Tables: "server", Viewer: Viewer{Class: Operator}}) {
			r.Name = "n"
			readers = append(readers, w.subscribe(r))
		}
		settleTime()
		w.act(400)
		seen := map[Action]int{}
		for _, r := range readers {
			for _, command := range []func(){
				func() {},
				func() { r.conn.Checksum("n", "city") },
				func() { r.conn.Checksum("n", "nothing") },
				func() { r.conn.Unsubscribe("n") },
			} {
				command()
				settleTime()
				for m, ok := r.conn.Next(); ok; m, ok = r.conn.Next() {
					seen[d.frame(m.JSON)]++
				}
			}
			r.conn.Close()
		}
		for _, action := range []Action{Partial, Insert, Update, Delete, Heartbeat, Checksum, Failed, Unsubscribed} {
			if seen[action] == 0 {
				t.Errorf("no frame %s was seen", action)
			}
		}
	})
}
