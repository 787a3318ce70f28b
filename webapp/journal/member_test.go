package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"
	"testing"

	"isuride/webapp/internal/disk"
)

// What a member has saved is there after any failure of a later Save, or that is.
func TestMemberSurvivesEverything(t *testing.T) {
	rng := seeded(t)
	d := new(disk.Memory)
	m := Member{Node: "a", History: History{7}, Boot: "x"}
	f, found, err := OpenMember(d, "log", m)
	if err != nil || found {
		t.Fatalf("%v, %v", found, err)
	}
	for round := range 500 {
		next := f.Member()
		next.Term += uint64(rng.IntN(3))
		next.Vote = rng.Uint64N(4)
		next.Members = []byte(strings.Repeat("m", rng.IntN(900)))
		left := rng.IntN(6)
		d.Fault = func(string, string) error {
			if left--; left < 0 {
				return errDisk
			}
			return nil
		}
		before, failed := f.Member(), f.Save(next)
		d.Fault = nil
		if rng.IntN(2) == 0 {
			d.PowerLoss(rng)
		} else {
			d.Kill()
		}
		if f, _, err = OpenMember(d, "log", m); err != nil {
			t.Fatal(err)
		}
		got := f.Member()
		if len(got.Members) == 0 {
			got.Members = next.Members[:0]
		}
		if failed == nil && !reflect.DeepEqual(got, next) {
			t.Fatalf("round %d: saved term %d, vote %d, found term %d, vote %d", round, next.Term, next.Vote, got.Term, got.Vote)
		}
		if failed != nil && (got.Term != next.Term || got.Vote != next.Vote) && (got.Term != before.Term || got.Vote != before.Vote) {
			t.Fatalf("round %d: term %d, vote %d and term %d, vote %d left term %d, vote %d", round, before.Term, before.Vote, next.Term, next.Vote, got.Term, got.Vote)
		}
	}
}

// A file of version 1 has one copy. What it says is there after any failure of the start that gives
// it two.
func TestMemberOfVersion1(t *testing.T) {
	const text = `{"Group":0,"History":[7,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"Node":"a","Boot":"x","Clean":false,"Term":7,"Vote":9,"Commit":3,"Members":"bQ=="}`
	rng := seeded(t)
	is := Member{Node: "a", History: History{7}}
	want := Member{Node: "a", History: History{7}, Boot: "x", Term: 7, Vote: 9, Commit: 3, Members: []byte("m")}
	for steps := 0; ; steps++ {
		d := new(disk.Memory)
		writeMember(t, d, fmt.Sprintf("isuride-member 1 %08x\n%s", crc32.Checksum([]byte(text), castagnoli), text))
		left := steps
		d.Fault = func(string, string) error {
			if left--; left < 0 {
				return errDisk
			}
			return nil
		}
		_, _, failed := OpenMember(d, "log", is)
		d.Fault = nil
		d.PowerLoss(rng)
		f, found, err := OpenMember(d, "log", is)
		if err != nil || !found || !reflect.DeepEqual(f.Member(), want) {
			t.Fatalf("after %d steps: %+v, %v, %v", steps, f.Member(), found, err)
		}
		if size, err := f.file.Size(); err != nil || size != 2*memberRoom {
			t.Fatalf("the file has %d bytes, %v", size, err)
		}
		if failed == nil {
			return
		}
	}
}

// writeMember makes a member's file that is on the disk.
func writeMember(t *testing.T, d *disk.Memory, text string) {
	t.Helper()
	f, err := d.Create("log/member")
	if err == nil {
		_, err = f.WriteAt([]byte(text), 0)
	}
	if err := errors.Join(err, f.Sync(), d.SyncFolder("log")); err != nil {
		t.Fatal(err)
	}
}

// The file has its place once it is there: a disk that is full later takes it all the same.
func TestMemberNeedsNoRoom(t *testing.T) {
	d := &disk.Memory{Capacity: 2 * memberRoom}
	m := Member{Node: "a", Term: 1}
	f, _, err := OpenMember(d, "log", m)
	if err != nil {
		t.Fatal(err)
	}
	for m.Term < 5 {
		m.Term++
		m.Members = append(m.Members, "another member"...)
		if err := f.Save(m); err != nil {
			t.Fatal(err)
		}
	}
	if f, _, err = OpenMember(d, "log", m); err != nil || !reflect.DeepEqual(f.Member(), m) {
		t.Fatalf("%+v, %v; want %+v", f.Member(), err, m)
	}
	m.Members = make([]byte, memberRoom)
	if err := f.Save(m); err == nil || !strings.Contains(err.Error(), "have fewer members") {
		t.Errorf("more than there is room for: %v", err)
	}
}

// One copy that is damaged is no loss, whichever it is.
func TestMemberHasTwoCopies(t *testing.T) {
	d := new(disk.Memory)
	m := Member{Node: "a", Term: 7, Vote: 3}
	f, _, _ := OpenMember(d, "log", m)
	if err := f.Save(m); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		f.file.WriteAt([]byte{0xff}, int64(i)*memberRoom+40)
		got, found, err := OpenMember(d, "log", m)
		if err != nil || !found || got.Member().Vote != 3 {
			t.Fatalf("copy %d is damaged: %v, %v", i, found, err)
		}
		f = got
	}
}

func TestMemberOfAnotherIsRefused(t *testing.T) {
	d := new(disk.Memory)
	m := Member{Node: "a", Group: 3, History: History{7}}
	f, _, _ := OpenMember(d, "log", m)
	if err := f.Save(m); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		is   Member
		says string
	}{
		{Member{Node: "b", Group: 3, History: History{7}}, `of member "a", not of "b"`},
		{Member{Node: "a", Group: 4, History: History{7}}, "of group 3, not of 4"},
		{Member{Node: "a", Group: 3, History: History{8}}, "of history 07"},
	} {
		if _, _, err := OpenMember(d, "log", c.is); !errors.Is(err, ErrMember) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.is, err)
		}
	}
	for _, c := range []struct {
		change func(b []byte) []byte
		says   string
	}{
		{func(b []byte) []byte { return b[:3] }, "is no member's file"},
		{func(b []byte) []byte { b[len(b)-2] ^= 1; return b }, "is damaged"},
		{func(b []byte) []byte { return []byte(strings.Replace(string(b), "member 2", "member 3", 1)) }, "has version 3, this program knows 1 to 2"},
	} {
		b, err := readFile(d, "log/member")
		if err != nil {
			t.Fatal(err)
		}
		file, _ := d.Create("log/changed/member")
		b = c.change(bytes.TrimRight(b[:memberRoom], "\x00"))
		file.WriteAt(b, 0)
		file.WriteAt(b, memberRoom)
		if _, _, err := OpenMember(d, "log/changed", m); !errors.Is(err, ErrMember) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("want %q: %v", c.says, err)
		}
	}
}

// A machine that was started again after an unclean stop may have lost what it acknowledged.
func TestMayHaveLost(t *testing.T) {
	boot, err := Boot()
	if err != nil || len(boot) != 36 {
		t.Fatalf("boot %q: %v", boot, err)
	}
	for _, c := range []struct {
		m    Member
		want bool
	}{
		{Member{Boot: boot}, false},
		{Member{Boot: "another"}, true},
		{Member{Boot: "another", Clean: true}, false},
	} {
		if got := c.m.MayHaveLost(boot); got != c.want {
			t.Errorf("%+v: %v", c.m, got)
		}
	}
}
