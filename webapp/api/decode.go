package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"

	"isuride/webapp/isuride"
)

// decode parses a request body. Unknown members are ignored, missing ones are zero
// (S4.0).
func (c call) decode(into any) error { return decode(c.Body(), into) }

func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case err == nil && string(bytes.TrimSpace(body)) == "null": // which Go takes for nothing at all
		return isuride.Errorf(isuride.InvalidInput, "the body must be a JSON object, not null")
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return isuride.Errorf(isuride.InvalidInput, "%s must be %s, not %s", wrong.Field, kindName(wrong), wrong.Value)
	case errors.As(err, &wrong):
		return isuride.Errorf(isuride.InvalidInput, "the body must be a JSON object, not %s", wrong.Value)
	case len(bytes.TrimSpace(body)) == 0 || errors.Is(err, io.ErrUnexpectedEOF):
		return isuride.Errorf(isuride.InvalidInput, "the body must be a JSON object")
	case errors.As(err, &syntax):
		return isuride.Errorf(isuride.InvalidInput, "the body is not JSON: %s at byte %d", syntax, syntax.Offset)
	}
	return isuride.Because(err, isuride.InvalidInput, "the body is not JSON")
}

func kindName(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "string":
		return "a string"
	case "bool":
		return "true or false"
	case "int", "int32":
		return "an integer of 32 bits"
	}
	return "an object"
}

// point is a coordinate in a request; missing members count as 0 (S4.5).
type point struct {
	Latitude  int32 `json:"latitude"`
	Longitude int32 `json:"longitude"`
}

func (p *point) coordinate() isuride.Coordinate {
	return isuride.Coordinate{Latitude: p.Latitude, Longitude: p.Longitude}
}

// journey is the body of a ride request and of an estimate.
type journey struct {
	Pickup      *point `json:"pickup_coordinate"`
	Destination *point `json:"destination_coordinate"`
}

func (c call) journey() (pickup, destination isuride.Coordinate, err error) {
	var j journey
	if err := c.decode(&j); err != nil {
		return pickup, destination, err
	}
	switch {
	case j.Pickup == nil:
		err = isuride.Errorf(isuride.InvalidInput, "pickup_coordinate is required")
	case j.Destination == nil:
		err = isuride.Errorf(isuride.InvalidInput, "destination_coordinate is required")
	default:
		pickup, destination = j.Pickup.coordinate(), j.Destination.coordinate()
	}
	return pickup, destination, err
}

// queryValue returns the first value of a parameter, "" if it is missing or empty.
func (c call) queryValue(name string) (string, error) {
	rest := c.Query()
	for len(rest) > 0 {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte{'&'})
		key, value, _ := bytes.Cut(pair, []byte{'='})
		if string(key) != name {
			continue
		}
		text, err := url.QueryUnescape(string(value))
		if err != nil {
			return "", isuride.Errorf(isuride.InvalidInput, "%s is not properly encoded", name)
		}
		return text, nil
	}
	return "", nil
}

// queryInt parses an integer parameter of the given width; ok is false if it is missing
// or empty.
func (c call) queryInt(name string, bits int) (n int64, ok bool, err error) {
	text, err := c.queryValue(name)
	if err != nil || text == "" {
		return 0, false, err
	}
	n, err = strconv.ParseInt(text, 10, bits)
	if err != nil {
		return 0, false, isuride.Errorf(isuride.InvalidInput, "%s must be an integer of %d bits", name, bits)
	}
	return n, true, nil
}
