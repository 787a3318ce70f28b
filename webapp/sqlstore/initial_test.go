package sqlstore_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	sqlfiles "isuride/sql"
	"isuride/tools/dev/bound"
	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

func initialTables(t testing.TB) *isuride.Tables {
	t.Helper()
	rows, err := sqlstore.InitialTables()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// S2.3 gives the totals by speed.
func TestMasterData(t *testing.T) {
	master, err := sqlstore.MasterData()
	if err != nil {
		t.Fatal(err)
	}
	if want := []isuride.Setting{{Name: isuride.PaymentGatewayURL, Value: "http://localhost:12345"}}; !reflect.DeepEqual(master.Settings, want) {
		t.Errorf("settings %v, want %v", master.Settings, want)
	}
	speeds := map[int]int{}
	for _, m := range master.ChairModels {
		speeds[m.Speed]++
	}
	if want := map[int]int{2: 10, 3: 15, 5: 15, 7: 15}; !reflect.DeepEqual(speeds, want) {
		t.Errorf("models by speed %v, want %v", speeds, want)
	}
}

func TestInitialTables(t *testing.T) {
	rows := initialTables(t)
	if len(rows.ChairModels) != 55 || len(rows.Settings) != 1 || len(rows.Owners) != 5 || len(rows.Chairs) != 500 || len(rows.Rides) != 750 {
		t.Errorf("row counts %+v", rowCounts(rows))
	}
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, rows)
		wantInitial(t, s, rows)
	})
}

// wantInitial compares what the database holds with the rows, which are in the order of
// their keys but for the master data.
func wantInitial(t *testing.T, s *sqlstore.Store, rows *isuride.Tables) {
	t.Helper()
	got, want := load(t, s), *rows
	want.ChairLocations, want.ChairDistances = nil, nil
	if len(got.ChairModels) != len(want.ChairModels) {
		t.Errorf("%d models, want %d", len(got.ChairModels), len(want.ChairModels))
	}
	want.ChairModels = got.ChairModels
	want.Owners, got.Owners = nil, nil // the dump lists them as the words do
	wantTables(t, &got.Tables, &want)
	if len(got.Tracks) < 350 {
		t.Errorf("%d tracks", len(got.Tracks))
	}
}

func TestReadDumpFile(t *testing.T) {
	const text = city + "INSERT INTO settings VALUES ('own','x');"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dump")
	for _, content := range []string{text, zipped.String()} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		rows, err := sqlstore.ReadDumpFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// Master data fills only what the dump leaves out.
		if len(rows.Settings) != 1 || rows.Settings[0].Name != "own" || len(rows.ChairModels) != 55 {
			t.Errorf("got %v and %d models", rows.Settings, len(rows.ChairModels))
		}
	}
	for content, want := range map[string]string{"INSERT INTO x VALUES (1)": "line 1", "\x1f\x8bbroken, not gzip": "gzip", zipped.String()[:zipped.Len()-4]: "EOF"} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlstore.ReadDumpFile(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", content, err)
		}
	}
	if _, err := sqlstore.ReadDumpFile(path + "?"); !os.IsNotExist(err) {
		t.Errorf("missing file: %v", err)
	}
}

// The files of folder sql fill a database through the command line client as well, and
// the server takes it over.
func TestFilesThroughTheClient(t *testing.T) {
	c := mysql.Config(t)
	s := open(t, c)
	for _, name := range []string{sqlfiles.SchemaMySQL, sqlfiles.MasterData, sqlfiles.InitialData} {
		content, err := fs.ReadFile(sqlfiles.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		runClient(t, c, "mariadb", bytes.NewReader(unzipped(t, content)), "--default-character-set=utf8mb4", c.Name)
	}
	if want := (sqlstore.State{Exists: true, Foreign: true}); state(t, s) != want {
		t.Fatalf("state %+v, want %+v", state(t, s), want)
	}
	if err := s.Adopt(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	wantInitial(t, s, initialTables(t))
}

// What the dump program writes about our tables is read back.
func TestDumpProgram(t *testing.T) {
	c := mysql.Config(t)
	s := open(t, c)
	want := fullTables()
	reset(t, s, 1, want)
	output := runClient(t, c, "mariadb-dump", nil, c.Name)
	got, err := sqlstore.ParseDump(bytes.NewReader(output))
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	want.Totals = nil // of no table that a dump has
	wantTables(t, got, want)
}

func unzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return content
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// runClient runs a program of MariaDB's client package and returns its output.
func runClient(t *testing.T, c sqlstore.Config, program string, input *bytes.Reader, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("the client package is not installed: %v", err)
	}
	command := bound.Command(t, path, append([]string{"--no-defaults", "--protocol=tcp", "--host=" + c.Host, "--port=" + strconv.Itoa(c.Port),
		"--user=" + c.User, "--password=" + c.Password}, args...)...)
	if input != nil {
		command.Stdin = input
	}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, stderr.Bytes())
	}
	return output
}
