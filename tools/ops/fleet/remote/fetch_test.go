package remote_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/topology"
)

func fetch(t *testing.T, script string) (names []string, err error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a", "b")
	err = fleettest.NewHost(t).Remote().Fetch(t.Context(), topology.Host{Name: "s1"}, "fetch it", script, dir)
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names, err
}

const pack = "dir=$(mktemp -d)\ncd $dir\nmkdir sub\necho 1 >one\necho 2 >sub/two\nln -s one link\n"

func TestFetch(t *testing.T) {
	names, err := fetch(t, pack+"tar -cz .")
	if err != nil || !slices.Equal(names, []string{"one", "two"}) {
		t.Errorf("fetched %q (%v)", names, err)
	}
}

// TestFetchStaysInside has a host that wants files elsewhere.
func TestFetchStaysInside(t *testing.T) {
	names, err := fetch(t, pack+"tar -czP --transform='s,one,../../../one,' one sub/two")
	if err != nil || !slices.Equal(names, []string{"one", "two"}) {
		t.Errorf("fetched %q (%v)", names, err)
	}
}

func TestFetchFails(t *testing.T) {
	for script, want := range map[string]string{
		"echo No space left on device >&2; exit 1": "s1: cannot fetch it: No space left on device",
		"echo something else":                      "s1: cannot fetch it: no archive came",
		"true":                                     "s1: cannot fetch it: no archive came",
		pack + "tar -cz . | head -c 100":           "s1: cannot fetch it: unexpected EOF",
		pack + "tar -cz .; echo connection lost >&2; exit 1": "s1: cannot fetch it: connection lost",
	} {
		if _, err := fetch(t, script); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s\ngives %v, want %s", script, err, want)
		}
	}
}
