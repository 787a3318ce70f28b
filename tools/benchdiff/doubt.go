package main

import (
	"fmt"
	"maps"
	"slices"

	"isuride/bench/report"
)

// doubts tell what speaks against a comparison of the two sets.
func doubts(a, b []*report.Record) []string {
	list := []string{}
	for _, side := range []struct {
		name    string
		records []*report.Record
	}{{"A", a}, {"B", b}} {
		for i, r := range side.records {
			if !r.Passed {
				list = append(list, fmt.Sprintf("%s, run %d: %s", side.name, i+1, r.Verdict()))
			}
			for _, reason := range r.BenchLimits {
				list = append(list, fmt.Sprintf("%s, run %d: the bench may have been the limit: %s", side.name, i+1, reason))
			}
		}
	}
	first, all := a[0], slices.Concat(a, b)
	if slices.ContainsFunc(all, func(r *report.Record) bool { return r.Machine != first.Machine }) {
		list = append(list, "the runs were made on different machines or systems")
	}
	for _, name := range differing(all) {
		list = append(list, fmt.Sprintf("the runs differ in --%s", name))
	}
	return list
}

// differing are the names of the settings that are not the same in all records.
func differing(all []*report.Record) []string {
	names := map[string]bool{}
	for _, r := range all {
		for _, from := range []map[string]string{r.Settings, all[0].Settings} {
			for name := range from {
				if r.Settings[name] != all[0].Settings[name] {
					names[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
