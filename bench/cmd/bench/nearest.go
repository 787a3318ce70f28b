package main

import (
	"flag"
	"fmt"
	"strings"
)

// tolerance is how many letters may be wrong in what still is a slip of the fingers.
const tolerance = 2

var commandNames = []string{"run", "record-data", "verify"}

// unknownCommand is an error for a word that is no flag.
func unknownCommand(word string) error {
	if strings.HasPrefix(word, "-") {
		return nil
	}
	meant := ""
	if closest, wrong := nearest(word, commandNames); wrong <= tolerance {
		meant = fmt.Sprintf("did you mean %s? ", closest)
	}
	return fmt.Errorf("unknown command %q: %sthere are %s", word, meant, strings.Join(commandNames, ", "))
}

// meantFlag suggests a flag after the flag package's error about an unknown one.
func meantFlag(f *flag.FlagSet, err error) string {
	name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return ""
	}
	var names []string
	f.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	closest, wrong := nearest(name, names)
	if wrong > tolerance {
		return ""
	}
	return fmt.Sprintf("; did you mean -%s?", closest)
}

// nearest is the word that needs the fewest letters changed, and how many.
func nearest(word string, words []string) (closest string, wrong int) {
	for i, w := range words {
		if d := distance(word, w); i == 0 || d < wrong {
			closest, wrong = w, d
		}
	}
	return closest, wrong
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
