package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/internal/logging"
)

// TestUnknownArguments: what is not understood ends the program before anything is made.
func TestUnknownArguments(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"audit", `"audit" is unknown`},
		{"start", `"start" is unknown`},
		{"repair", "did you mean -repair?"},
		{"-repiar", "did you mean -repair?"},
		{"-port 8080", "-port is unknown"},
		{"-repair=perhaps", "-repair"},
		{"-repair false", `"false" is unknown`},
		{"-- x", `"x" is unknown`},
	} {
		folder := filepath.Join(t.TempDir(), "data")
		cmd := exec.Command(os.Args[0], strings.Fields(c.args)...)
		cmd.Env = []string{asServer + "=1", "ISURIDE_DATA=" + folder, "ISURIDE_LISTEN=127.0.0.1:0"}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitUsage || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v\n%s", c.args, err, out)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%s makes a data folder", c.args)
		}
	}
	if _, err := parseArguments([]string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
	if repair, err := parseArguments([]string{"--repair"}); !repair || err != nil {
		t.Errorf("--repair: %v, %v", repair, err)
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

// TestVariableNames: the list is the one that readConfig reads.
func TestVariableNames(t *testing.T) {
	read := map[string]bool{}
	for _, set := range []string{"", "ISUCON_DB_HOST"} { // for the one database and the other
		if _, err := readConfig(func(name string) (string, bool) { read[name] = true; return "", name == set }); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range variableNames {
		if !read[name] {
			t.Errorf("%s is not read", name)
		}
		delete(read, name)
	}
	if len(read) > 0 {
		t.Errorf("not listed: %v", read)
	}
}
