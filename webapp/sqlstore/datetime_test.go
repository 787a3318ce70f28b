package sqlstore

import (
	"math/rand/v2"
	"testing"
	"time"

	"isuride/webapp/isuride"
)

func TestDatetimeIsThatOfTheLibrary(t *testing.T) {
	const seed = 1
	random := rand.New(rand.NewPCG(seed, 0))
	first, last := isuride.TimeOf(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)), isuride.TimeOf(time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC))
	times := []isuride.Time{first, last, 0, -1, 1, 951782399999999, 951782400000000}
	for range 10000 {
		times = append(times, first+isuride.Time(random.Int64N(int64(last-first))))
	}
	for _, at := range times {
		want := at.Std().Format(datetimeLayout)
		got := string(appendDatetime(nil, at))
		if got != want {
			t.Fatalf("seed %d: %d is %q, want %q", seed, at, got, want)
		}
		if back, ok := parseDatetime([]byte(got)); !ok || back != at {
			t.Fatalf("seed %d: %q is read as %d, %t; want %d", seed, got, back, ok, at)
		}
	}
}

func TestDatetimeForms(t *testing.T) {
	second, _ := parseDatetime([]byte("2024-11-26 00:00:00"))
	if second != 1732579200000000 {
		t.Errorf("whole second is %d", second)
	}
	for text, micro := range map[string]isuride.Time{"": 0, ".": 0, ".5": 500000, ".000001": 1, ".120": 120000} {
		if got, ok := parseDatetime([]byte("2024-11-26 00:00:00" + text)); !ok || got-second != micro {
			t.Errorf("fraction %q is %d, %t", text, got-second, ok)
		}
	}
	for _, text := range []string{
		"", "2024-11-26", "2024-11-26T00:00:00", "2024-11-26 00:00", "2024-13-01 00:00:00", "2024-00-01 00:00:00", "0000-00-00 00:00:00",
		"2024-11-31 00:00:00", "2023-02-29 00:00:00", "1900-02-29 00:00:00", "2024-11-26 24:00:00", "2024-11-26 00:60:00", "2024-11-26 00:00:60",
		"2024-11-26 00:00:0x", "2024-11-26 00:00:00.0000000", "2024-11-26 00:00:00,0", "2024-11-26 00:00:00.-1", "+024-11-26 00:00:00",
	} {
		if got, ok := parseDatetime([]byte(text)); ok {
			t.Errorf("%q is read as %d", text, got)
		}
	}
	if _, ok := parseDatetime([]byte("2000-02-29 00:00:00")); !ok {
		t.Error("the leap day of 2000 is refused")
	}
}
