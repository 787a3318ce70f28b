package main

import (
	"flag"
	"fmt"
	"strings"

	"isuride/bench/nearest"
)

var commandNames = []string{"run", "record-data", "frontend", "verify"}

// unknownCommand returns an error unless the word is a flag.
func unknownCommand(word string) error {
	if strings.HasPrefix(word, "-") {
		return nil
	}
	return fmt.Errorf("unknown command %q%s; there are %s", word, nearest.Meant(word, commandNames), strings.Join(commandNames, ", "))
}

// meantFlag suggests a flag if err is the flag package's about an unknown one.
func meantFlag(f *flag.FlagSet, err error) string {
	name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: ")
	if !ok {
		return ""
	}
	var names []string
	f.VisitAll(func(f *flag.Flag) { names = append(names, "-"+f.Name) })
	return nearest.Meant(name, names)
}
