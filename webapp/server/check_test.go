package server

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/internal/logging"
)

// check runs check-config with an environment.
func check(t *testing.T, v variables) (said string, err error) {
	t.Helper()
	var environ []string
	for name, value := range v {
		environ = append(environ, name+"="+value)
	}
	var out, log bytes.Buffer
	err = checkConfig(t.Context(), &out, v.lookup, environ, logging.New(&log, logging.Text).Logger)
	return out.String(), err
}

func TestCheckConfig(t *testing.T) {
	said, err := check(t, variables{"ISURIDE_DURABILITY": "power", "ISUCON_DB_HOST": "db", "ISUCON_DB_PASSWORD": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ISURIDE_DURABILITY=power\n", "ISUCON_DB_HOST=db\n", "# ISURIDE_LISTEN is not given: :8080\n",
		"# ISURIDE_STATIC is not given: none\n", "ISUCON_DB_PASSWORD=(given, not shown)\n", "the configuration can be used\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if strings.Contains(said, "secret") {
		t.Errorf("it shows the password:\n%s", said)
	}
	for _, name := range variableNames {
		if n := strings.Count(said, name+"=") + strings.Count(said, name+" is not given"); n != 1 && name != "ISURIDE_SQLITE" {
			t.Errorf("%s is listed %d times", name, n)
		}
	}
}

// TestCheckConfigRefuses: each mistake is named, all of them at once.
func TestCheckConfigRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("neither a certificate nor a dump"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		v    variables
		want []string
	}{
		{variables{"ISURIDE_DURABILITY": "high", "ISURIDE_SLOW": "x", "ISURIDE_DURABLITY": "power"},
			[]string{`ISURIDE_DURABILITY is "high"`, `ISURIDE_SLOW is "x"`, "did you mean ISURIDE_DURABILITY?"}},
		{variables{"ISURIDE_TLS_LISTEN": ":1", "ISURIDE_TLS_CERT": file, "ISURIDE_TLS_KEY": file, "ISURIDE_STATIC": t.TempDir(), "ISURIDE_INITIAL_DATA": file},
			[]string{"ISURIDE_TLS_CERT and ISURIDE_TLS_KEY: ", "has no index.html", "ISURIDE_INITIAL_DATA: "}},
	} {
		said, err := check(t, tc.v)
		if err == nil || said != "" {
			t.Errorf("%v is taken: %s", tc.v, said)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v, without %q", tc.v, err, want)
			}
		}
	}
}
