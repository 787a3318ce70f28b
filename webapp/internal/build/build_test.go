package build

import (
	"runtime/debug"
	"testing"
)

func TestRevision(t *testing.T) {
	for want, settings := range map[string][]debug.BuildSetting{
		Unknown:        {{Key: "vcs", Value: "git"}},
		"abc":          {{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}},
		"abc-modified": {{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}},
	} {
		if got := revisionOf(settings); got != want {
			t.Errorf("%v: %s, want %s", settings, got, want)
		}
	}
	if Revision() == "" {
		t.Error("a program without a revision says so")
	}
}
