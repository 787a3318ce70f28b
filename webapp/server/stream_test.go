package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/webapp/stream"
)

// TestStreamArguments reads flags before variables, and names what is wrong.
func TestStreamArguments(t *testing.T) {
	token := filepath.Join(t.TempDir(), operatorFile)
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"ISURIDE_KAFKA": "a:1,b:2", "ISURIDE_REGION": "east", "ISURIDE_DATA": filepath.Dir(token)}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	o, inside, err := parseStream([]string{"-envelope", "debezium", "-internal", "127.0.0.1:9", "-server", "http://x/"}, lookup)
	if err != nil {
		t.Fatal(err)
	}
	served := o.Source.(stream.Served).Client
	if !slices.Equal(o.Brokers, []string{"a:1", "b:2"}) || o.Region != "east" || o.Envelope != stream.DebeziumEnvelope || inside != "127.0.0.1:9" ||
		served.URL != "http://x" || served.Token != "secret" {
		t.Errorf("%+v %s %+v", o, inside, served)
	}
	for _, c := range []struct{ args, want string }{
		{"-kafka x", "host:port"},
		{"-region a/b", "no name of a region"},
		{"-envelope avro", "frame, debezium"},
		{"-token /none", "-token says where"},
		{"more", "unexpected argument"},
		{"-brokers x", "unknown"},
	} {
		if _, _, err := parseStream(strings.Fields(c.args), lookup); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want it to say %q", c.args, err, c.want)
		}
	}
}

// TestSinkArguments is the same for the sink.
func TestSinkArguments(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	o, _, err := parseSink([]string{"-questdb", "10.0.0.1:9000"}, none)
	if err != nil || o.QuestDB != "http://10.0.0.1:9000" || !slices.Equal(o.Brokers, []string{defaultBroker}) {
		t.Errorf("%+v, %v", o, err)
	}
	if _, _, err := parseSink([]string{"-kafka", "x"}, none); err == nil || !strings.Contains(err.Error(), "host:port") {
		t.Errorf("a broker without a port: %v", err)
	}
}
