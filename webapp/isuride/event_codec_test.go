package isuride

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"isuride/tools/dev/allocs"
)

func sampleEvents() []Event {
	owner := &Owner{ID: "O1", Name: "椅子製作所", AccessToken: "t", ChairRegisterToken: "r", CreatedAt: 5, UpdatedAt: 6}
	chair := &Chair{ID: "C1", OwnerID: "O1", Name: "AB-1", Model: "m", IsActive: true, AccessToken: "x", CreatedAt: 1, UpdatedAt: 2}
	location := &ChairLocation{ChairID: "C1", Coordinate: Coordinate{-1 << 31, 1<<31 - 1}, CreatedAt: 1_764_000_000_123_456}
	user := &User{ID: "U1", Username: "n", Firstname: "f", Lastname: "l", DateOfBirth: "d", AccessToken: "a", InvitationCode: "i", CreatedAt: 3, UpdatedAt: 4}
	ride := &Ride{ID: "R1", UserID: "U1", ChairID: "C1", Pickup: Coordinate{1, -2}, Destination: Coordinate{-3, 4}, Evaluation: 5, CreatedAt: 7, UpdatedAt: 8}
	status := &RideStatus{ID: "S1", RideID: "R1", Status: Arrived, CreatedAt: 9, AppSentAt: 10, ChairSentAt: 0}
	coupons := []Coupon{{UserID: "U1", Code: "CP", Discount: 3000, CreatedAt: 1, UsedBy: "R1"}, {UserID: "U2", Code: "RWD", Discount: 1000}}
	charge := &Charge{RideID: "R1", Evaluation: 4}
	return []Event{
		{Kind: OwnerRegistered, Owner: owner},
		{Kind: ChairRegistered, Chair: chair},
		{Kind: ChairActivityChanged, Chair: chair},
		{Kind: ChairMoved, Location: location},
		{Kind: ChairMoved, Location: location, Status: status},
		{Kind: UserRegistered, User: user, Coupons: coupons},
		{Kind: PaymentTokenSet, Token: &PaymentToken{UserID: "U1", Token: "tok", CreatedAt: -1}},
		{Kind: RideRequested, Ride: ride, Status: status, Coupons: coupons[:1]},
		{Kind: RideRequested, Ride: ride, Status: status},
		{Kind: RideAssigned, Ride: ride},
		{Kind: RideAdvanced, Status: status},
		{Kind: ChargeStarted, Charge: charge},
		{Kind: ChargeFailed, Charge: charge},
		{Kind: RideCompleted, Ride: ride, Status: status},
		{Kind: StatusDelivered, Status: status},
		{Kind: RideAssigned, Ride: ride, Why: &Why{Class: Ordinary, Trip: -8_000, Age: -3_300, Chosen: ChairCost{Pickup: 12_000, Carry: -600},
			Lost: []Rival{{RefTo("01JDFFT9J8JVCFVJAG4WN2B666"), ChairCost{12_001, 0}}, {RefTo("C2"), ChairCost{MaxTerm, -MaxTerm}}}}},
		{Kind: RideAssigned, Ride: ride, Why: &Why{Class: Overdue, Lost: []Rival{{}}}}, // an id too long to be kept
		{Kind: StateHashed, Hash: &StateHash{At: 11, Position: 12, Form: 1, Hi: 1 << 63, Lo: 13, Released: 14}},
		{Kind: Initialized, Begin: &Beginning{At: 15, Generation: 16, PaymentServer: "http://localhost", Data: "d"}},
	}
}

func TestEventsSurviveTheJournal(t *testing.T) {
	var d Decoder
	seen := map[Kind]bool{}
	for _, want := range sampleEvents() {
		seen[want.Kind] = true
		got, err := d.Decode(want.Append(nil))
		if err != nil {
			t.Fatalf("kind %d: %v", want.Kind, err)
		}
		if !reflect.DeepEqual(got, &want) {
			t.Errorf("kind %d:\ngot  %+v\nwant %+v", want.Kind, got, want)
		}
	}
	for kind := range rowsOf {
		if !seen[kind] {
			t.Errorf("kind %d has no sample", kind)
		}
	}
}

// TestEveryFieldSurvivesTheJournal fills the rows of each sample by reflection, so that a
// new field which the codec does not know is found.
func TestEveryFieldSurvivesTheJournal(t *testing.T) {
	var d Decoder
	for _, want := range sampleEvents() {
		fill(t, reflect.ValueOf(&want).Elem())
		got, err := d.Decode(want.Append(nil))
		if err != nil || !reflect.DeepEqual(got, &want) {
			t.Errorf("%s (%v):\ngot  %+v\nwant %+v", want.Kind, err, got, want)
		}
	}
}

// fill gives every field but the kind a value; of rows, only those that are there get one.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	if v.Type() == reflect.TypeFor[ChairRef]() {
		v.Set(reflect.ValueOf(RefTo("text")))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			fill(t, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(5)
	case reflect.Uint64:
		v.SetUint(5)
	case reflect.Uint8: // kind or status
		if v.Type() != reflect.TypeFor[Kind]() {
			v.SetUint(3)
		}
	default:
		t.Fatalf("fill knows no %s", v.Type())
	}
}

// TestJournalFormStays: a server may find what the version before it wrote until it was
// killed. To change the form, make Decode read both. The samples as each version wrote
// them; a form that was once written never changes.
func TestJournalFormStays(t *testing.T) {
	for _, form := range []struct {
		name    string
		samples int // that there were then
		append  func(*Event) []byte
		want    string
	}{
		{"version 1 of all kinds", 15, func(e *Event) []byte { return e.append(nil, 1) }, "02a1170746931c512f187c3db7a1c863984648bd4f7ea8a2a47ad059b4fb3c5d"},
		{"the newest versions", len(sampleEvents()), func(e *Event) []byte { return e.Append(nil) }, "c40c08ea6d40473adc1a24921c59070d68f84d167cd4f2d663d3a56cc89170ab"},
		{"the newest versions before replicas", 17, func(e *Event) []byte { return e.Append(nil) }, "784a4c919bdafc70cb970406af34c0d6cb39f21751b3cda6a7520c705e1e9c0d"},
	} {
		sum := sha256.New()
		for _, e := range sampleEvents()[:form.samples] {
			sum.Write(form.append(&e))
		}
		if got := fmt.Sprintf("%x", sum.Sum(nil)); got != form.want {
			t.Errorf("the events' form has changed in %s: %s, not %s", form.name, got, form.want)
		}
	}
}

func TestDecodeRefusesWhatAppendNeverWrote(t *testing.T) {
	var d Decoder
	for _, e := range sampleEvents() {
		whole := e.Append(nil)
		for n := range whole {
			if _, err := d.Decode(whole[:n]); err == nil {
				t.Fatalf("kind %d cut after %d of %d bytes is accepted", e.Kind, n, len(whole))
			}
		}
		if _, err := d.Decode(append(whole, 0)); err == nil {
			t.Fatalf("kind %d with a byte too many is accepted", e.Kind)
		}
	}
	for name, b := range map[string][]byte{
		"unknown kind": {99, 0},
		"unknown rows": append([]byte{byte(RideAdvanced), 0x80 | hasStatus, 4}, (&Event{Kind: RideAdvanced, Status: &RideStatus{Status: Matching}}).Append(nil)[2:]...),
		"no rows":      {byte(RideCompleted), 0},
	} {
		if _, err := d.Decode(b); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestVersionsOfEvents tries the version after the newest of each kind: it is read where it is
// known, as all before it are, and refused by name where it is not.
func TestVersionsOfEvents(t *testing.T) {
	var d Decoder
	var next versions
	for _, e := range sampleEvents() {
		newest := max(versionOf[e.Kind], 1)
		next[e.Kind] = newest + 1
		for version := range newest + 1 {
			want := asOf(e, version+1)
			if got, err := d.decode(e.append(nil, version+1), &next); err != nil || !reflect.DeepEqual(got, &want) {
				t.Errorf("%s, version %d: %+v, %v", e.Kind, version+1, got, err)
			}
		}
		if n := len(e.append(nil, 2)) - len(e.append(nil, 1)); newest == 1 && n != 1 {
			t.Errorf("%s: a version takes %d bytes", e.Kind, n)
		}
		for version, known := range map[uint8]*versions{newest + 1: &versionOf, newest + 2: &next} {
			_, err := d.decode(e.append(nil, version), known)
			want := fmt.Sprintf("event %s has version %d, this server knows versions up to %d; start", e.Kind, version, version-1)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
	for _, version := range []byte{0, 1} {
		if _, err := d.Decode([]byte{byte(RideAdvanced) | laterVersion, version, 0}); err == nil {
			t.Errorf("version %d is written out and accepted", version)
		}
	}
}

// asOf returns what is read of an event that was written in a version of its kind.
func asOf(e Event, version uint8) Event {
	if e.Kind == RideAssigned && version < 2 {
		e.Why = nil
	}
	return e
}

func TestEncodingAReportDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 256)
	location := ChairLocation{ChairID: "01JDFFT9J8JVCFVJAG4WN2B666", Coordinate: Coordinate{3, 4}, CreatedAt: 1_764_000_000_123_456}
	if n := allocs.PerRun(100, func() {
		e := Event{Kind: ChairMoved, Location: &location}
		buf = e.Append(buf[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range sampleEvents() {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var first, second Decoder
		e, err := first.Decode(b)
		if err != nil {
			return
		}
		again, err := second.Decode(e.Append(nil))
		if err != nil || !reflect.DeepEqual(e, again) {
			t.Fatalf("%x: %+v became %+v (%v)", b, e, again, err)
		}
	})
}

func BenchmarkAppendReport(b *testing.B) {
	buf := make([]byte, 0, 256)
	location := ChairLocation{ChairID: "01JDFFT9J8JVCFVJAG4WN2B666", Coordinate: Coordinate{3, 4}, CreatedAt: 1_764_000_000_123_456}
	e := Event{Kind: ChairMoved, Location: &location}
	for b.Loop() {
		buf = e.Append(buf[:0])
	}
}

func BenchmarkDecodeReport(b *testing.B) {
	location := ChairLocation{ChairID: "01JDFFT9J8JVCFVJAG4WN2B666", Coordinate: Coordinate{3, 4}, CreatedAt: 1_764_000_000_123_456}
	e := Event{Kind: ChairMoved, Location: &location}
	text := e.Append(nil)
	var d Decoder
	for b.Loop() {
		d.Decode(text)
	}
}
