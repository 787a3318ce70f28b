package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"isuride/webapp/isuride"
)

// reports are bodies of position reports, right and wrong ones.
var reports = []string{
	`{"latitude":10,"longitude":-20}`, `{"longitude":-20,"latitude":10}`, " {\t\"latitude\" :\r\n10 , \"longitude\": -20 } \n",
	`{"latitude":-0,"longitude":0}`, `{}`, `null`, `nul`, ``, ` `, `[]`, `"latitude"`, `{`, `{"latitude":7}`, `{"latitude`,
	`{"latitude":null,"longitude":3}`, `{"latitude":1,"latitude":2,"longitude":3,"longitude":4}`, `{"latitude":5,"latitude":null}`,
	`{"\u006Catitud\u0065":1,"LONGITUDE":2}`, `{"latitude ":9,"latitude":1}`, `{"latitude":1}}`, `{"latitude":1,}`, `{"latitude" 1}`,
	`{"x":{"latitude":[1,{"y":"}\"]"},[],{}],"z":null},"latitude":1,"":true,"f":-1.5e+10,"longitude":2}`, `{latitude:1}`,
	`{"latitude":1.0}`, `{"latitude":1e2}`, `{"latitude":"1"}`, `{"latitude":true}`, `{"latitude":{}}`, `{"latitude":01}`,
	`{"latitude":+1}`, `{"latitude":-}`, `{"latitude":2147483648}`, `{"latitude":0,"longitude":[1]}`, "{\"latitude\":1}\x00", "\ufeff{}",
	"{\"a\xff\":\"\xff\"}", `{"a":1.}`, `{"lat\x":1}`,
}

// FuzzReport: a report is accepted and read as encoding/json does it, but for null, and otherwise
// refused as the caller's mistake.
func FuzzReport(f *testing.F) {
	for _, body := range reports {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseReport(body)
		var plain point
		plainErr := json.Unmarshal(body, &plain)
		if string(bytes.TrimSpace(body)) == "null" {
			plainErr = errors.New("null is no position, though encoding/json takes it for one of 0 and 0")
		}
		var refused *isuride.Error
		switch {
		case (err == nil) != (plainErr == nil):
			t.Fatalf("%.200q: error %v, encoding/json says %v", body, err, plainErr)
		case err == nil && got != plain.coordinate():
			t.Errorf("%.200q: got %v, want %v", body, got, plain)
		case err != nil && (!errors.As(err, &refused) || refused.Code != isuride.InvalidInput || got != (isuride.Coordinate{})):
			t.Errorf("%.200q: got %v, %v; want a refusal and no value", body, got, err)
		}
	})
}

func TestReportRefuses(t *testing.T) {
	for body, want := range map[string]string{
		``:                            "the body must be a JSON object",
		`[]`:                          "the body must be a JSON object, not array",
		`{"latitude":1.0}`:            "latitude must be an integer of 32 bits, not number 1.0",
		`{"latitude":2147483648}`:     "latitude must be an integer of 32 bits, not number 2147483648",
		`{"latitude":"1"}`:            "latitude must be an integer of 32 bits, not string",
		`{"latitude":1,"longitude":2`: "the body is not JSON: unexpected end of JSON input at byte 27",
	} {
		if _, err := parseReport([]byte(body)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
}
