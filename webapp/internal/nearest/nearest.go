// Package nearest finds the word that a mistyped one most likely means.
// What to do about it is left to others.
package nearest

// Word returns the known word closest to word and how many letters are wrong: left out,
// too many, mistaken, or two exchanged. Of equally close ones it is the first.
func Word(word string, known []string) (closest string, wrong int) {
	for i, k := range known {
		if d := distance(word, k); i == 0 || d < wrong {
			closest, wrong = k, d
		}
	}
	return closest, wrong
}

// distance returns the edit distance with exchanges of neighbours.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
