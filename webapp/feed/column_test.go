package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// withheld are the fields of rows that no column shows as they are, with the reason. A field
// that is neither here nor x
var withheld = map[string]string{
	"User.AccessToken":         "secret",
	"User.InvitationCode":      "secret",
	"Owner.AccessToken":        "secret",
	"Owner.ChairRegisterToken": "secret",
	"Chair.AccessToken":        "secret",
	"PaymentToken.UserID":      "that there is a token is the gateway's and the user's business",
	"PaymentToken.Token":       "secret",
	"PaymentToken.CreatedAt":   "as UserID",
	"Coupon.Code":              "has invitation codes in it; coupons.id and coupons.kind stand for it",
	"ChairLocation.ID":         "the live state does not keep it",
	"RideStatus.ID":            "the live state does not keep it",
	"RideStatus.AppSentAt":     "the live state does not keep it; deliveries are the business of notifications",
	"RideStatus.ChairSentAt":   "as AppSentAt",
	"Charge.Evaluation":        "rides.evaluation has it once it counts",
}

// rowTypes are the rows that events and images bring.
var rowTypes = []any{isuride.User{}, isuride.Owner{}, isuride.Chair{}, isuride.ChairLocation{}, isuride.Ride{}, isuride.RideStatus{},
	isuride.Coupon{}, isuride.PaymentToken{}, isuride.Charge{}, isuride.Why{}}

// fieldNames lists a row's fields, "User.ID", and those of plain structs in it.
func fieldNames(prefix string, t reflect.Type) (names []string) {
	for f := range t.Fields() {
		name := prefix + "." + f.Name
		switch {
		case f.Anonymous:
			names = append(names, fieldNames(prefix, f.Type)...)
		case f.Type.Kind() == reflect.Struct:
			names = append(names, fieldNames(name, f.Type)...)
		default:
			names = append(names, name)
		}
	}
	return names
}

// TestColumns: each field of each row is in a column, or withheld for a reason.
func TestColumns(t *testing.T) {
	shown := map[string]string{}
	for i := range tables {
		for _, c := range tables[i].columns {
			if c.of != derived {
				shown[c.of] = tables[i].name + "." + c.name
			}
		}
	}
	var all []string
	for _, row := range rowTypes {
		all = append(all, fieldNames(reflect.TypeOf(row).Name(), reflect.TypeOf(row))...)
	}
	for _, name := range all {
		if (shown[name] == "") == (withheld[name] == "") {
			t.Errorf("%s: shown in %q, withheld because %q; want one of them", name, shown[name], withheld[name])
		}
	}
	for name, column := range shown {
		if !slices.Contains(all, name) {
			t.Errorf("%s shows %s, which is not there", column, name)
		}
	}
	for name := range withheld {
		if !slices.Contains(all, name) {
			t.Errorf("%s is withheld, and not there", name)
		}
	}
}

// visible is what each class gets of each table: the columns that it is not listed for are in
// no frame of its.
var visible = map[string]string{
	"users operator":     "id username firstname lastname date_of_birth created_at updated_at",
	"users user":         "id username firstname lastname date_of_birth created_at updated_at",
	"owners operator":    "id name created_at updated_at",
	"owners owner":       "id name created_at updated_at",
	"chairs operator":    "id owner_id name model is_active city_id created_at updated_at",
	"chairs owner":       "id owner_id name model is_active city_id created_at updated_at",
	"chairs chair":       "id owner_id name model is_active city_id created_at updated_at",
	"positions operator": "chair_id latitude longitude recorded_at",
	"positions owner":    "chair_id latitude longitude recorded_at",
	"positions chair":    "chair_id latitude longitude recorded_at",
	"rides operator":     "id user_id chair_id pickup_latitude pickup_longitude destination_latitude destination_longitude fare evaluation city_id created_at updated_at",
	"rides user":         "id user_id chair_id pickup_latitude pickup_longitude destination_latitude destination_longitude fare evaluation city_id created_at updated_at",
	"rides chair":        "id chair_id pickup_latitude pickup_longitude destination_latitude destination_longitude created_at updated_at",
	"statuses operator":  "ride_id user_id status created_at",
	"statuses user":      "ride_id user_id status created_at",
	"statuses chair":     "ride_id status created_at",
	"coupons operator":   "id user_id kind discount used_by created_at",
	"coupons user":       "id user_id kind discount used_by created_at",
	"payments operator":  "ride_id user_id amount state paid_at",
	"payments user":      "ride_id user_id amount state paid_at",
	"matches operator":   "ride_id chair_id matched_at class trip age pickup carry lost",
	"city operator":      "id kind active speed status since chair latitude longitude",
	"city user":          "id kind active speed status since chair latitude longitude",
	"city owner":         "id kind active speed status since chair latitude longitude",
	"city chair":         "id kind active speed status since chair latitude longitude",
	"city public":        "id kind active speed status since chair latitude longitude",
	"server operator":    "name requests report_p99 sql_lag unsynced replicas shedding balanced alerts endpoints slow peers queues books refused",
	"server user":        "name requests report_p99 sql_lag unsynced replicas shedding balanced",
	"server owner":       "name requests report_p99 sql_lag unsynced replicas shedding balanced",
	"server chair":       "name requests report_p99 sql_lag unsynced replicas shedding balanced",
	"server public":      "name requests report_p99 sql_lag unsynced replicas shedding balanced",
}

// fullRow has a value of its own in each field.
func fullRow() *row {
	r := &row{user: &isuride.User{}, owner: &isuride.Owner{}, chair: &isuride.Chair{}, location: &isuride.ChairLocation{}, ride: &isuride.Ride{},
		coupon: &isuride.Coupon{}, why: &isuride.Why{Lost: []isuride.Rival{{}}}, fare: 7, status: isuride.Enroute, statusAt: 7_000_000, rideID: "ride", userID: "user",
		chairID: "chair", at: 8_000_000, paid: true, id: "pseudonym", of: "other", placed: true, active: true, speed: 3, figures: &Figures{}}
	for _, p := range []any{r.user, r.owner, r.chair, r.location, r.ride, r.coupon} {
		fill(reflect.ValueOf(p).Elem())
	}
	return r
}

func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(fmt.Sprintf("%s-of-%s", v.Type().Field(i).Name, v.Type().Name()))
		case reflect.Struct:
			fill(f)
		case reflect.Bool:
			f.SetBool(true)
		default:
			f.SetInt(int64(1000 * (i + 1)))
		}
	}
}

// TestVisibility encodes full rows for every class, and compares the columns.
func TestVisibility(t *testing.T) {
	for i := range tables {
		table := &tables[i]
		for class := range classes {
			text := table.appendRow(nil, fullRow(), class, 0)
			fields, err := fieldsOf(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			var names []string
			for _, f := range fields {
				names = append(names, f.name)
			}
			want, may := visible[table.name+" "+class.String()]
			if got := strings.Join(names, " "); got != want || may != table.see.has(class) {
				t.Errorf("%s for %s: %s, want %s", table.name, class, got, want)
			}
			if may && names[0] != table.keys[0] {
				t.Errorf("%s begins with %s, not with its key", table.name, names[0])
			}
			for _, secret := range []string{"Token", "InvitationCode", "Code-of"} {
				if bytes.Contains(text, []byte(secret)) {
					t.Errorf("%s for %s has a secret in it: %s", table.name, class, text)
				}
			}
			if !json.Valid(text) {
				t.Errorf("%s is no JSON", text)
			}
		}
	}
}

// TestSecretsStayInside looks for every secret of a town in all that readers of all classes
// get, and for other people's ids in what is not for them.
func TestSecretsStayInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, *seed, 0)
		t.Logf("seed %d", *seed)
		w.act(400)
		var heard []*eavesdropper
		for _, r := range w.viewers() {
			heard = append(heard, w.eavesdrop(r))
		}
		w.act(400)
		secrets, names, ids := w.secrets()
		for _, e := range heard {
			e.listen()
			e.expectNone(secrets)
			e.expectNone(w.foreign(e.request.Viewer))
			if e.request.Viewer.Class == Public {
				e.expectNone(names)
				e.expectNone(ids)
				e.expectGrid()
			}
		}
	})
}

// eavesdropper keeps all bytes of a subscription.
type eavesdropper struct {
	*reader
	heard bytes.Buffer
}

func (w *town) eavesdrop(r Request) *eavesdropper { return &eavesdropper{reader: w.subscribe(r)} }

func (e *eavesdropper) listen() {
	settleTime()
	for {
		m, ok := e.conn.Next()
		if !ok {
			break
		}
		e.heard.Write(m.JSON)
	}
	e.conn.Close()
}

func (e *eavesdropper) expectNone(what []string) {
	e.w.t.Helper()
	if e.heard.Len() < 500 {
		e.w.t.Fatalf("only %d bytes were heard", e.heard.Len())
	}
	for _, text := range what {
		if bytes.Contains(e.heard.Bytes(), []byte(text)) {
			e.w.t.Fatalf("%+v is sent %q", e.request, text)
		}
	}
}

// expectGrid finds no place that is not on the grid.
func (e *eavesdropper) expectGrid() {
	e.w.t.Helper()
	for _, name := range []string{`"latitude":`, `"longitude":`} {
		for _, rest := range strings.Split(e.heard.String(), name)[1:] {
			var n int
			if _, err := fmt.Sscan(rest[:min(len(rest), 8)], &n); err == nil && n%grid != 0 {
				e.w.t.Fatalf("the city has a place at %d", n)
			}
		}
	}
}

// foreign returns ids of accounts and rides that a viewer has nothing to do with.
func (w *town) foreign(v Viewer) (ids []string) {
	if v.Class != User && v.Class != Owner && v.Class != Chair {
		return nil
	}
	_, err := w.store.Walk(func(i *state.Image) error {
		switch {
		case i.Owner != nil && i.Owner.ID != v.ID && v.Class != Chair:
			ids = append(ids, i.Owner.ID)
		case i.Chair != nil && i.Chair.ID != v.ID && i.Chair.OwnerID != v.ID && v.Class != User:
			ids = append(ids, i.Chair.ID)
		case i.User != nil && i.User.ID != v.ID:
			ids = append(ids, i.User.ID)
			for k := range i.User.Rides {
				if r := &i.User.Rides[k]; v.Class != Chair || r.ChairID != v.ID {
					ids = append(ids, r.ID)
				}
			}
		}
		return nil
	})
	w.must(err)
	if len(ids) < 10 {
		w.t.Fatalf("only %d ids are foreign to %+v", len(ids), v)
	}
	return ids
}

// secrets returns what nobody, what only operators, and what only those concerned may see.
func (w *town) secrets() (secrets, names, ids []string) {
	secrets = append(secrets, "secret-payment-token", "a secret of this test", "INV_", "RWD_")
	_, err := w.store.Walk(func(i *state.Image) error {
		switch {
		case i.Owner != nil:
			secrets = append(secrets, i.Owner.AccessToken, i.Owner.ChairRegisterToken)
			ids = append(ids, i.Owner.ID)
		case i.Chair != nil:
			secrets = append(secrets, i.Chair.AccessToken)
			ids = append(ids, i.Chair.ID)
		case i.User != nil:
			secrets = append(secrets, i.User.AccessToken, i.User.InvitationCode)
			ids = append(ids, i.User.ID)
			for k := range i.User.Rides {
				ids = append(ids, i.User.Rides[k].ID)
			}
		}
		return nil
	})
	w.must(err)
	return secrets, []string{"user ", "owner ", "chair 1", "O'N", "fast", "slow", "2000-01-01"}, ids
}

// TestCityJoinsNoRides: nothing in the rows of two rides of one rider is the same but what
// thousands of rides share.
func TestCityJoinsNoRides(t *testing.T) {
	p := newPseudonyms(Source{Epoch: 4, Secret: []byte("s")})
	seen := map[string]bool{}
	for _, id := range []string{"01K", "01K1", "1", ""} {
		for _, kind := range "rcu" {
			seen[p.of(byte(kind), id)] = true
		}
	}
	if len(seen) != 12 {
		t.Errorf("12 things have %d pseudonyms", len(seen))
	}
	for _, other := range []Source{{Epoch: 5, Secret: []byte("s")}, {Epoch: 4, Secret: []byte("t")}, {Epoch: 4}} {
		if q := newPseudonyms(other); q.ride("01K") == p.ride("01K") {
			t.Errorf("%+v makes the same pseudonyms", other)
		}
	}
	for _, c := range tables[city].columns {
		if !slices.Contains(strings.Fields("id kind active speed status since chair latitude longitude"), c.name) {
			t.Errorf("city.%s: what does it tell of a rider?", c.name)
		}
	}
}

func TestSnap(t *testing.T) {
	for n, want := range map[int32]int32{0: 0, 2: 0, 3: 5, 7: 5, 8: 10, -2: 0, -3: -5, -7: -5, -8: -10, 1<<31 - 1: 1<<31 - 1 - 2, -1 << 31: -1<<31 + 3} {
		if got := snapped(n); got != want {
			t.Errorf("%d is snapped to %d, want %d", n, got, want)
		}
	}
}

// TestStrings: a string is what JavaScript's JSON.stringify makes of it.
func TestStrings(t *testing.T) {
	for s, want := range map[string]string{"": `""`, "a\"\\/é\u2028\x7f": "\"a\\\"\\\\/é\u2028\x7f\"", "\b\f\n\r\t\x00\x1f": `"\b\f\n\r\t\u0000\u001f"`, "a\xffb\xc3": "\"a\ufffdb\ufffd\""} {
		if got := string(appendString(nil, s)); got != want {
			t.Errorf("%q is written %s, want %s", s, got, want)
		}
	}
}
