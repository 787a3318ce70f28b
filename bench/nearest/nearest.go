// Package nearest suggests the word that was probably meant when one is mistyped, in the
// benchmarker and the tools. The server has its own.
package nearest

import "fmt"

// tolerance is the number of wrong letters up to which a word counts as a typo.
const tolerance = 2

// Meant returns ": did you mean WORD?" with the word closest to the given one, or "" if
// none is close.
func Meant(word string, words []string) string {
	closest, wrong := "", tolerance+1
	for _, w := range words {
		if d := distance(word, w); d < wrong {
			closest, wrong = w, d
		}
	}
	if closest == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", closest)
}

// distance counts insertions, deletions and changes of letters.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, change)
		}
	}
	return row[len(b)]
}
