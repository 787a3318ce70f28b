package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"isuride/bench/world"
)

// ledger is one that server matches.
func ledger() *world.Ledger {
	return &world.Ledger{
		Users: []world.UserLedger{{
			Name: "user 3", Session: "app_session=a",
			Rides: []world.PastRide{{
				ID: "R1", Pickup: world.Point{X: 1, Y: 2}, Destination: world.Point{X: 3, Y: 4}, Fare: 900, Evaluation: 5, CompletedAt: 7,
				ChairID: "C1", ChairName: "c", ChairModel: "m", ChairOwner: "o",
			}},
			Open: &world.OpenRide{ID: "R2", Pickup: world.Point{X: 1, Y: 2}, Destination: world.Point{X: 3, Y: 4}, Fare: 901, Paid: true},
		}},
		Owners: []world.OwnerLedger{{
			Name: "owner 1", Session: "owner_session=b", Sales: world.Range{Low: 900, High: 1800},
			Chairs: []world.ChairLedger{{
				ID: "C1", Name: "c", Model: "m", Active: true, Distance: world.Range{Low: 10, High: 12}, RecordedAt: 99, Sales: world.Range{Low: 900, High: 1800},
			}},
		}},
	}
}

const (
	rideBehindID = `"pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4},` +
		`"chair":{"id":"C1","owner":"o","name":"c","model":"m"},"fare":900,"evaluation":5,"requested_at":6,"completed_at":7}`
	ridesAnswer        = `{"rides":[{"id":"R1",` + rideBehindID + `]}`
	chairsAnswer       = `{"chairs":[{"id":"C1","name":"c","model":"m","active":true,"registered_at":1,"total_distance":10,"total_distance_updated_at":99}]}`
	notificationAnswer = `{"data":{"ride_id":"R2","pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4},` +
		`"fare":901,"status":"MATCHING","created_at":1,"updated_at":1},"retry_after_ms":30}`
	salesAnswer = `{"total_sales":900,"chairs":[{"id":"C1","name":"c","sales":900}],"models":[{"model":"m","sales":900}]}`
)

// check asks a server that gives these answers, changed, to the accounts of the ledger.
func check(t *testing.T, l *world.Ledger, change *strings.Replacer) ([]string, error) {
	t.Helper()
	s := new(stub)
	for path, a := range map[string]struct{ cookie, body string }{
		"/api/app/rides": {"app_session=a", ridesAnswer}, "/api/app/notification": {"app_session=a", notificationAnswer},
		"/api/owner/chairs": {"owner_session=b", chairsAnswer}, "/api/owner/sales": {"owner_session=b", salesAnswer},
	} {
		s.breakWith("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie") != a.cookie {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			body := change.Replace(a.body)
			if strings.Contains(body, "data: ") {
				w.Header().Set("Content-Type", "text/event-stream")
			}
			reply(body)(w, r)
		})
	}
	return PostCheck(context.Background(), s.start(t, 1), l)
}

func TestPostCheck(t *testing.T) {
	change := strings.NewReplacer
	another := func(id string) string {
		return `[{"id":"` + id + `",` + strings.Replace(rideBehindID, "900", "901", 1) + `,{"id":"R1"`
	}
	event := change(`{"data":`, "event: x\n\ndata: null\ndata: ", `,"retry_after_ms":30}`, "\n\n")
	older := strings.NewReplacer(`{"data":`, "", `,"retry_after_ms":30}`, "", "R2", "R1").Replace(notificationAnswer)
	before := change(`{"data":`, "data: "+older+"\n\ndata: ", `,"retry_after_ms":30}`, "\n\n")
	for _, c := range []struct {
		name    string
		answers *strings.Replacer // changes one of them
		want    string            // a part of the only difference; empty for none
	}{
		{"all as acknowledged", change(), ""},
		{"a ride more that was paid", change(`[{"id":"R1"`, another("R2")), ""},
		{"a stream of notifications", event, ""},
		{"the ride before comes first", before, ""},
		{"only the ride before comes", change(`{"data":`, "data: ", `,"retry_after_ms":30}`, "\n\n", `"ride_id":"R2"`, `"ride_id":"R1"`), "ride R2 is missing, the newest one is R1"},
		{"sent but not acknowledged", change(`"total_distance":10`, `"total_distance":12`, `"total_sales":900`, `"total_sales":1800`), ""},
		{"lost ride", change(ridesAnswer, `{"rides":[]}`), "user 3: ride R1 is missing"},
		{"foreign ride", change(`[{"id":"R1"`, another("R3")), "ride R3 is there, but the user never had it"},
		{"ride twice", change(`[{"id":"R1"`, `[{"id":"R1",`+rideBehindID+`,{"id":"R1"`), "ride R1 is there twice"},
		{"open ride completed for another fare", change(`[{"id":"R1"`, `[{"id":"R2",`+rideBehindID+`,{"id":"R1"`), "ride R2 is from {1 2} to {3 4} for 900 yen, created was"},
		{"lost open ride", change(`"ride_id":"R2"`, `"ride_id":"R1"`), "ride R2 is missing, the newest one is R1"},
		{"no notification", change(`{"data":{`, `{"data":null,"x":{`), "ride R2 is missing, created for 901 yen"},
		{"a stream that ends", change(`{"data":`, "data: null\n", `,"retry_after_ms":30}`, "\n\n"), "ride R2 is missing, created for 901 yen"},
		{"another open ride", change(`"fare":901`, `"fare":900`), "ride R2 is from {1 2} to {3 4} for 900 yen, created was"},
		{"fare", change(`"fare":900`, `"fare":800`), "fare of ride R1 is 800, acknowledged was 900"},
		{"evaluation", change(`"evaluation":5`, `"evaluation":4`), "evaluation of ride R1 is 4"},
		{"completion", change(`"completed_at":7`, `"completed_at":8`), "completed_at of ride R1 is 8"},
		{"pickup", change(`"id":"R1","pickup_coordinate":{"latitude":1`, `"id":"R1","pickup_coordinate":{"latitude":0`), "pickup of ride R1 is {0 2}"},
		{"chair of the ride", change(`"id":"C1","owner"`, `"id":"C2","owner"`), "chair of ride R1 is C2"},
		{"no longer logged in", change(`{"rides"`, ``), "user 3: GET /api/app/rides:"},
		{"lost chair", change(`"id":"C1","name":"c","model":"m","active"`, `"id":"C2","name":"c","model":"m","active"`), "owner 1: chair C1 is missing"},
		{"chair's name", change(`"name":"c","model":"m","active"`, `"name":"d","model":"m","active"`), "chair C1 is d (m), acknowledged was c (m)"},
		{"inactive chair", change(`"active":true`, `"active":false`), "chair C1 is not active"},
		{"lost distance", change(`"total_distance":10`, `"total_distance":9`), "total distance of chair C1 is 9, acknowledged was 10 and sent 12"},
		{"too much distance", change(`"total_distance":10`, `"total_distance":13`), "total distance of chair C1 is 13"},
		{"lost position", change(`_updated_at":99`, `_updated_at":98`), "of 98, acknowledged was a position of 99"},
		{"lost total sales", change(`"total_sales":900`, `"total_sales":899`), "total sales are 899, acknowledged were 900 and paid 1800"},
		{"too much sales of a chair", change(`"name":"c","sales":900`, `"name":"c","sales":1801`), "sales of chair C1 are 1801"},
		{"sales without the chair", change(`{"id":"C1","name":"c","sales":900}`, ``), "sales of chair C1 are 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := check(t, ledger(), c.answers)
			switch {
			case err != nil:
				t.Error(err)
			case c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
				t.Errorf("differences %q, want %q", got, c.want)
			}
		})
	}
}

// TestPostCheckUnpaid checks that no ride is completed without the payment service having
// seen its payment.
func TestPostCheckUnpaid(t *testing.T) {
	l := ledger()
	l.Users[0].Rides, l.Users[0].Open.Paid = nil, false
	completed := strings.NewReplacer(`"id":"R1"`, `"id":"R2"`, `"fare":900`, `"fare":901`)
	got, err := check(t, l, completed)
	if err != nil || len(got) != 1 || !strings.Contains(got[0], "ride R2 is completed, but was never paid") {
		t.Errorf("%q, %v", got, err)
	}
}

// TestPostCheckSession checks that each account's questions are asked with its own
// session.
func TestPostCheckSession(t *testing.T) {
	l := ledger()
	l.Users[0].Session, l.Owners[0].Session = "app_session=x", ""
	got, err := check(t, l, strings.NewReplacer())
	if err != nil || len(got) != 3 || !strings.Contains(got[0], "status 401") {
		t.Errorf("%q, %v", got, err)
	}
}

// TestPostCheckFails covers failures that are not differences: no answer, and other
// initial data.
func TestPostCheckFails(t *testing.T) {
	s := new(stub)
	s.breakWith("GET /api/app/rides", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	c := s.start(t, 1)
	if _, err := PostCheck(context.Background(), c, ledger()); err == nil || !strings.Contains(err.Error(), "user 3: GET /api/app/rides") {
		t.Errorf("without an answer: %v", err)
	}
	c.Checks = []Check{{Name: "sales", Method: "GET", Path: "/api/owner/sales", Status: 200, Expect: json.RawMessage(`{}`)}}
	var failed *PhaseError
	if _, err := PostCheck(context.Background(), c, ledger()); !errors.As(err, &failed) || failed.Phase != PhaseData {
		t.Errorf("with other initial data: %v", err)
	}
}

func TestReadLedger(t *testing.T) {
	b, err := json.Marshal(ledger())
	if err != nil {
		t.Fatal(err)
	}
	l, err := ReadLedger(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(l); string(again) != string(b) {
		t.Errorf("read %s, written was %s", again, b)
	}
	for _, bad := range []string{"", "{}", `{"score":1}`, `{"users":[{"name":"u"}],"owners":[]}`} {
		if _, err := ReadLedger(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is a ledger", bad)
		}
	}
}
