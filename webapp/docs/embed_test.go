package docs

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestDocumentsAsJSON: what is served is what is written, in the order in which it is written.
func TestDocumentsAsJSON(t *testing.T) {
	for name, written := range map[string][]byte{"openapi.yaml": OpenAPI, "asyncapi.yaml": AsyncAPI} {
		served, err := JSON(written)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got, want any
		if err := json.Unmarshal(served, &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := yaml.Unmarshal(written, &want); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		want = nil
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is served as something else", name)
		}
		if info, components := strings.Index(string(served), `"info":`), strings.Index(string(served), `"components":`); info < 0 || components < info {
			t.Errorf("%s is served in another order", name)
		}
	}
}

// TestReferences: a reference leads somewhere.
func TestReferences(t *testing.T) {
	for name, written := range map[string][]byte{"openapi.yaml": OpenAPI, "asyncapi.yaml": AsyncAPI} {
		var document any
		if err := yaml.Unmarshal(written, &document); err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`\$ref: "#/([^"]+)"`).FindAllSubmatch(written, -1)
		if len(found) < 10 {
			t.Fatalf("%s has %d references: the test looks for the wrong thing", name, len(found))
		}
		for _, m := range found {
			at := document
			for step := range strings.SplitSeq(string(m[1]), "/") {
				object, _ := at.(map[string]any)
				at = object[step]
			}
			if at == nil {
				t.Errorf("%s: nothing is at #/%s", name, m[1])
			}
		}
	}
}

func TestVersion(t *testing.T) {
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(Version()) {
		t.Errorf("the version is %q", Version())
	}
	if !strings.Contains(string(AsyncAPI), "\n  version: "+Version()+"\n") {
		t.Error("the two documents have different versions")
	}
}

func TestJSONRefuses(t *testing.T) {
	for _, text := range []string{"a: [", "? [a]: b", "<<: {a: 1}"} {
		if got, err := JSON([]byte(text)); err == nil {
			t.Errorf("%q becomes %s", text, got)
		}
	}
}
