package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	owner  = "01JDFFT9J8JVCFVJAG4WN2B600"
	chair1 = "01JDFFT9J8JVCFVJAG4WN2B601"
	chair2 = "01JDFFT9J8JVCFVJAG4WN2B602"
	user1  = "01JDFFT9J8JVCFVJAG4WN2B611"
	user2  = "01JDFFT9J8JVCFVJAG4WN2B612"
	ride1  = "01JDFFT9J8JVCFVJAG4WN2B621"
	ride2  = "01JDFFT9J8JVCFVJAG4WN2B622"
)

// start is the time of the first event; each later one is a second after it.
const start = isuride.Time(1_764_000_000_123_456)

// story is a short life of a city, with an event of every kind.
func story() (events []isuride.Event) {
	now := start
	add := func(e isuride.Event) { events, now = append(events, e), now+1_000_000 }
	chair := func(id, name string) *isuride.Chair {
		return &isuride.Chair{ID: id, OwnerID: owner, Name: name, Model: "m 1", AccessToken: "chair-session", CreatedAt: now, UpdatedAt: now}
	}
	status := func(id string, ride string, s isuride.Status) *isuride.RideStatus {
		return &isuride.RideStatus{ID: id, RideID: ride, Status: s, CreatedAt: now}
	}
	move := func(chair string, latitude, longitude int32) *isuride.ChairLocation {
		return &isuride.ChairLocation{ChairID: chair, Coordinate: isuride.Coordinate{Latitude: latitude, Longitude: longitude}, CreatedAt: now}
	}
	coupon := isuride.Coupon{UserID: user1, Code: "CP_NEW2024", Discount: 3000, CreatedAt: now}
	add(isuride.Event{Kind: isuride.OwnerRegistered, Owner: &isuride.Owner{ID: owner, Name: "椅子 & Co", AccessToken: "owner-session", ChairRegisterToken: "register", CreatedAt: now, UpdatedAt: now}})
	add(isuride.Event{Kind: isuride.ChairRegistered, Chair: chair(chair1, "one")})
	add(isuride.Event{Kind: isuride.ChairRegistered, Chair: chair(chair2, "two \"2\"")})
	active := chair(chair1, "one")
	active.IsActive = true
	add(isuride.Event{Kind: isuride.ChairActivityChanged, Chair: active})
	add(isuride.Event{Kind: isuride.ChairMoved, Location: move(chair1, 0, -7)})
	add(isuride.Event{Kind: isuride.UserRegistered, User: &isuride.User{ID: user1, Username: "ann", Firstname: "Ann", Lastname: "O'Neil", DateOfBirth: "2000-01-01",
		AccessToken: "user-session", InvitationCode: "code", CreatedAt: now, UpdatedAt: now}, Coupons: []isuride.Coupon{coupon}})
	add(isuride.Event{Kind: isuride.PaymentTokenSet, Token: &isuride.PaymentToken{UserID: user1, Token: "money", CreatedAt: now}})
	ride := isuride.Ride{ID: ride1, UserID: user1, Pickup: isuride.Coordinate{Latitude: 3, Longitude: -4}, Destination: isuride.Coordinate{Latitude: 30, Longitude: 40}, CreatedAt: now, UpdatedAt: now}
	used := coupon
	used.UsedBy = ride1
	requested := ride
	add(isuride.Event{Kind: isuride.RideRequested, Ride: &requested, Status: status("S1", ride1, isuride.Matching), Coupons: []isuride.Coupon{used}})
	ride.ChairID, ride.UpdatedAt = chair1, now
	assigned := ride
	add(isuride.Event{Kind: isuride.RideAssigned, Ride: &assigned, Why: &isuride.Why{Class: isuride.Ordinary, Trip: -5_680, Age: -3_300,
		Chosen: isuride.ChairCost{Pickup: 2_000, Carry: 14_200},
		Lost: []isuride.Rival{{Chair: isuride.RefTo(chair2), ChairCost: isuride.ChairCost{Pickup: 1_500, Carry: 14_200}},
			{ChairCost: isuride.ChairCost{Pickup: 9_333, Carry: -4_057}}}}})
	add(isuride.Event{Kind: isuride.RideAdvanced, Status: status("S2", ride1, isuride.Enroute)})
	add(isuride.Event{Kind: isuride.ChairMoved, Location: move(chair1, 3, -4), Status: status("S3", ride1, isuride.Pickup)})
	delivered := status("S1", ride1, isuride.Matching)
	delivered.AppSentAt = now
	add(isuride.Event{Kind: isuride.StatusDelivered, Status: delivered})
	add(isuride.Event{Kind: isuride.ChargeStarted, Charge: &isuride.Charge{RideID: ride1, Evaluation: 5}})
	add(isuride.Event{Kind: isuride.ChargeFailed, Charge: &isuride.Charge{RideID: ride1, Evaluation: 5}})
	ride.Evaluation, ride.UpdatedAt = 5, now
	add(isuride.Event{Kind: isuride.RideCompleted, Ride: &ride, Status: status("S4", ride1, isuride.Completed)})
	add(isuride.Event{Kind: isuride.RideRequested, Ride: &isuride.Ride{ID: ride2, UserID: user2, CreatedAt: now, UpdatedAt: now}, Status: status("S5", ride2, isuride.Matching)})
	add(isuride.Event{Kind: isuride.RideAssigned, Ride: &isuride.Ride{ID: ride2, UserID: user2, ChairID: chair2, CreatedAt: now, UpdatedAt: now}})
	add(isuride.Event{Kind: isuride.StateHashed, Hash: &isuride.StateHash{At: now, Position: 20, Form: 1, Hi: 0xabc, Lo: 0xdef, Released: 12}})
	add(isuride.Event{Kind: isuride.Initialized, Begin: &isuride.Beginning{At: now, Generation: 4, PaymentServer: "http://localhost:12345", Data: "5f"}})
	return events
}

// write makes a journal of one generation and returns the folder of all.
func write(t testing.TB, events []isuride.Event) string {
	t.Helper()
	dir := t.TempDir()
	j, err := journal.Open(journal.Options{Dir: journal.GenerationPath(dir, 3), History: journal.History{7}, SegmentBytes: 4096, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if _, err := j.Append(events[i].Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func run(t testing.TB, o Options) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Run(&out, o)
	return strings.ReplaceAll(out.String(), o.Path, "FOLDER"), err
}

func mustRun(t testing.TB, o Options) string {
	t.Helper()
	text, err := run(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func moment(t testing.TB, text string) *isuride.Moment {
	t.Helper()
	m, err := isuride.ParseMoment(text)
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// TestOutput compares with testdata; -update rewrites it.
func TestOutput(t *testing.T) {
	dir := write(t, story())
	for name, o := range map[string]Options{
		"all.txt":    {},
		"all.jsonl":  {JSON: true},
		"ride.txt":   {Ride: ride1},
		"ride.jsonl": {Ride: ride1, JSON: true, From: moment(t, "9"), To: moment(t, "9")},
		"user.txt":   {User: user1},
		"chair.txt":  {Chair: chair2},
		"time.txt":   {From: moment(t, (start + 3_000_000).String()), To: moment(t, (start + 5_999_999).String())},
		"secret.txt": {From: moment(t, "1"), To: moment(t, "1"), Secrets: true},
	} {
		o.Path = dir
		golden(t, name, mustRun(t, o))
	}
}

// golden compares with a file in testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s differs (%v); -update rewrites it:\n%s", name, err, got)
	}
}

// TestEveryLineIsJSON, and holds every column of every row but for what is NULL.
func TestEveryLineIsJSON(t *testing.T) {
	events := story()
	text := mustRun(t, Options{Path: write(t, events), JSON: true, Secrets: true})
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if (fields["remark"] == nil) != (i < len(events)) {
			t.Errorf("line %d: %s", i, line)
		}
		if i < len(events) {
			for _, value := range texts(reflect.ValueOf(events[i])) {
				if quoted, _ := json.Marshal(value); !strings.Contains(line, string(quoted)) {
					t.Errorf("%s lacks %s", line, quoted)
				}
			}
		}
	}
}

// texts are all texts and times in an event.
func texts(v reflect.Value) (found []string) {
	switch {
	case v.Type() == reflect.TypeFor[isuride.ChairRef]():
		return appendUnless(found, v.Interface().(isuride.ChairRef).ID())
	case v.Type() == reflect.TypeFor[isuride.Time]():
		if v.Int() != 0 {
			found = append(found, isuride.Time(v.Int()).String())
		}
		return found
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return texts(v.Elem())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			found = append(found, texts(v.Field(i))...)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			found = append(found, texts(v.Index(i))...)
		}
	case v.Kind() == reflect.String:
		return appendUnless(found, v.String())
	}
	return found
}

func appendUnless(list []string, text string) []string {
	if text == "" {
		return list
	}
	return append(list, text)
}

func TestSecretsAreHidden(t *testing.T) {
	dir := write(t, story())
	for _, json := range []bool{false, true} {
		text := mustRun(t, Options{Path: dir, JSON: json})
		for _, word := range []string{"owner-session", "chair-session", "user-session", "register\"", "=register", "money"} {
			if strings.Contains(text, word) {
				t.Errorf("%q is shown", word)
			}
		}
	}
}

// TestReadsOnly: not a byte and not a name in the folder changes, and a journal that a
// server has open, with its lock, is shown as well.
func TestReadsOnly(t *testing.T) {
	dir := write(t, story())
	j, err := journal.Open(journal.Options{Dir: journal.GenerationPath(dir, 3), History: journal.History{7}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	before := files(t, dir)
	if text := mustRun(t, Options{Path: dir}); !strings.Contains(text, fmt.Sprintf("the log ends after record %d", len(story()))) {
		t.Error(text)
	}
	if !slices.Equal(before, files(t, dir)) {
		t.Error("files have changed")
	}
}

func files(t testing.TB, dir string) (all []string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			all = append(all, fmt.Sprint(path, info.Size(), info.ModTime()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDamage: the place is named, the rest is shown, and the error says so.
func TestDamage(t *testing.T) {
	events := slices.Repeat(story(), 8)
	dir := write(t, events)
	segments, err := filepath.Glob(filepath.Join(journal.GenerationPath(dir, 3), "*.segment"))
	if err != nil || len(segments) < 3 {
		t.Fatal(segments, err)
	}
	b, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	b[300] ^= 1
	if err := os.WriteFile(segments[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := run(t, Options{Path: dir})
	var damage *DamageError
	if !errors.As(err, &damage) || damage.First.Segment != segments[0] || damage.First.Offset == 0 {
		t.Fatalf("%v", err)
	}
	if n := strings.Count(text, "# DAMAGED: "); n != damage.Places || n != 2 {
		t.Errorf("%d places: %s", n, text)
	}
	if !strings.Contains(text, fmt.Sprintf("\n%9d  ", len(events))) {
		t.Errorf("the last event is not shown:\n%s", text)
	}
}

func TestWhatIsNoJournal(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                              "holds no journal; name the folder in ISURIDE_JOURNAL",
		filepath.Join(dir, "notes.txt"):  "is neither a segment of a journal nor a snapshot",
		filepath.Join(dir, "not", "any"): "no such file",
	} {
		if _, err := run(t, Options{Path: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestPlaces: all names of one journal show the same events.
func TestPlaces(t *testing.T) {
	dir := write(t, story())
	data := t.TempDir()
	if err := os.Symlink(dir, filepath.Join(data, "journal")); err != nil {
		t.Fatal(err)
	}
	generation := journal.GenerationPath(dir, 3)
	if err := os.Mkdir(journal.GenerationPath(dir, 2), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, data, generation, filepath.Join(generation, "000000000000.segment")} {
		text := mustRun(t, Options{Path: path, Ride: ride1})
		if n := strings.Count(text, "RideAssigned"); n != 1 {
			t.Errorf("%s:\n%s", path, text)
		}
		if told := strings.Contains(text, "for generation 2 name"); told != (path == dir || path == data) {
			t.Errorf("%s: of the other generation it is told: %t", path, told)
		}
	}
}

// TestEventOfALaterRelease: it is named, and the others are shown.
func TestEventOfALaterRelease(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(journal.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	events := story()
	for _, payload := range [][]byte{events[0].Append(nil), {byte(isuride.RideAssigned) | 0x80, 99, 0}, events[1].Append(nil)} {
		if _, err := j.Append(payload); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	text := mustRun(t, Options{Path: dir})
	if !strings.Contains(text, "has version 99") || !strings.Contains(text, "ChairRegistered") {
		t.Error(text)
	}
}

// Marks are shown among the events, unless these are filtered, and are none.
func TestMarks(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(journal.Options{Dir: dir, Replicated: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Lead(1); err != nil {
		t.Fatal(err)
	}
	events := story()
	for i := range events {
		if _, err := j.Append(events[i].Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = j.Seal(1, 1, nil, false)
	if err := errors.Join(err, j.Close()); err != nil {
		t.Fatal(err)
	}
	n := len(events)
	all := mustRun(t, Options{Path: dir})
	for _, want := range []string{"are entry 1 of term 1; the one before has the hash 00", fmt.Sprintf("%d of %d events are shown", n, n)} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
	for what, o := range map[string]Options{
		"a ride": {Path: dir, Ride: ride1}, "up to the first event": {Path: dir, To: moment(t, "1")},
	} {
		if text := mustRun(t, o); strings.Contains(text, "are entry") {
			t.Errorf("%s: marks are shown\n%s", what, text)
		}
	}
}
