package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Shape tells what the benchmarker's strict decoder (S4.0) would refuse in a JSON
// value: one finding for each wrong part, with its path.
type Shape func(path string, v any) []string

func wrong(path, want string, v any) []string {
	return []string{fmt.Sprintf("%s is %s instead of %s", path, clip([]byte(encode(v))), want)}
}

func text(path string, v any) []string {
	if _, ok := v.(string); !ok {
		return wrong(path, "a string", v)
	}
	return nil
}

// integer refuses fractions and exponents, even zero ones.
func integer(path string, v any) []string {
	n, ok := v.(json.Number)
	if !ok || strings.ContainsAny(n.String(), ".eE") {
		return wrong(path, "a plain integer", v)
	}
	return nil
}

func number(path string, v any) []string {
	if _, ok := v.(json.Number); !ok {
		return wrong(path, "a number", v)
	}
	return nil
}

func boolean(path string, v any) []string {
	if _, ok := v.(bool); !ok {
		return wrong(path, "true or false", v)
	}
	return nil
}

// list refuses null.
func list(item Shape) Shape {
	return func(path string, v any) []string {
		all, ok := v.([]any)
		if !ok {
			return wrong(path, "an array", v)
		}
		var found []string
		for i, x := range all {
			found = append(found, item(fmt.Sprintf("%s[%d]", path, i), x)...)
		}
		return found
	}
}

// A member of an object. An optional one is absent or of its shape, never null.
type member struct {
	name     string
	shape    Shape
	optional bool
}

// one is a member that has to be there.
func one(name string, s Shape) []member { return []member{{name: name, shape: s}} }

func optional(name string, s Shape) []member {
	return []member{{name: name, shape: s, optional: true}}
}

func texts(names ...string) []member       { return each(text, names) }
func integers(names ...string) []member    { return each(integer, names) }
func coordinates(names ...string) []member { return each(coordinate, names) }

func each(s Shape, names []string) (all []member) {
	for _, name := range names {
		all = append(all, one(name, s)...)
	}
	return all
}

// object ignores members that it does not name.
func object(members ...[]member) Shape {
	return func(path string, v any) []string {
		o, ok := v.(map[string]any)
		if !ok {
			return wrong(path, "an object", v)
		}
		var found []string
		for _, m := range slices.Concat(members...) {
			x, there := o[m.name]
			switch {
			case there:
				found = append(found, m.shape(path+"."+m.name, x)...)
			case !m.optional:
				found = append(found, path+"."+m.name+" is missing")
			}
		}
		return found
	}
}

// coordinate has exactly two members: any other one is refused.
func coordinate(path string, v any) []string {
	found := object(integers("latitude", "longitude"))(path, v)
	if o, ok := v.(map[string]any); ok {
		for name := range o {
			if name != "latitude" && name != "longitude" {
				found = append(found, path+" has the extra member "+name)
			}
		}
	}
	return found
}

// nullable also allows null, as polling does for its data.
func nullable(s Shape) Shape {
	return func(path string, v any) []string {
		if v == nil {
			return nil
		}
		return s(path, v)
	}
}

// Misfit describes what is wrong with a whole JSON document; "" if nothing is.
func Misfit(s Shape, document []byte) string {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "not JSON: " + err.Error()
	}
	if _, err := d.Token(); err != io.EOF {
		return "more than one JSON document"
	}
	return strings.Join(s("body", v), "; ")
}
