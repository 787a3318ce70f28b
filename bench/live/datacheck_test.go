package live

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	const want = `{"total":5,"chairs":[{"id":"a","active":false,"updated_at":3},{"id":"b","active":true}],"at":{"latitude":1,"longitude":-2}}`
	for _, c := range []struct {
		name, got string
		text      string // in the error; empty for equal
	}{
		{"the same", want, ""},
		{"another order", `{"at":{"longitude":-2,"latitude":1},"chairs":[{"id":"b","active":true},{"updated_at":3,"id":"a","active":false}],"total":5}`, ""},
		{"an unknown member", `{"new":1,"total":5,"chairs":[{"id":"a","active":false,"updated_at":3,"new":1},{"id":"b","active":true}],"at":{"latitude":1,"longitude":-2}}`, ""},
		{"a fraction", strings.Replace(want, "5", "5.0", 1), "total is 5.0, expected 5"},
		{"another value", strings.Replace(want, "true", "false", 1), "chairs[].active is false, expected true"},
		{"a missing member", strings.Replace(want, `,"updated_at":3`, "", 1), "chairs[].updated_at is missing"},
		{"a member too many", strings.Replace(want, `"active":true`, `"active":true,"updated_at":4`, 1), "chairs[].updated_at should not be there"},
		{"null instead of nothing", strings.Replace(want, `"active":true`, `"active":true,"updated_at":null`, 1), "should not be there"},
		{"a third coordinate", strings.Replace(want, `"latitude":1`, `"latitude":1,"altitude":2`, 1), "at.altitude should not be there"},
		{"a duplicate", strings.Replace(want, `{"id":"b","active":true}`, `{"id":"b","active":true},{"id":"b","active":true}`, 1), "3 items, expected 2"},
		{"another id", strings.Replace(want, `"b"`, `"c"`, 1), `chairs[].id is "c", expected "b"`},
		{"a null list", strings.Replace(want, `[{"id":"a","active":false,"updated_at":3},{"id":"b","active":true}]`, "null", 1), "chairs is null"},
		{"no JSON", "oh no", "answer: invalid character"},
		{"a list", "[]", "the answer is [], expected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := Check{Expect: json.RawMessage(want), Keys: map[string]string{"chairs": "id"}}
			err := check.compare([]byte(c.got))
			if c.text == "" && err != nil || c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)) {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
}

func TestReadChecksRefuses(t *testing.T) {
	for _, file := range []string{"", "[]", "{}", `[{"method":"PUT","path":"/","status":200,"expect":{}}]`, `[{"method":"GET","path":"x","status":200,"expect":{}}]`,
		`[{"method":"GET","path":"/","status":200}]`, `[{"method":"GET","path":"/","expect":{}}]`, `[{"method":"GET","path":"/","status":200,"expect":{},"surprise":1}]`} {
		if _, err := ReadChecks(strings.NewReader(file)); err == nil {
			t.Errorf("%q is accepted", file)
		}
	}
}

// TestReadOwnChecks reads the file for the repository's own initial data.
func TestReadOwnChecks(t *testing.T) {
	f, err := os.Open("../../sql/expected-answers.json")
	if err != nil {
		t.Skip("not generated: ", err)
	}
	defer f.Close()
	checks, err := ReadChecks(f)
	if err != nil || len(checks) != 10 || len(accounts(checks)) != 4 {
		t.Errorf("%d checks of %d accounts, %v", len(checks), len(accounts(checks)), err)
	}
}

// dataServer answers two accounts.
func dataServer(chairs string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		owner, _ := r.Cookie("owner_session")
		user, _ := r.Cookie("app_session")
		key := r.Method + " " + r.URL.RequestURI()
		switch {
		case owner != nil && owner.Value == "o" && key == "GET /api/owner/chairs":
			reply(chairs)(w, r)
		case owner != nil && owner.Value == "o" && key == "GET /api/owner/sales?":
			reply(`{"total_sales":7}`)(w, r)
		case owner != nil && owner.Value == "o" && key == "GET /api/owner/sales?since=1&until=2":
			reply(`{"total_sales":3}`)(w, r)
		case user != nil && user.Value == "u" && key == "GET /api/app/rides":
			reply(`{"rides":[]}`)(w, r)
		case user != nil && user.Value == "u" && key == "POST /api/app/rides/estimated-fare":
			reply(`{"fare":1800,"discount":0}`)(w, r)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
}

// TestRecord records a trusted server and checks it, and another one, against the record.
func TestRecord(t *testing.T) {
	s := new(stub)
	answer := func(chairs string) {
		for _, pattern := range []string{"GET /api/owner/chairs", "GET /api/owner/sales", "GET /api/app/rides", "POST /api/app/rides/estimated-fare"} {
			s.breakWith(pattern, dataServer(chairs))
		}
	}
	answer(`{"chairs":[{"id":"1"},{"id":"2","total_distance_updated_at":5}]}`)
	c := s.start(t, 1)
	accounts, err := ReadAccounts(strings.NewReader("# comment\n\nowner o 1 2\nuser u\n"))
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := Record(context.Background(), c.newBrowser, accounts)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(recorded)
	if err != nil {
		t.Fatal(err)
	}
	checks, err := ReadChecks(strings.NewReader(string(file)))
	if err != nil || len(checks) != 6 {
		t.Fatalf("%d checks, %v", len(checks), err)
	}
	c.Checks = checks
	if err := Validate(context.Background(), c); err != nil {
		t.Errorf("the same server: %v", err)
	}
	answer(`{"chairs":[{"id":"2","total_distance_updated_at":5},{"id":"1"}]}`)
	if err := Validate(context.Background(), c); err != nil {
		t.Errorf("another order: %v", err)
	}
	answer(`{"chairs":[{"id":"2","total_distance_updated_at":6},{"id":"1"}]}`)
	if err := Validate(context.Background(), c); err == nil || !strings.Contains(err.Error(), "total_distance_updated_at is 6, expected 5") {
		t.Errorf("another time: %v", err)
	}
}

func TestRecordNeedsAccounts(t *testing.T) {
	c := new(stub).start(t, 1)
	if _, err := Record(context.Background(), c.newBrowser, []Account{{Owner: true, Token: "unknown"}}); err == nil {
		t.Error("an account without answers is recorded")
	}
	for _, file := range []string{"", "user", "admin x", "owner x 1", "owner x a b", "user x y"} {
		if _, err := ReadAccounts(strings.NewReader(file)); err == nil {
			t.Errorf("%q is accepted", file)
		}
	}
}
