package nearest

import "testing"

func TestWord(t *testing.T) {
	known := []string{"ISURIDE_DATA", "ISURIDE_DURABILITY", "ISURIDE_LISTEN"}
	for word, want := range map[string]struct {
		closest string
		wrong   int
	}{
		"ISURIDE_DURABILITY": {"ISURIDE_DURABILITY", 0},
		"ISURIDE_DURABLITY":  {"ISURIDE_DURABILITY", 1},
		"ISURDIE_DATA":       {"ISURIDE_DATA", 1},
		"ISURIDE_LISSTEM":    {"ISURIDE_LISTEN", 2},
		"":                   {"ISURIDE_DATA", 12},
	} {
		if closest, wrong := Word(word, known); closest != want.closest || wrong != want.wrong {
			t.Errorf("%s: %s, %d wrong, want %v", word, closest, wrong, want)
		}
	}
	if closest, _ := Word("a", nil); closest != "" {
		t.Errorf("of no words the closest is %q", closest)
	}
}
