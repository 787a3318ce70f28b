package api

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"isuride/webapp/docs"
)

// TestRoutesAreDescribed: what is served is in openapi.yaml, and the other way round.
func TestRoutesAreDescribed(t *testing.T) {
	a := &API{}
	served := map[string]bool{}
	for path, r := range a.table() {
		for method := range r.endpoints {
			served[method+" "+path] = true
		}
	}
	var document struct {
		Paths map[string]map[string]any
	}
	if err := yaml.Unmarshal(docs.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for path, item := range document.Paths {
		for method := range item {
			if method != "parameters" {
				described[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	if len(served) < 18 {
		t.Fatalf("only %d routes: the test looks at the wrong thing", len(served))
	}
	for _, route := range slices.Sorted(maps.Keys(served)) {
		if !described[route] {
			t.Errorf("%s is served and not described in openapi.yaml", route)
		}
	}
	for _, route := range slices.Sorted(maps.Keys(described)) {
		if !served[route] {
			t.Errorf("%s is described in openapi.yaml and not served", route)
		}
	}
}
