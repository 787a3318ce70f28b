package crash

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/webapp/servertest"
)

// TestIncident is docs/durability.md, "In an incident", as an operator does it: look at the
// journal beside the running server, see why a ride got its chair, restore an older copy
// of the database to a position, and serve that.
func TestIncident(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	p.Initialize()
	s := p.Scene()
	first := s.Ride()
	p.Stop()
	backup := filepath.Join(t.TempDir(), "backup.db")
	copyFile(t, filepath.Join(p.Data, "isuride.db"), backup)
	p.Start()
	for i, name := range []string{"far", "farther", "farthest"} {
		p.Chair(s.Register, name, "SitEase", servertest.At(30+10*i, 0))
	}
	second := s.Arrived()

	// Beside the running server.
	assigned := assignmentOf(t, p, second)
	if why := assigned.Why; assigned.Ride.Chair == "" || why.Class != "ordinary" || len(why.Lost) != 2 ||
		why.Lost[0].Cost > why.Lost[1].Cost || why.Chosen.Cost > why.Lost[0].Cost || why.Chosen.Pickup >= why.Lost[0].Pickup {
		t.Errorf("%+v", assigned)
	}
	if text := tool(t, p, 0, "inspect", "-chair", assigned.Why.Lost[1].Chair); !strings.Contains(text, second) || strings.Contains(text, first) {
		t.Errorf("a chair that lost the ride:\n%s", text)
	}
	if text := tool(t, p, 1, "restore", "-to", "1", "-db", p.Data, "-into", filepath.Join(t.TempDir(), "new")); !strings.Contains(text, "in use by another server") {
		t.Error(text)
	}
	p.Kill()

	// To the end, and to the moment before the second ride was assigned.
	all, before := filepath.Join(t.TempDir(), "all"), filepath.Join(t.TempDir(), "before")
	last := lastEvent(t, p)
	tool(t, p, 0, "restore", "-to", last.String(), "-db", backup, "-into", all)
	tool(t, p, 0, "restore", "-to", strconv.FormatUint(assigned.Seq-1, 10), "-db", backup, "-into", before)
	p.Start()
	questions := servertest.Answers{
		s.Owner.Question("GET", "/api/owner/sales", nil):  "",
		s.Owner.Question("GET", "/api/owner/chairs", nil): "",
		s.User.Question("GET", "/api/app/rides", nil):     "",
	}
	want := p.Ask(questions)
	serve := func(folder string) *servertest.Process {
		q := servertest.New(t, "ISURIDE_DATA="+folder)
		q.Start()
		return q
	}
	q := serve(all)
	want.Same(t, "the restored server", q.Ask(questions))
	q.Stop()
	old := serve(before)
	rider := &servertest.Client{T: t, Process: old, Cookie: s.User.Cookie}
	if n := len(rides(rider)); n != 1 {
		t.Errorf("%d rides are completed", n)
	}
}

// TestInspectOfReleases shows the journals that earlier releases left; the assignments of the first
// ones have no reasons yet.
func TestInspectOfReleases(t *testing.T) {
	t.Parallel()
	for _, folder := range releases(t) {
		p := servertest.New(t)
		unpack(t, filepath.Join(folder, "data.tar.gz"), p.Data)
		w := readExpected(t, filepath.Join(folder, "expected.json"))
		log := filepath.Join(p.Data, "journal")
		if w.Group {
			log = filepath.Join(log, "group-0")
		}
		text := tool(t, p, 0, "inspect", "-ride", w.Charging, log)
		for _, want := range []string{"RideRequested", "RideAssigned", "ChargeStarted", "why: "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s:\n%s", folder, want, text)
			}
		}
	}
}

// assignment is a line of inspect -json.
type assignment struct {
	Seq  uint64
	Kind string
	Ride struct {
		Chair string `json:"chair_id"`
	}
	Why struct {
		Class  string
		Chosen terms
		Lost   []terms
	}
}

type terms struct {
	Chair               string `json:"chair_id"`
	Cost, Pickup, Carry int
}

func assignmentOf(t *testing.T, p *servertest.Process, ride string) (found assignment) {
	t.Helper()
	for line := range strings.Lines(tool(t, p, 0, "inspect", "-json", "-ride", ride)) {
		var a assignment
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if a.Kind == "RideAssigned" {
			found = a
		}
	}
	return found
}

func lastEvent(t *testing.T, p *servertest.Process) (last json.Number) {
	t.Helper()
	for line := range strings.Lines(tool(t, p, 0, "inspect", "-json")) {
		var event struct {
			Kind string
			Seq  json.Number
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if event.Kind != "" {
			last = event.Seq
		}
	}
	return last
}

// tool runs one of the program's commands in the server's environment, and returns what it
// says.
func tool(t *testing.T, p *servertest.Process, status int, args ...string) string {
	t.Helper()
	cmd := bound.Command(t, os.Args[0], args...)
	cmd.Env = p.Env
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("%v ends with status %d, want %d:\n%s", args, got, status, out)
	}
	return string(out)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
