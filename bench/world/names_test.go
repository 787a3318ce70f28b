package world

import (
	"math/rand/v2"
	"testing"
	"time"
	"unicode/utf8"
)

func TestUsernamesAreUniqueAndShort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for i := range 200_000 {
		name := username(r, 123_456, i)
		number := name[len(name)-6:]
		if seen[number] {
			t.Fatalf("user %d: number %s twice", i, number)
		}
		seen[number] = true
		if utf8.RuneCountInString(name) > 30 {
			t.Fatalf("%s is longer than a server may take", name)
		}
	}
}

func TestOwnerNames(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range ownerNames {
		if seen[n] || utf8.RuneCountInString(n) > 30 {
			t.Errorf("owner name %s is double or too long", n)
		}
		seen[n] = true
	}
	if len(seen) < initialOwners {
		t.Errorf("%d owner names for %d owners", len(seen), initialOwners)
	}
}

func TestProfileParts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 2000 {
		p := newProfile(r, 0, i)
		born, err := time.Parse(time.DateOnly, p.DateOfBirth)
		if err != nil || born.Year() < 1954 || born.Year() > 2006 {
			t.Fatalf("born %q", p.DateOfBirth)
		}
		if p.Firstname == "" || p.Lastname == "" {
			t.Fatal("a name part is missing")
		}
	}
	if n := len(paymentToken(r)); n != 100 {
		t.Fatalf("payment token of %d letters", n)
	}
}

func TestModelTable(t *testing.T) {
	seen := map[string]bool{}
	for speed, n := range map[int]int{2: 10, 3: 15, 5: 15, 7: 15} {
		models := modelsOf(speed)
		if len(models) != n {
			t.Errorf("%d models of speed %d, want %d", len(models), speed, n)
		}
		for _, m := range models {
			if m.speed != speed || seen[m.name] || seen[m.code] {
				t.Errorf("model %v is wrong or double", m)
			}
			seen[m.name], seen[m.code] = true, true
		}
	}
	if s, ok := SpeedOf("Phoenix Ultra"); !ok || s != 7 {
		t.Error("the speed of a known model is not found")
	}
	if _, ok := SpeedOf("Bench"); ok {
		t.Error("an unknown model has a speed")
	}
}
