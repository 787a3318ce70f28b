package sqlstore

import "testing"

// SetWanted has the session want what no statement brings about, as when a proxy undoes it.
func SetWanted(t *testing.T, name, value string) {
	for i := range settings {
		if settings[i].name == name {
			before := settings[i].want
			settings[i].want = value
			t.Cleanup(func() { settings[i].want = before })
			return
		}
	}
	t.Fatalf("no setting is called %s", name)
}
