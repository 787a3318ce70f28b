// Package build tells what this program was built from. It leaves it to others what is shown
// to whom.
package build

import "runtime/debug"

// Unknown is the revision of a program that was built without one: outside a checkout, by
// go run, or with -buildvcs=false.
const Unknown = "unknown"

// Revision returns the commit that this program was built from, with "-modified" after it if
// there were changes; else Unknown.
func Revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Unknown
	}
	return revisionOf(info.Settings)
}

func revisionOf(list []debug.BuildSetting) string {
	settings := map[string]string{}
	for _, s := range list {
		settings[s.Key] = s.Value
	}
	switch {
	case settings["vcs.revision"] == "":
		return Unknown
	case settings["vcs.modified"] == "true":
		return settings["vcs.revision"] + "-modified"
	}
	return settings["vcs.revision"]
}
