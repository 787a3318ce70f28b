package release_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/release"
	"isuride/tools/ops/fleet/topology"
)

const (
	group   = "s1 a@a 10.0.0.1 front,app\ns2 a@a 10.0.0.2 app\ns3 a@a 10.0.0.3 witness,db\n"
	journal = "/var/lib/isuride/journal"

	// patience is how long what never comes is waited for, and patienceAfter where something else has to come before:
	// that is there at once, but on a busy machine.
	patience      = 5 * time.Second
	patienceAfter = 10 * time.Second
)

// newGroup is a group that runs, with s1 as its leader.
func newGroup(t *testing.T) (s *site, id string) {
	t.Helper()
	s = newSite(t, group)
	id = s.mustDeploy("1 healthy")
	for _, h := range s.Servers() {
		s.Put(h.Name, "/metrics", "isuride_replica_peer_behind{peer=\"s1\"} 0\nisuride_replica_peer_behind{peer=\"s2\"} 1000\nisuride_replica_peer_behind{peer=\"s3\"} 3\n")
	}
	s.leads("s1", "s2")
	s.forget()
	return s, id
}

// leads makes a server the leader; heir follows it.
func (s *site) leads(host, heir string) {
	s.Put(host, "/leads", "")
	s.Put(host, "/heir", heir)
}

// story is what happened to servers, in its order: those that were changed over, and "promote" for
// a hand-over.
func (s *site) story(since int) (list []string) {
	for line := range strings.Lines(s.Said()[since:]) {
		words := strings.Fields(line)
		switch {
		case strings.HasSuffix(line, ": app\n"):
			list = append(list, words[0])
		case strings.Contains(line, "hand over"):
			list = append(list, "promote")
		}
	}
	return list
}

func (s *site) serverPID(host string) string { return s.Get(host, "/units/"+layout.Server+".pid") }

// TestGroupChangesOneByOne: standbys first, the leader last and only after it has handed over, and
// each waited for.
func TestGroupChangesOneByOne(t *testing.T) {
	t.Parallel()
	s, _ := newGroup(t)
	since := len(s.Said())
	id := s.mustDeploy("2 healthy")
	if got, want := s.story(since), []string{"s2", "s3", "promote", "s1"}; !slices.Equal(got, want) {
		t.Errorf("it went %v, want %v", got, want)
	}
	s.stillRuns(id)
	if calls := s.Calls("s1"); slices.Contains(calls, "a leader is stopped") || !slices.Contains(calls, "promote s2") {
		t.Errorf("on s1: %v", calls)
	}
	for _, want := range []string{"wait until s2 has caught up", "wait until s3 has caught up", "wait until s1 has caught up"} {
		if !strings.Contains(s.Said(), want) {
			t.Errorf("nobody says %q", want)
		}
	}
	leader, ok, err := release.Leader(t.Context(), s.remote, s.Topology)
	if err != nil || !ok || leader.Name != "s2" {
		t.Errorf("%s leads, %v, %v", leader.Name, ok, err)
	}
}

// TestGroupStopsAtTheFirstFault: a release whose server is not well gets no further than the first
// standby, which goes back; the others are never touched.
func TestGroupStopsAtTheFirstFault(t *testing.T) {
	t.Parallel()
	s, before := newGroup(t)
	pids := map[string]string{"s1": s.serverPID("s1"), "s3": s.serverPID("s3")}
	s.wait = patience
	since := len(s.Said())
	_, err := s.deploy("sleep", "2 sick")
	fails(t, err, "s2: cannot wait for the server", "what ran before runs again")
	if got, want := s.story(since), []string{"s2", "s2"}; !slices.Equal(got, want) {
		t.Errorf("it went %v, want %v", got, want)
	}
	for host, pid := range pids {
		if s.serverPID(host) != pid {
			t.Errorf("the server of %s was restarted", host)
		}
	}
	s.stillRuns(before)
	if !strings.Contains(s.Said(), "the server's log on s2") {
		t.Error("the log of the server that failed is not shown")
	}
}

// TestGroupWaitsForWhoIsBehind: a member that does not catch up stops the roll-out.
func TestGroupWaitsForWhoIsBehind(t *testing.T) {
	t.Parallel()
	s, before := newGroup(t)
	s.Put("s1", "/metrics", "isuride_replica_peer_behind{peer=\"s2\"} 1001\n")
	s.wait, s.lasting = patienceAfter, true
	_, err := s.deploy("sleep", "2 healthy")
	fails(t, err, "s2 has not caught up after 10 s: it lacks 1001 events of the leader")
	s.Put("s1", "/metrics", "isuride_replica_peer_behind{peer=\"s2\"} 1000\nisuride_replica_peer_behind{peer=\"s3\"} 0\n")
	s.Put("s2", "/metrics", "isuride_replica_peer_behind{peer=\"s1\"} 0\n")
	s.wait, s.lasting = time.Minute, false
	s.mustDeploy("3 healthy")
	if got := s.current("s2"); got == before {
		t.Error("s2 is where it was")
	}
}

// TestGroupGoesBackOneByOne: a rollback is a change like any other.
func TestGroupGoesBackOneByOne(t *testing.T) {
	t.Parallel()
	s, before := newGroup(t)
	s.mustDeploy("2 healthy")
	s.leads("s2", "s1")
	since := len(s.Said())
	if err := release.NewChange(s.remote, s.layout, s, s.look(), before, s.wait).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := s.story(since), []string{"s1", "s3", "promote", "s2"}; !slices.Equal(got, want) {
		t.Errorf("it went %v, want %v", got, want)
	}
	s.stillRuns(before)
}

// TestRestartOfAGroup is one by one, too.
func TestRestartOfAGroup(t *testing.T) {
	t.Parallel()
	s, _ := newGroup(t)
	if err := release.Restart(t.Context(), s.remote, s.layout, func(topology.Host, layout.Service) bool { return true }, s.wait); err != nil {
		t.Fatal(err)
	}
	if calls := s.Calls("s1"); slices.Contains(calls, "a leader is stopped") || !slices.Contains(calls, "promote s2") {
		t.Errorf("on s1: %v", calls)
	}
}

// founding deploys a group on hosts of which s1 has the data of a server alone.
func founding(t *testing.T, s *site, tag string) (id string, err error) {
	t.Helper()
	founder, err := release.CheckData(s.Topology, s.look())
	if err != nil || founder == nil || founder.Name != "s1" {
		t.Fatalf("the group is founded on %v, %v", founder, err)
	}
	s.founder = founder
	return s.deploy("sleep", tag)
}

func newFounding(t *testing.T) *site {
	t.Helper()
	s := newSite(t, group)
	s.Put("s1", journal+"/000007/events", "what was acknowledged")
	s.Put("s1", layout.EnvFile, "# comment\nISUCON_DB_PASSWORD=\"a b\"\n")
	return s
}

// TestGroupIsFounded: the data of the server alone become those of all members.
func TestGroupIsFounded(t *testing.T) {
	t.Parallel()
	s := newFounding(t)
	id, err := founding(t, s, "1 healthy")
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Said())
	}
	for _, h := range s.Servers() {
		if got := s.Get(h.Name, journal+"/group-0/events"); got != "what was acknowledged" {
			t.Errorf("%s has %q", h.Name, got)
		}
		if f := s.look()[h.Name]; f.Data != "group" || f.Founding {
			t.Errorf("%s: %+v", h.Name, f)
		}
	}
	if got, want := s.Get("s1", "/environment-of-member"), "ISURIDE_DATA=/var/lib/isuride\nISUCON_DB_PASSWORD=a b\n"; got != want {
		t.Errorf("isuride member gets %q, want %q", got, want)
	}
	if !slices.Contains(s.Calls("s1"), "runuser member "+layout.Releases+"/"+id+"/isuride") {
		t.Error("the program of another release was used")
	}
	if founder, err := release.CheckData(s.Topology, s.look()); founder != nil || err != nil {
		t.Errorf("it is founded again: %v, %v", founder, err)
	}
}

// TestFoundingIsUndone: as long as the group has not led, the server alone comes back as it was.
func TestFoundingIsUndone(t *testing.T) {
	t.Parallel()
	s := newFounding(t)
	s.wait = patience
	_, err := founding(t, s, "1 sick")
	fails(t, err, "the change is undone, what ran before runs again")
	if got := s.Get("s1", journal+"/000007/events"); got != "what was acknowledged" {
		t.Errorf("the data are %q", got)
	}
	for _, h := range s.Servers() {
		if want := map[string]string{"s1": "alone"}[h.Name]; s.look()[h.Name].Data != want {
			t.Errorf("%s: the data are of the kind %q, want %q", h.Name, s.look()[h.Name].Data, want)
		}
	}
}

// TestFoundingGoesOn: what was broken off in the middle is finished by the next deploy.
func TestFoundingGoesOn(t *testing.T) {
	t.Parallel()
	s := newFounding(t)
	s.Put("s1", layout.Webapp+"/.founding", "")
	s.Put("s1", journal+"/group-0/events", "what was acknowledged")
	s.Put("s1", journal+"/alone-000007/events", "what was acknowledged")
	if err := os.RemoveAll(s.Path("s1", journal+"/000007")); err != nil {
		t.Fatal(err)
	}
	_, err := founding(t, s, "1 healthy")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Get("s3", journal+"/group-0/events"); got != "what was acknowledged" {
		t.Errorf("s3 has %q", got)
	}
}

// TestCheckData: data that do not fit are refused by name, with what to do.
func TestCheckData(t *testing.T) {
	t.Parallel()
	member := func(kind string) release.Facts {
		return release.Facts{Data: kind, Journal: journal, Members: map[string][]string{"group": {"s1", "s2", "s3"}}[kind]}
	}
	for name, c := range map[string]struct {
		file    string
		kinds   string // of s1, s2, ...: a lone, g roup, - none
		founder string
		want    string // "" if it fits
	}{
		"new":             {group, "---", "", ""},
		"founding":        {group, "a--", "s1", ""},
		"running":         {group, "ggg", "", ""},
		"one new disk":    {group, "g-g", "", ""},
		"two new disks":   {group, "-g-", "", "s2: is one of 1 servers with the group's data, out of 3, and those without would begin from nothing: copy " + journal + "/group-0 to one of the others"},
		"two lone":        {group, "aa-", "", "s1 and s2 both have the data of a server alone"},
		"lone and group":  {group, "ga-", "", "s2: has the data of a server alone, and s1 those of a group: move " + journal + " away on s2"},
		"lone at witness": {group, "--a", "", "s3: has the data of a server alone, and without the role app it would not serve them"},
		"group to one":    {"s1 a@a 10.0.0.1 front,app,db\n", "g", "", "s1: has the data of a group of replicas, and the hosts file names one server: name the others as well"},
		"others":          {strings.ReplaceAll(group, "s3", "s4"), "gg-", "", "s1: is one of the group s1, s2, s3, and the hosts file makes it one of s1, s2, s4: the names in a group stay"},
		"lone stays":      {"s1 a@a 10.0.0.1 front,app,db\n", "a", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			top, err := topology.Read(strings.NewReader(c.file))
			if err != nil {
				t.Fatal(err)
			}
			facts := make(map[string]release.Facts)
			for i, h := range top.Hosts {
				facts[h.Name] = member(map[byte]string{'a': "alone", 'g': "group"}[c.kinds[i]])
			}
			founder, err := release.CheckData(top, facts)
			got := ""
			if founder != nil {
				got = founder.Name
			}
			if got != c.founder || (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(fmt.Sprint(err), c.want) {
				t.Errorf("founder %q, %v; want %q, %s", got, err, c.founder, c.want)
			}
		})
	}
}
