package wire

import (
	"encoding/json"
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
		ok   bool
	}{
		{`{"latitude":10,"longitude":-20}`, at(10, -20), true},
		{`{"latitude":2147483647,"longitude":-2147483648}`, at(2147483647, -2147483648), true},
		{`{"latitude":-0,"longitude":0}`, at(0, 0), true},
		{body: `{"latitude":2147483648,"longitude":0}`},
		{body: `{"latitude":0,"longitude":-2147483649}`},
		{body: `{"latitude":99999999999999999999999999,"longitude":0}`},
		{body: `{"latitude":01,"longitude":0}`},
		{body: `{"latitude":-,"longitude":0}`},
		{body: `{"latitude":1.0,"longitude":0}`},
		{body: `{"latitude":1,"longitude":0}}`},
		{body: `{"latitude":1,"longitude":0`},
		{body: `{"latitude":1}`},
		{body: ``},
		// Right, but not what clients write.
		{body: `{"longitude":-20,"latitude":10}`},
		{body: `{"latitude": 10, "longitude": -20}`},
	} {
		if got, ok := ParseCoordinate([]byte(c.body)); ok != c.ok || got != c.want {
			t.Errorf("%s: got %v, %t; want %v, %t", c.body, got, ok, c.want, c.ok)
		}
	}
}

// FuzzParseCoordinate: what is read is what encoding/json reads.
func FuzzParseCoordinate(f *testing.F) {
	for _, body := range []string{
		`{"latitude":10,"longitude":-20}`, `{"latitude":-0,"longitude":2147483647}`, `{"latitude":2147483648,"longitude":1}`,
		`{"latitude":01,"longitude":1}`, `{"latitude":1,"longitude":1}}`, `{"latitude":1e1,"longitude":1}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, ok := ParseCoordinate(body)
		if plain, err := parsePlain[plainCoordinate](body); ok && (err != nil || plainOfCoordinate(got) != plain) {
			t.Errorf("%q: got %v; encoding/json reads %v, %v", body, got, plain, err)
		}
	})
}

// FuzzFastPath: no coordinate that a client writes leaves the fast path.
func FuzzFastPath(f *testing.F) {
	f.Add(int32(0), int32(-1))
	f.Add(int32(-1<<31), int32(1<<31-1))
	f.Fuzz(func(t *testing.T, latitude, longitude int32) {
		body, err := json.Marshal(plainCoordinate{latitude, longitude})
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := ParseCoordinate(body); !ok || got != (isuride.Coordinate{Latitude: latitude, Longitude: longitude}) {
			t.Errorf("%s: got %v, %t", body, got, ok)
		}
	})
}

func TestAppendRecordedAt(t *testing.T) {
	for _, at := range []isuride.Time{0, 999, 1732579200000999, -1} {
		sameMembers(t, AppendRecordedAt(nil, at), plainRecordedAt{at.Milli()})
	}
}
