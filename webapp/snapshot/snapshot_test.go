package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
)

const start = isuride.Time(1_764_000_000_000_000)

// sample has every field of an image set somewhere, in ways that differ.
func sample() []*state.Image {
	log := state.LogImage{Delivered: true, Messages: []state.MessageImage{
		{RideID: "ride-1", Status: isuride.Arrived, Stats: state.Stats{Rides: 3, EvaluationSum: 14}, UpdatedAt: start + 1, RowID: "row-1", RowAt: start + 2},
		{RideID: "ride-2", Status: isuride.Matching, UpdatedAt: start - 7, RowID: "row-2", RowAt: start + 3},
	}}
	coordinate := func(n int32) isuride.Coordinate { return isuride.Coordinate{Latitude: n, Longitude: -2 * n} }
	return []*state.Image{
		{Position: 100, Owner: &isuride.Owner{ID: "owner", Name: "名前", AccessToken: "t1", ChairRegisterToken: "t2", CreatedAt: start, UpdatedAt: start + 1}},
		{Position: 100, Chair: &state.ChairImage{
			Chair: isuride.Chair{ID: "chair", OwnerID: "owner", Name: "n", Model: "m", IsActive: true, AccessToken: "t3", CreatedAt: start, UpdatedAt: start + 5},
			Track: state.Track{At: coordinate(-5), Distance: 1 << 40, Reported: start + 9}, Stats: state.Stats{Rides: 2, EvaluationSum: 9},
			Sales: []state.Sale{{At: start + 4, Sum: 500}, {At: start + 4, Sum: 1700}}, RideID: "ride-2", Log: log}},
		{Position: 101, Chair: &state.ChairImage{Chair: isuride.Chair{ID: "idle", OwnerID: "owner"}}},
		{Position: 103, User: &state.UserImage{
			User:  isuride.User{ID: "user", Username: "u", Firstname: "f", Lastname: "l", DateOfBirth: "d", AccessToken: "t4", InvitationCode: "i", CreatedAt: start - 3, UpdatedAt: start},
			Token: "pay", Invited: 2, Coupons: []isuride.Coupon{{UserID: "user", Code: "c", Discount: 3000, CreatedAt: start, UsedBy: "ride-1"}, {UserID: "user", Code: "d"}},
			Rides: []state.RideImage{
				{Ride: isuride.Ride{ID: "ride-1", UserID: "user", ChairID: "chair", Pickup: coordinate(3), Destination: coordinate(90), Evaluation: 5, CreatedAt: start + 1, UpdatedAt: start + 90},
					Fare: 700, Status: isuride.Completed, StatusAt: start + 90, Passed: 0x7e, Done: true},
				{Ride: isuride.Ride{ID: "ride-2", UserID: "user", ChairID: "unknown", CreatedAt: start - 100, UpdatedAt: start - 50},
					Fare: 500, Status: isuride.Arrived, StatusAt: start - 20, Passed: 2, MatchingID: "row-2", MatchingAt: start - 99, Charge: isuride.OpenCharge{Seq: 77, Evaluation: 4}},
				{Ride: isuride.Ride{ID: "ride-3", UserID: "user", CreatedAt: start, UpdatedAt: start}, Status: isuride.Matching, StatusAt: start, MatchingID: "row-3", MatchingAt: start},
			}, Log: log}},
		{Position: 103, User: &state.UserImage{User: isuride.User{ID: "nobody"}}},
	}
}

var sampleHeader = Header{History: journal.History{1, 2, 3, 15: 9}, Generation: 7, Written: start + 1000}

var sampleEnd = End{state.Span{From: 99, To: 104}, state.Hash{Hi: 1 << 60, Lo: 3}, RecordOf([]byte("record"))}

// walkOf yields images as a walk does.
func walkOf(images []*state.Image) Walk {
	return func(add func(*state.Image) error) (End, error) {
		for _, i := range images {
			if err := add(i); err != nil {
				return End{}, err
			}
		}
		return sampleEnd, nil
	}
}

func mustWrite(t *testing.T, dir string, images []*state.Image) Info {
	t.Helper()
	info, err := Write(dir, sampleHeader, walkOf(images))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// read returns the images of a file, each written down, since images are lent.
func read(path string) (h Header, images []string, err error) {
	r, err := Open(path)
	if err != nil {
		return h, nil, err
	}
	defer r.Close()
	err = r.Each(func(i *state.Image) error {
		images = append(images, describe(i))
		return nil
	})
	return r.Header(), images, err
}

func describe(i *state.Image) string {
	switch {
	case i.Owner != nil:
		return fmt.Sprintf("%d %+v", i.Position, *i.Owner)
	case i.Chair != nil:
		return fmt.Sprintf("%d %+v", i.Position, *i.Chair)
	}
	return fmt.Sprintf("%d %+v", i.Position, *i.User)
}

func describeAll(images []*state.Image) (list []string) {
	for _, i := range images {
		list = append(list, describe(i))
	}
	return list
}

func TestWriteAndRead(t *testing.T) {
	many := sample()
	for range 3000 { // several blocks
		many = append(many, sample()[3])
	}
	for name, images := range map[string][]*state.Image{"nothing": nil, "small": sample(), "blocks": many} {
		dir := t.TempDir()
		info := mustWrite(t, dir, images)
		h, got, err := read(info.Path)
		if err != nil || !slices.Equal(got, describeAll(images)) {
			t.Fatalf("%s: %v; read\n%s\nwant\n%s", name, err, strings.Join(got, "\n"), strings.Join(describeAll(images), "\n"))
		}
		want := sampleHeader
		want.End = sampleEnd
		for _, i := range images {
			count(&want.Size, i)
		}
		if h != want || info.Header != want {
			t.Errorf("%s: header %+v and %+v, want %+v", name, h, info.Header, want)
		}
		stat, err := os.Stat(info.Path)
		if err != nil || stat.Size() != info.Bytes || stat.Mode().Perm() != 0o600 {
			t.Errorf("%s: file %v, %v; info says %d bytes", name, stat, err, info.Bytes)
		}
	}
}

// TestSampleIsFull: no field of an image is zero in all of sample, so that none can be
// forgotten in the codec.
func TestSampleIsFull(t *testing.T) {
	set := map[string]bool{}
	for _, i := range sample() {
		fill(set, "image", reflect.ValueOf(i))
	}
	for field, ok := range set {
		if !ok {
			t.Errorf("%s is zero everywhere", field)
		}
	}
}

func fill(set map[string]bool, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(set, name, v.Elem())
		}
	case reflect.Slice:
		set[name] = set[name] || v.Len() > 0
		for i := range v.Len() {
			fill(set, name, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(set, name+"."+v.Type().Field(i).Name, v.Field(i))
		}
	default:
		set[name] = set[name] || !v.IsZero()
	}
}

// TestFormStays: files of a version are read by every later release that knows it. A change
// of the form is a new version.
func TestFormStays(t *testing.T) {
	for v := 1; v <= version; v++ {
		path := filepath.Join("testdata", fmt.Sprintf("version%d.snapshot", v))
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%v; copy %s there", err, mustWrite(t, ".", sample()).Path)
		}
		want := sampleEnd
		if v == 1 {
			want.Hash = state.Hash{}
		}
		h, got, err := read(path)
		if err != nil || h.End != want || !slices.Equal(got, describeAll(sample())) {
			t.Fatalf("%v; read %+v\n%s\nwant %+v\n%s", err, h, strings.Join(got, "\n"), want, strings.Join(describeAll(sample()), "\n"))
		}
	}
}

// TestHashOfAnotherForm cannot be compared, so it is as if there was none.
func TestHashOfAnotherForm(t *testing.T) {
	path := mustWrite(t, t.TempDir(), sample()).Path
	b := content(t, path)
	b[128]++
	binary.LittleEndian.PutUint32(b[12:], headerSum(b[:headerSize]))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if h, images, err := read(path); err != nil || h.Hash != (state.Hash{}) || len(images) != len(sample()) {
		t.Errorf("%v, %d images, hash %v", err, len(images), h.Hash)
	}
}

// TestEveryByte: one changed byte anywhere is noticed.
func TestEveryByte(t *testing.T) {
	whole := content(t, mustWrite(t, t.TempDir(), sample()).Path)
	path := filepath.Join(t.TempDir(), "damaged")
	for at := range whole {
		for _, flip := range []byte{1, 0x80, 0xff} {
			b := bytes.Clone(whole)
			b[at] ^= flip
			expectRefusal(t, path, b, fmt.Sprintf("byte %d changed by %#x", at, flip))
		}
	}
}

// TestEveryLength: so is a cut anywhere, and bytes that are too many.
func TestEveryLength(t *testing.T) {
	whole := content(t, mustWrite(t, t.TempDir(), sample()).Path)
	path := filepath.Join(t.TempDir(), "damaged")
	for length := range whole {
		expectRefusal(t, path, whole[:length], fmt.Sprintf("cut at %d", length))
	}
	expectRefusal(t, path, append(bytes.Clone(whole), 0), "a byte too many")
	expectRefusal(t, path, make([]byte, len(whole)), "zeros")
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func expectRefusal(t *testing.T, path string, b []byte, what string) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := read(path)
	if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), path) {
		t.Fatalf("%s: %v", what, err)
	}
}

// TestBlocksOfAnotherFile: blocks have their place in one file, though each is whole.
func TestBlocksOfAnotherFile(t *testing.T) {
	a, b := content(t, mustWrite(t, t.TempDir(), sample()).Path), content(t, mustWrite(t, t.TempDir(), sample()).Path)
	expectRefusal(t, filepath.Join(t.TempDir(), "mixed"), append(bytes.Clone(a[:headerSize]), b[headerSize:]...), "mixed")
}

func TestOtherVersions(t *testing.T) {
	whole := content(t, mustWrite(t, t.TempDir(), sample()).Path)
	path := filepath.Join(t.TempDir(), "other")
	for what, change := range map[string]func(b []byte){
		"version 3":        func(b []byte) { b[8] = 3 },
		"other byte order": func(b []byte) { slices.Reverse(b[:8]) },
	} {
		b := bytes.Clone(whole)
		change(b)
		binary.LittleEndian.PutUint32(b[12:], headerSum(b[:headerSize]))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), strings.Fields(what)[1]) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestNamesOfOthers: files that are not ours are neither listed nor removed.
func TestNamesOfOthers(t *testing.T) {
	dir := t.TempDir()
	others := []string{"1.snapshot", "0000000000000000000x.snapshot", "00000000000000000001.snapshot.aside", "000000000041.segment", "lock", "snapshot.newer"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, dir, nil)
	if paths, err := List(dir); err != nil || len(paths) != 1 {
		t.Errorf("listed %v, %v", paths, err)
	}
	if err := RemoveAll(dir); err != nil {
		t.Error(err)
	}
	slices.Sort(others)
	if got := names(t, dir); !slices.Equal(got, others) {
		t.Errorf("left are %v", got)
	}
	if paths, err := List(filepath.Join(dir, "nowhere")); err != nil || paths != nil {
		t.Errorf("listed %v, %v", paths, err)
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestEveryStep: whichever step of writing, naming and removing is the last that happens, by a
// kill or by an error, there is a whole snapshot, and the next one can be written.
func TestEveryStep(t *testing.T) {
	for _, killed := range []bool{true, false} {
		for steps := 0; ; steps++ {
			dir := t.TempDir()
			for to := range uint64(3) {
				mustWriteAt(t, dir, 10+to, linux())
			}
			left := steps
			info, err := writeAt(dir, 20, limited(&left, killed))
			what := fmt.Sprintf("%d steps, killed %v: %v", steps, killed, err)
			paths, err2 := List(dir)
			if err2 != nil || len(paths) < Kept {
				t.Fatalf("%s: %v, %v", what, paths, err2)
			}
			for _, path := range paths {
				if _, images, err := read(path); err != nil || len(images) != len(sample()) {
					t.Fatalf("%s: %v", what, err)
				}
			}
			if err != nil && info.Path != "" && paths[0] != info.Path {
				t.Fatalf("%s: says that %s is there, of %v", what, info.Path, paths)
			}
			mustWriteAt(t, dir, 30, linux())
			if got := names(t, dir); len(got) != Kept {
				t.Fatalf("%s: the next one leaves %v", what, got)
			}
			if err == nil {
				break
			}
		}
	}
}

var errStep = errors.New("this step fails")

// limited is a system of which so many steps happen. After a kill none does, after an error the
// others do.
func limited(left *int, killed bool) system {
	step := func() error {
		*left--
		if *left == -1 || killed && *left < 0 {
			return errStep
		}
		return nil
	}
	sys, real := system{}, linux()
	sys.create = func(path string) (*os.File, error) {
		if err := step(); err != nil {
			return nil, err
		}
		return real.create(path)
	}
	sys.write = func(f *os.File, b []byte, at int64) error {
		if err := step(); err != nil {
			real.write(f, b[:len(b)/2], at) // a part of it
			return err
		}
		return real.write(f, b, at)
	}
	sys.sync = func(f *os.File) error { return errors.Join(step()) }
	sys.rename = func(from, to string) error {
		if err := step(); err != nil {
			return err
		}
		return real.rename(from, to)
	}
	sys.syncDir = func(path string) error { return step() }
	sys.remove = func(path string) error {
		if err := step(); err != nil {
			return err
		}
		return real.remove(path)
	}
	return sys
}

func writeAt(dir string, to uint64, sys system) (Info, error) {
	return write(dir, sampleHeader, func(add func(*state.Image) error) (End, error) {
		end, err := walkOf(sample())(add)
		end.Span.To = to
		return end, err
	}, sys)
}

func mustWriteAt(t *testing.T, dir string, to uint64, sys system) {
	t.Helper()
	if _, err := writeAt(dir, to, sys); err != nil {
		t.Fatal(err)
	}
}

// TestFullDisk: a disk without room leaves the snapshots that there are, and no part of a new
// one.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	mustWriteAt(t, dir, 10, linux())
	before := names(t, dir)
	sys := linux()
	room := 200
	sys.write = func(f *os.File, b []byte, at int64) error {
		if room -= len(b); room < 0 {
			return &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
		}
		return linux().write(f, b, at)
	}
	if _, err := writeAt(dir, 20, sys); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if after := names(t, dir); !slices.Equal(before, after) {
		t.Fatalf("left are %v", after)
	}
}

// TestWalkFails: an error of the walk is an error of the snapshot.
func TestWalkFails(t *testing.T) {
	dir := t.TempDir()
	_, err := Write(dir, sampleHeader, func(add func(*state.Image) error) (End, error) { return End{}, errStep })
	if !errors.Is(err, errStep) || len(names(t, dir)) != 0 {
		t.Fatalf("%v; left are %v", err, names(t, dir))
	}
}

// FuzzEach: no content makes the reader panic or run away, however its sums are.
func FuzzEach(f *testing.F) {
	var e encoder
	var b []byte
	for _, i := range sample() {
		b = e.image(b, i)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, content []byte) {
		var d decoder
		d.begin(content)
		for d.more() {
			if _, err := d.image(); err != nil {
				return
			}
		}
	})
}
