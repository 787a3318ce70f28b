package answer

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"isuride/bench/world"
	"isuride/tools/dev/allocs"
)

// The plain twins of the frequent decoders: encoding/json into maps, and the rules of
// B9.3 and B13.4 in so many words.

var errTwin = errors.New("refused")

type object map[string]json.RawMessage

// plainObject reads the first value of the body. The names of members keep their letter
// case.
func plainObject(body []byte) object {
	var o object
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&o); err != nil || o == nil {
		panic(errTwin)
	}
	return o
}

func (o object) text(name string) (s string) {
	if err := json.Unmarshal(o.member(name), &s); err != nil {
		panic(errTwin)
	}
	return s
}

func (o object) integer(name string) int64 {
	n, err := strconv.ParseInt(string(o.member(name)), 10, 64)
	if err != nil {
		panic(errTwin)
	}
	return n
}

func (o object) member(name string) json.RawMessage {
	m, ok := o[name]
	if !ok || string(m) == "null" {
		panic(errTwin)
	}
	return m
}

func (o object) orNull(name string) bool {
	m, ok := o[name]
	return !ok || string(m) == "null"
}

func (o object) point(name string) world.Point {
	p := plainObject(o.member(name))
	if len(p) != 2 {
		panic(errTwin)
	}
	clamp := func(n int64) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }
	return world.Point{X: clamp(p.integer("latitude")), Y: clamp(p.integer("longitude"))}
}

func (o object) optionalPoint(name string) world.Point {
	if _, ok := o[name]; !ok {
		return world.Point{}
	}
	return o.point(name)
}

func (o object) status() world.Status {
	if o.orNull("status") {
		return world.StatusUnknown
	}
	return world.ParseStatus([]byte(o.text("status")))
}

// plainly turns the panics of the above into an error.
func plainly[T any](f func() T) (v T, err error) {
	defer func() {
		if e := recover(); e != nil {
			if e != errTwin {
				panic(e)
			}
			err = errTwin
		}
	}()
	return f(), nil
}

func plainUserNotification(o object) *world.UserNotification {
	n := &world.UserNotification{Pickup: o.optionalPoint("pickup_coordinate"), Destination: o.optionalPoint("destination_coordinate"), Status: o.status()}
	if !o.orNull("ride_id") {
		n.RideID = o.text("ride_id")
	}
	if !o.orNull("fare") {
		n.Fare = int(o.integer("fare"))
	}
	for _, name := range []string{"created_at", "updated_at"} {
		if !o.orNull(name) {
			o.integer(name)
		}
	}
	if _, ok := o["chair"]; ok {
		chair := plainObject(o.member("chair"))
		stats := plainObject(chair.member("stats"))
		avg, err := strconv.ParseFloat(string(stats.member("total_evaluation_avg")), 64)
		if err != nil {
			panic(errTwin)
		}
		n.HasChair = true
		n.Chair = world.NotifiedChair{ID: chair.text("id"), Name: chair.text("name"), Model: chair.text("model"),
			TotalRides: int(stats.integer("total_rides_count")), EvaluationAvg: avg}
	}
	return n
}

func plainChairNotification(o object) *world.ChairNotification {
	n := &world.ChairNotification{Pickup: o.optionalPoint("pickup_coordinate"), Destination: o.optionalPoint("destination_coordinate"), Status: o.status()}
	if !o.orNull("ride_id") {
		n.RideID = o.text("ride_id")
	}
	if _, ok := o["user"]; ok {
		user := plainObject(o.member("user"))
		n.UserID, n.UserName = user.text("id"), user.text("name")
	}
	return n
}

func plainNearbyChairs(o object) []world.NearbyChair {
	o.integer("retrieved_at")
	var items []json.RawMessage
	if err := json.Unmarshal(o.member("chairs"), &items); err != nil {
		panic(errTwin)
	}
	chairs := []world.NearbyChair{}
	for _, item := range items {
		c := plainObject(item)
		chairs = append(chairs, world.NearbyChair{ID: c.text("id"), Name: c.text("name"), Model: c.text("model"), Position: c.point("current_coordinate")})
	}
	return chairs
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"recorded_at":1732579200000}`))
	f.Add([]byte(`{"ride_id":"R","pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4},"fare":900,"status":"ENROUTE",` +
		`"chair":{"id":"C","name":"N","model":"M","stats":{"total_rides_count":2,"total_evaluation_avg":3.5}},"created_at":1,"updated_at":1}`))
	f.Add([]byte(`{"ride_id":"R","user":{"id":"U","name":"A B"},"pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4},"status":"COMPLETED"}`))
	f.Add([]byte(`{"chairs":[{"id":"C","name":"\u5ea7","model":"M","current_coordinate":{"latitude":-1,"longitude":0}}],"retrieved_at":1}`))
	f.Add([]byte(`{"data":{"status":"MATCHING"},"retry_after_ms":30}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if !utf8.Valid(body) || strings.Count(string(body), "[")+strings.Count(string(body), "{") > maxDepth || repeats(body) {
			return // encoding/json repairs invalid text and nests deeper; of repeated members both take another view
		}
		against(t, body, RecordedAt, func(o object) world.Millis { return world.Millis(o.integer("recorded_at")) })
		against(t, body, UserNotification, plainUserNotification)
		against(t, body, ChairNotification, plainChairNotification)
		against(t, body, NearbyChairs, plainNearbyChairs)
	})
}

func against[T any](t *testing.T, body []byte, fast func([]byte) (T, error), plain func(object) T) {
	t.Helper()
	got, err := fast(body)
	want, werr := plainly(func() T { return plain(plainObject(body)) })
	if (err == nil) != (werr == nil) || err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("%s\ngot  %+v, %v\nwant %+v, %v", body, got, err, want, werr)
	}
}

// repeats reports whether some object of the body names a member twice.
func repeats(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	var names []map[string]bool // one per open object, nil for a list
	isKey := false
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if n := len(names); n > 0 && names[n-1] != nil && isKey {
			if s, ok := token.(string); ok {
				if names[n-1][s] {
					return true
				}
				names[n-1][s] = true
				isKey = false
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			names = append(names, map[string]bool{})
		case json.Delim('['):
			names = append(names, nil)
		case json.Delim('}'), json.Delim(']'):
			names = names[:len(names)-1]
			if len(names) == 0 {
				return false
			}
		}
		isKey = true
	}
}

func TestAllocations(t *testing.T) {
	position := []byte(`{"recorded_at":1732579200000}`)
	message := []byte(`{"ride_id":"R","user":{"id":"U","name":"A B"},"pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4},"status":"COMPLETED"}`)
	for _, c := range []struct {
		name string
		f    func()
		most float64
	}{
		{"position", func() { RecordedAt(position) }, 0},
		{"chair message", func() { ChairNotification(message) }, 2}, // the message and its text
	} {
		if n := allocs.PerRun(100, c.f); n > c.most {
			t.Errorf("%s: %v allocations, at most %v wanted", c.name, n, c.most)
		}
	}
}

func BenchmarkUserNotification(b *testing.B) {
	body := []byte(`{"ride_id":"01JDM0N9W89PK57C7XEVGD5C80","pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4},"fare":900,"status":"ENROUTE",` +
		`"chair":{"id":"01JDM0N9W89PK57C7XEVGD5C81","name":"RS-NEO01-1234","model":"Aurora Glow","stats":{"total_rides_count":2,"total_evaluation_avg":3.5}},"created_at":1732579200000,"updated_at":1732579200000}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := UserNotification(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecordedAt(b *testing.B) {
	body := []byte(`{"recorded_at":1732579200000}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := RecordedAt(body); err != nil {
			b.Fatal(err)
		}
	}
}
