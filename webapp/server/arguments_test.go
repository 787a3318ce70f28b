package server

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/internal/logging"
)

func TestArguments(t *testing.T) {
	if _, err := parseArguments([]string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
	for arg, want := range map[string]arguments{"--repair": {repair: true}, "--version": {version: true}, "-version": {version: true}} {
		if a, err := parseArguments([]string{arg}); a != want || err != nil {
			t.Errorf("%s: %+v, %v", arg, a, err)
		}
	}
	if _, err := parseArguments([]string{"chek-config"}); err == nil || !strings.Contains(err.Error(), "did you mean check-config?") {
		t.Errorf("chek-config: %v", err)
	}
}

func TestUnknownVariables(t *testing.T) {
	for name, want := range map[string]string{
		"ISURIDE_DURABLITY":  "did you mean ISURIDE_DURABILITY?",
		"ISURDIE_DURABILITY": "did you mean ISURIDE_DURABILITY?",
		"isuride_data":       "did you mean ISURIDE_DATA?",
		"ISUCON_DB_HOTS":     "did you mean ISUCON_DB_HOST?",
		"ISUCON_DBHOST":      "did you mean ISUCON_DB_HOST?",
	} {
		err := checkNames([]string{name + "=x"}, logging.New(new(bytes.Buffer), logging.Text).Logger)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var out bytes.Buffer
	others := append([]string{"ISUCON_MATCHING_INTERVAL=0.5", "PATH=/bin", "ISURIDE_SERVICE_HOST=10.0.0.1", "ISURIDE_PORT=x", "ISUCON13_X=1"}, variableNames...)
	if err := checkNames(others, logging.New(&out, logging.Text).Logger); err != nil {
		t.Error(err)
	}
	if n := strings.Count(out.String(), "no effect"); n != 2 {
		t.Errorf("%d warnings:\n%s", n, &out)
	}
}

// TestVariableNames: the list is the one that readConfig reads and configuration.md has.
func TestVariableNames(t *testing.T) {
	read := map[string]bool{}
	for _, set := range []string{"", "ISUCON_DB_HOST"} { // for the one database and the other
		if _, err := readConfig(func(name string) (string, bool) { read[name] = true; return "", name == set }); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range variableNames {
		if short, ok := strings.CutPrefix(name, "ISUCON_DB"); !strings.Contains(string(page), "`"+name+"`") && !(ok && strings.Contains(string(page), "`"+short+"`")) {
			t.Errorf("configuration.md has no row for %s", name)
		}
		if !read[name] {
			t.Errorf("%s is not read", name)
		}
		delete(read, name)
	}
	if len(read) > 0 {
		t.Errorf("not listed: %v", read)
	}
}
