package stream

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/stream/servers"
)

// TestDebezium has Debezium's own deserialiser read what is sent in its form.
func TestDebezium(t *testing.T) {
	t.Parallel()
	java, err := servers.Java()
	if errors.Is(err, servers.ErrNoJava) {
		t.Skipf("Java is not installed: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	jars := filepath.Join("..", "..", ".run", "tools", "stream")
	if err := servers.Fetch(bounded(t), jars); err != nil {
		t.Fatal(err)
	}
	var parse parser
	m := newForm(Options{Region: "city", Envelope: DebeziumEnvelope})
	var sent bytes.Buffer
	send := func(text string, row int, partial bool) {
		f, err := parse.parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range m.records([]byte(text), &f, row, partial) {
			sent.Write(append(r.Value, '\n'))
		}
	}
	send(snapshotAt(7, "")[0], 0, true)
	send(report(8, 7), 0, false)
	send(`{"table":"owners","action":"insert","keys":["id"],"epoch":1,"seq":9,"prev":8,"ts":"2026-11-29T09:51:04.123456Z","data":[{"id":"c","name":"椅子 \"x\\"}]}`, 0, false)
	send(`{"table":"payments","action":"delete","keys":["ride_id"],"epoch":1,"seq":10,"prev":9,"ts":"2026-11-29T09:51:04.123456Z","data":[{"ride_id":"r"}]}`, 0, false)
	cmd := exec.CommandContext(bounded(t), java, "-XX:+UseSerialGC", "-cp", filepath.Join(jars, "*"), filepath.Join("testdata", "ReadDebezium.java"))
	var problems bytes.Buffer
	cmd.Stdin, cmd.Stderr = &sent, &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &problems)
	}
	want := strings.Join([]string{
		"owners 6 true {id=a}",
		"owners 6 true {id=b}",
		"positions 8 false {chair_id=c, latitude=8, longitude=0, recorded_at=1}",
		`owners 9 false {id=c, name=椅子 "x\}`,
		"payments 10 false {ride_id=r}", ""}, "\n")
	if string(out) != want {
		t.Errorf("Debezium reads\n%swant\n%s", out, want)
	}
}
