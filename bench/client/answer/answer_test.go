package answer

import (
	"errors"
	"reflect"
	"testing"

	"isuride/bench/world"
)

// anyOf hides the type of a decoder's result.
func anyOf[T any](f func([]byte) (T, error)) func(string) (any, error) {
	return func(s string) (any, error) {
		v, err := f([]byte(s))
		return v, err
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name   string
		decode func(string) (any, error)
		body   string
		want   any
	}{
		{"recorded", anyOf(RecordedAt), ` {"x":[1,{"y":null}],"recorded_at" : 1732579200000} trailing`, world.Millis(1732579200000)},
		{"completed", anyOf(CompletedAt), `{"completed_at":-1}`, world.Millis(-1)},
		{"language", anyOf(Language), `{"language":"go"}`, "go"},
		{"no language", anyOf(Language), `{}`, ""},
		{"user", anyOf(UserAccount), `{"id":"U","invitation_code":"c","more":1.5e3}`, &world.UserAccount{ID: "U", InvitationCode: "c"}},
		{"chair", anyOf(ChairAccount), `{"owner_id":"O","id":"C"}`, &world.ChairAccount{ID: "C", OwnerID: "O"}},
		{"owner", anyOf(OwnerAccount), `{"id":"O","chair_register_token":"t"}`, &world.OwnerAccount{ID: "O", RegisterToken: "t"}},
		{"estimate", anyOf(Estimate), `{"fare":1800,"discount":0}`, &world.Estimate{Fare: 1800}},
		{"created", anyOf(CreatedRide), `{"ride_id":"R","fare":500}`, &world.CreatedRide{ID: "R", Fare: 500}},
		{"escapes", anyOf(CreatedRide), `{"ride\u005fid":"\u3042\ud83d\ude00\ud83d\n\"\/","fare":500}`, &world.CreatedRide{ID: "あ😀\ufffd\n\"/", Fare: 500}},
		{"no rides", anyOf(Rides), `{"rides":[]}`, []world.PastRide{}},
		{"rides", anyOf(Rides), `{"rides":[{"id":"R","pickup_coordinate":{"latitude":1,"longitude":-2},"destination_coordinate":{"longitude":4,"latitude":3},
			"chair":{"id":"C","owner":"O","name":"N","model":"M"},"fare":500,"evaluation":5,"requested_at":7,"completed_at":8}]}`,
			[]world.PastRide{{ID: "R", Pickup: world.Point{X: 1, Y: -2}, Destination: world.Point{X: 3, Y: 4}, ChairID: "C", ChairOwner: "O", ChairName: "N",
				ChairModel: "M", Fare: 500, Evaluation: 5, RequestedAt: 7, CompletedAt: 8}}},
		{"nearby", anyOf(NearbyChairs), `{"chairs":[{"id":"C","name":"N","model":"座","current_coordinate":{"latitude":99999999999,"longitude":0}}],"retrieved_at":1}`,
			[]world.NearbyChair{{ID: "C", Name: "N", Model: "座", Position: world.Point{X: 2147483647}}}},
		{"nobody near", anyOf(NearbyChairs), `{"retrieved_at":1,"chairs":[ ]}`, []world.NearbyChair{}},
		{"owned", anyOf(OwnerChairs), `{"chairs":[{"id":"C","name":"N","model":"M","active":true,"registered_at":1,"total_distance":2,"total_distance_updated_at":3},
			{"id":"D","name":"N","model":"M","active":false,"registered_at":1,"total_distance":0}]}`,
			[]world.OwnedChair{{ID: "C", Name: "N", Model: "M", Active: true, RegisteredAt: 1, TotalDistance: 2, UpdatedAt: 3, HasUpdatedAt: true},
				{ID: "D", Name: "N", Model: "M", RegisteredAt: 1}}},
		{"sales", anyOf(Sales), `{"total_sales":3,"chairs":[{"id":"C","name":"N","sales":3}],"models":[{"model":"M","sales":3}]}`,
			&world.Sales{Total: 3, Chairs: []world.ChairSales{{ID: "C", Name: "N", Sales: 3}}, Models: []world.ModelSales{{Model: "M", Sales: 3}}}},
		{"user message", anyOf(UserNotification), `{"ride_id":"R","pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4},
			"fare":900,"status":"ENROUTE","chair":{"id":"C","name":"N","model":"M","stats":{"total_rides_count":2,"total_evaluation_avg":3.5},"x":0},"created_at":1,"updated_at":1,"y":{}}`,
			&world.UserNotification{RideID: "R", Pickup: world.Point{X: 1, Y: 2}, Destination: world.Point{X: 3, Y: 4}, Fare: 900, Status: world.StatusEnroute,
				HasChair: true, Chair: world.NotifiedChair{ID: "C", Name: "N", Model: "M", TotalRides: 2, EvaluationAvg: 3.5}}},
		{"sparse user message", anyOf(UserNotification), `{"status":"MATCHING","fare":null,"ride_id":null}`, &world.UserNotification{Status: world.StatusMatching}},
		{"unknown status", anyOf(UserNotification), `{"status":"LOST"}`, &world.UserNotification{}},
		{"escaped status", anyOf(UserNotification), `{"status":"\u0050ICKUP"}`, &world.UserNotification{Status: world.StatusPickup}},
		{"chair message", anyOf(ChairNotification), `{"ride_id":"R","user":{"id":"U","name":"A B"},"pickup_coordinate":{"latitude":1,"longitude":2},
			"destination_coordinate":{"latitude":3,"longitude":4},"status":"COMPLETED"}`,
			&world.ChairNotification{RideID: "R", UserID: "U", UserName: "A B", Pickup: world.Point{X: 1, Y: 2}, Destination: world.Point{X: 3, Y: 4}, Status: world.StatusCompleted}},
		{"poll", anyOf(DecodePoll), `{"data":{"a":[1]} ,"retry_after_ms":30}`, Poll{Data: []byte(`{"a":[1]}`), RetryAfter: 30, HasRetryAfter: true}},
		{"poll of nothing", anyOf(DecodePoll), `{}`, Poll{Data: []byte("null")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.decode(c.body)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		decode func(string) (any, error)
		body   string
	}{
		{"nothing", anyOf(RecordedAt), ``},
		{"cut", anyOf(RecordedAt), `{"recorded_at":17`},
		{"missing", anyOf(RecordedAt), `{}`},
		{"null", anyOf(RecordedAt), `{"recorded_at":null}`},
		{"other letter case", anyOf(RecordedAt), `{"Recorded_At":1}`},
		{"fraction", anyOf(RecordedAt), `{"recorded_at":1.0}`},
		{"exponent", anyOf(RecordedAt), `{"recorded_at":1e3}`},
		{"string", anyOf(RecordedAt), `{"recorded_at":"1"}`},
		{"overflow", anyOf(RecordedAt), `{"recorded_at":9223372036854775808}`},
		{"leading zero", anyOf(RecordedAt), `{"recorded_at":01}`},
		{"list", anyOf(RecordedAt), `[]`},
		{"trailing comma", anyOf(RecordedAt), `{"recorded_at":1,}`},
		{"bad extra member", anyOf(RecordedAt), `{"recorded_at":1,"x":nul}`},
		{"control character", anyOf(Language), "{\"language\":\"a\nb\"}"},
		{"bad escape", anyOf(Language), `{"language":"\x"}`},
		{"language is no string", anyOf(Language), `{"language":1}`},
		{"too deep", anyOf(Language), `{"x":` + repeat("[", 1000) + repeat("]", 1000) + `}`},
		{"null list", anyOf(Rides), `{"rides":null}`},
		{"no list", anyOf(NearbyChairs), `{"retrieved_at":1}`},
		{"no retrieved_at", anyOf(NearbyChairs), `{"chairs":[]}`},
		{"extra member in a coordinate", anyOf(NearbyChairs), `{"chairs":[{"id":"C","name":"N","model":"M","current_coordinate":{"latitude":1,"longitude":0,"z":0}}],"retrieved_at":1}`},
		{"half a coordinate", anyOf(NearbyChairs), `{"chairs":[{"id":"C","name":"N","model":"M","current_coordinate":{"latitude":1}}],"retrieved_at":1}`},
		{"fraction in a coordinate", anyOf(NearbyChairs), `{"chairs":[{"id":"C","name":"N","model":"M","current_coordinate":{"latitude":0.0,"longitude":1}}],"retrieved_at":1}`},
		{"null updated_at", anyOf(OwnerChairs), `{"chairs":[{"id":"C","name":"N","model":"M","active":true,"registered_at":1,"total_distance":2,"total_distance_updated_at":null}]}`},
		{"no active", anyOf(OwnerChairs), `{"chairs":[{"id":"C","name":"N","model":"M","registered_at":1,"total_distance":2}]}`},
		{"no models", anyOf(Sales), `{"total_sales":3,"chairs":[]}`},
		{"null chair", anyOf(UserNotification), `{"status":"MATCHING","chair":null}`},
		{"null coordinate", anyOf(UserNotification), `{"status":"MATCHING","pickup_coordinate":null}`},
		{"no average", anyOf(UserNotification), `{"chair":{"id":"C","name":"N","model":"M","stats":{"total_rides_count":0}}}`},
		{"no stats", anyOf(UserNotification), `{"chair":{"id":"C","name":"N","model":"M"}}`},
		{"no user name", anyOf(ChairNotification), `{"user":{"id":"U"}}`},
		{"null user", anyOf(ChairNotification), `{"user":null}`},
		{"retry with fraction", anyOf(DecodePoll), `{"data":null,"retry_after_ms":30.5}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := c.decode(c.body); !errors.Is(err, ErrBad) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func repeat(s string, n int) (out string) {
	for range n {
		out += s
	}
	return out
}

func TestIsNull(t *testing.T) {
	for body, want := range map[string]bool{"null": true, " null ": true, "{}": false, "nul": false, "": false} {
		if got := IsNull([]byte(body)); got != want {
			t.Errorf("%q: %v", body, got)
		}
	}
}
