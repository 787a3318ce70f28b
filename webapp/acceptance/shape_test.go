package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"

	"isuride/webapp/servertest"
)

// Shapes of JSON values. An object has exactly its members, a list any number of elements
// of one shape.
type shape string

const (
	aString  shape = "string"
	aNumber  shape = "number"
	aBoolean shape = "boolean"
	// anInteger has neither fraction nor exponent.
	anInteger shape = "integer"
)

type listOf struct{ element any }

var aCoordinate = servertest.Object{"latitude": anInteger, "longitude": anInteger}

// fits compares a decoded value with a shape and tells the first difference.
func fits(value, want any, path string) error {
	switch want := want.(type) {
	case servertest.Object:
		return fitsObject(value, want, path)
	case listOf:
		elements, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s is %v, want an array", path, value)
		}
		for i, e := range elements {
			if err := fits(e, want.element, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if got := shapeOf(value); got != want && !(got == anInteger && want == aNumber) {
		return fmt.Errorf("%s is %v, want a value of type %v", path, value, want)
	}
	return nil
}

func fitsObject(value any, want servertest.Object, path string) error {
	members, ok := value.(servertest.Object)
	if !ok {
		return fmt.Errorf("%s is %v, want an object", path, value)
	}
	for name, shape := range want {
		v, ok := members[name]
		if !ok {
			return fmt.Errorf("%s.%s is missing", path, name)
		}
		if err := fits(v, shape, path+"."+name); err != nil {
			return err
		}
	}
	for name := range members {
		if _, ok := want[name]; !ok {
			return fmt.Errorf("%s.%s is one member too many", path, name)
		}
	}
	return nil
}

func shapeOf(value any) shape {
	switch v := value.(type) {
	case string:
		return aString
	case bool:
		return aBoolean
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return aNumber
		}
		return anInteger
	}
	return "null, an object or an array"
}
