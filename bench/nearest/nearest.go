// Package nearest suggests the word that somebody who mistyped one is likely to have
// meant, in the benchmarker and in the tools; the server has its own.
package nearest

import "fmt"

// tolerance is how many letters may be wrong in what still is a slip of the fingers.
const tolerance = 2

// Meant is ": did you mean WORD?" if there is a word that is nearly the given one, else
// "".
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
