package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"isuride/webapp/isuride"
)

func TestParseCoordinate(t *testing.T) {
	at := func(latitude, longitude int32) isuride.Coordinate {
		return isuride.Coordinate{Latitude: latitude, Longitude: longitude}
	}
	for _, c := range []struct {
		body string
		want isuride.Coordinate
	}{
		{`{"latitude":10,"longitude":-20}`, at(10, -20)},
		{`{"longitude":-20,"latitude":10}`, at(10, -20)},
		{" {\t\"latitude\" :\r\n10 , \"longitude\": -20 } \n", at(10, -20)},
		{`{"latitude":2147483647,"longitude":-2147483648}`, at(2147483647, -2147483648)},
		{`{"latitude":-0,"longitude":0}`, at(0, 0)},
		{`{}`, at(0, 0)},
		{`null`, at(0, 0)},
		{`{"latitude":7}`, at(7, 0)},
		{`{"latitude":null,"longitude":3}`, at(0, 3)},
		{`{"latitude":1,"latitude":2,"longitude":3,"longitude":4}`, at(2, 4)},
		{`{"latitude":5,"latitude":null}`, at(5, 0)},
		{`{"\u006Catitud\u0065":1,"LONGITUDE":2}`, at(1, 2)},
		{`{"x":{"latitude":[1,{"y":"}\"]"},[],{}],"z":null},"latitude":1,"":true,"f":-1.5e+10,"longitude":2}`, at(1, 2)},
		{`{"a":"` + strings.Repeat("é", 100) + `","latitude ":9,"latitude":1}`, at(1, 0)},
	} {
		got, err := ParseCoordinate([]byte(c.body))
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v; want %v", c.body, got, err, c.want)
		}
	}
}

func TestParseCoordinateRefuses(t *testing.T) {
	const (
		latitude = "latitude must be an integer of 32 bits"
		early    = "request body is not JSON: it ends early"
		object   = "request body must be a JSON object"
	)
	misplaced := func(byte int) string { return fmt.Sprintf("request body is not JSON: byte %d is out of place", byte) }
	for _, c := range []struct{ body, want string }{
		{``, object},
		{`[]`, object},
		{`"latitude"`, object},
		{`{`, early},
		{`{"latitude":1`, early},
		{`{"latitude`, early},
		{`{"latitude":1}}`, misplaced(15)},
		{`{"latitude":1,}`, misplaced(15)},
		{`{"latitude" 1}`, misplaced(13)},
		{`{latitude:1}`, misplaced(2)},
		{`{"lat\x":1}`, misplaced(6)},
		{`{"lat\u00g0":1}`, misplaced(6)},
		{"{\"lat\n\":1}", misplaced(6)},
		{`nul`, misplaced(1)},
		{`{"a":tru}`, misplaced(6)},
		{`{"a":01}`, misplaced(7)},
		{`{"a":[1 2]}`, misplaced(9)},
		{`{"a":[1}}`, misplaced(8)},
		{`{"latitude":1.0}`, latitude},
		{`{"latitude":1e2}`, latitude},
		{`{"latitude":"1"}`, latitude},
		{`{"latitude":true}`, latitude},
		{`{"latitude":{}}`, latitude},
		{`{"latitude":01}`, latitude},
		{`{"latitude":+1}`, latitude},
		{`{"latitude":-}`, latitude},
		{`{"latitude":2147483648}`, latitude},
		{`{"latitude":-2147483649}`, latitude},
		{`{"latitude":99999999999999999999999999}`, latitude},
		{`{"latitude":0,"longitude":[1]}`, "longitude must be an integer of 32 bits"},
		{`{"a":` + strings.Repeat("[", maxDepth), "request body is nested too deep"},
	} {
		_, err := ParseCoordinate([]byte(c.body))
		var e *isuride.Error
		if !errors.As(err, &e) || e.Code != isuride.InvalidInput || e.Message != c.want {
			t.Errorf("%.40s: got %v, want %s", c.body, err, c.want)
		}
	}
}

// TestNestingLimit: the limit stands where encoding/json has it, for arrays, objects
// and both in turn.
func TestNestingLimit(t *testing.T) {
	for _, kind := range [][2]string{{"[", "]"}, {`{"a":`, "}"}, {`[{"b":`, "}]"}} {
		levels := strings.Count(kind[0], "[") + strings.Count(kind[0], "{")
		for _, inner := range []int{maxDepth - 1 - levels, maxDepth - 1, maxDepth - 1 + levels} {
			n := inner / levels
			body := `{"x":` + strings.Repeat(kind[0], n) + "null" + strings.Repeat(kind[1], n) + `,"latitude":1}`
			checkCoordinate(t, []byte(body))
		}
	}
}

func FuzzParseCoordinate(f *testing.F) {
	for _, body := range []string{
		`{"latitude":10,"longitude":-20}`, `{"\u006Catitud\u0065":1,"LONGITUDE":2}`, `{"latitude":1.0}`, `{"latitude":2147483648}`,
		`{"x":{"y":[1,-2.5e-3,"\ud83e\ude91",true,false,null,[],{}]},"latitude":null,"longitude":3}`, "{\"latitude\":1}\x00", "\ufeff{}",
		`null`, `nul`, `{"a":"\/\b\f\n\r\t\"\\"}`, "{\"a\xff\":\"\xff\"}", `{"latitude":-0}`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(checkCoordinate)
}

func checkCoordinate(t *testing.T, body []byte) {
	got, err := ParseCoordinate(body)
	plain, plainErr := parsePlain[plainCoordinate](body)
	if (err == nil) != (plainErr == nil) {
		t.Fatalf("%.200q: error %v, encoding/json says %v", body, err, plainErr)
	}
	if err != nil && got != (isuride.Coordinate{}) {
		t.Errorf("%.200q: value %v beside an error", body, got)
	}
	if err == nil && plainOfCoordinate(got) != plain {
		t.Errorf("%.200q: got %v, want %v", body, got, plain)
	}
}

func TestAppendRecordedAt(t *testing.T) {
	for _, at := range []isuride.Time{0, 999, 1732579200000999, -1} {
		sameMembers(t, AppendRecordedAt(nil, at), plainRecordedAt{at.Milli()})
	}
}
