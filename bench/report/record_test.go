package report

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	for want, r := range map[string]*Record{
		"PASS with score 25,000":                               healthy(10, 100),
		"FAIL with score 150,000: code 34 (evaluated":          failed(),
		"FAIL: initializing: POST /api/initialize: status 404": unloaded(),
		"INTERRUPTED with score 22,500":                        interrupted(),
	} {
		if got := r.Verdict(); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLoaded(t *testing.T) {
	if !interrupted().Loaded() || unloaded().Loaded() {
		t.Error("a run with load looks like one without")
	}
}

func TestWriteRead(t *testing.T) {
	all := []*Record{healthy(10, 100), failed(), unloaded(), interrupted()}
	var b bytes.Buffer
	for _, r := range all {
		if err := r.Write(&b); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(&b)
	if err != nil || len(got) != len(all) {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i := range all {
		want, _ := json.Marshal(all[i])
		if b, _ := json.Marshal(got[i]); !bytes.Equal(b, want) {
			t.Errorf("record %d is read as\n%s\nwant\n%s", i, b, want)
		}
	}
	if !reflect.DeepEqual(got[1].Errors, all[1].Errors) {
		t.Errorf("errors are read as %+v", got[1].Errors)
	}
}

func TestReadBad(t *testing.T) {
	good := `{"format":1}` + "\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":        {"", "no record"},
		"blank lines":    {"\n\n", "no record"},
		"foreign object": {good + `{"name":"x"}`, "line 2: not a record of a run"},
		"newer format":   {good + good + `{"format":2}`, "line 3: a record of format 2, but this program reads 1"},
		"text":           {"hello\n", "line 1: not a record of a run"},
		"list":           {"\n[" + good + "]", "line 2: not a record of a run"},
		"other types":    {`{"format":1,"score":"many"}`, "line 1: not a record of a run"},
		"torn at last":   {good + good + `{"format":1,"com`, "line 3: not a record of a run"},
		"torn between":   {good + `{"format":1,"com` + "\n" + good, "line 2: not a record of a run"},
	} {
		if list, err := Read(strings.NewReader(c.text)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %d records, %v, want %s", name, len(list), err, c.want)
		}
	}
}

func TestRequests(t *testing.T) {
	r := healthy(10, 100)
	if got := r.AllRequests(); got != 100*100+400+200 {
		t.Errorf("%d requests", got)
	}
	if got, want := r.CPUPerRequest(), 0.1*1e6/10600; got < want-0.01 || got > want+0.01 {
		t.Errorf("%v us a request, want %v", got, want)
	}
	if got := unloaded().CPUPerRequest(); got != 0 {
		t.Errorf("%v us a request of none", got)
	}
}
