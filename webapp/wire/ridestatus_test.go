package wire

import (
	"strings"
	"testing"

	"isuride/webapp/isuride"
)

func TestParseRideStatus(t *testing.T) {
	for _, c := range []struct {
		body string
		want isuride.Status
	}{
		{`{"status":"ENROUTE"}`, isuride.Enroute},
		{`{"status":"CARRYING"}`, isuride.Carrying},
		{`{"ride_id":"x","status":"\u0043OMPLETE\u0044"}`, isuride.Completed},
		{`{"\u017Ftatus":"PICKUP"}`, isuride.Pickup}, // ſ folds to s
		{`{"status":"enroute"}`, 0},
		{`{"status":""}`, 0},
		{`{}`, 0},
		{`{"status":null}`, 0},
		{`{"status":"ENROUTE","status":null}`, isuride.Enroute},
		{`{"status":"ENROUTE","status":"elsewhere"}`, 0},
		{`{"status":"ENROUTE","status":"` + strings.Repeat("x", 1000) + `"}`, 0},
	} {
		got, err := ParseRideStatus([]byte(c.body))
		if err != nil || got != c.want {
			t.Errorf("%.60s: got %v, %v; want %v", c.body, got, err, c.want)
		}
	}
}

func TestParseRideStatusRefuses(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"status":1}`, "status must be a string"},
		{`{"status":["ENROUTE"]}`, "status must be a string"},
		{`{"status":"ENROUTE}`, "request body is not JSON: it ends early"},
	} {
		if _, err := ParseRideStatus([]byte(c.body)); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.body, err, c.want)
		}
	}
}

func FuzzParseRideStatus(f *testing.F) {
	for _, body := range []string{
		`{"status":"ENROUTE"}`, `{"\u017Ftatus":"\u0043ARRYING"}`, `{"status":null}`, `{"STATUS":"PICKUP","x":[]}`, `{"status":7}`,
		"{\"\u017ftatu\u017f\":\"ARRIVED\"}", "{\"status\":\"\xff\"}",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ParseRideStatus(body)
		plain, plainErr := parsePlain[plainRideStatus](body)
		if (err == nil) != (plainErr == nil) {
			t.Fatalf("%q: error %v, encoding/json says %v", body, err, plainErr)
		}
		if err == nil && got != isuride.ParseStatus(plain.Status) {
			t.Errorf("%q: got %v, want %s", body, got, plain.Status)
		}
	})
}
