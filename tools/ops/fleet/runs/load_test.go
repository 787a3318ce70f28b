package runs

import (
	"strings"
	"testing"

	"isuride/tools/dev/bound"
)

func stat(pid, name, user, system, since string) string {
	return pid + " (" + name + ") S 1 1 1 0 -1 4194560 1 0 0 0 " + user + " " + system + " 0 0 20 0 9 0 " + since + " 1 1\n"
}

func parse(t *testing.T, text string) Counters {
	t.Helper()
	c, err := ParseLoad(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSince(t *testing.T) {
	before := parse(t, "cpu  100 0 100 700 100 0 0 0 0 0\n2\n"+
		stat("10", "isuride", "100", "20", "5")+stat("11", "nginx", "10", "10", "6")+stat("12", "old", "50", "0", "7"))
	after := parse(t, "cpu  150 0 120 710 100 0 0 20 0 0\n2\n"+
		stat("10", "isuride", "130", "30", "5")+stat("11", "nginx", "15", "10", "6")+
		stat("12", "a (new) one", "5", "0", "90")+stat("13", "nginx", "10", "0", "91"))
	got := after.Since(before).String()
	// 100 ticks have gone by, 10 of them idle.
	const want = "90 % of 2 cores busy, 20 % stolen by other machines: isuride 40 %, nginx 15 %, a (new) one 5 %"
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestReboot(t *testing.T) {
	before := parse(t, "cpu  1000 0 1000 7000 0 0 0 0 0 0\n4\n"+stat("10", "isuride", "100", "20", "5"))
	after := parse(t, "cpu  10 0 10 70 0 0 0 0 0 0\n4\n"+stat("10", "isuride", "1", "2", "5"))
	if got := after.Since(before); got.Busy != 0 || len(got.Processes) != 0 {
		t.Errorf("across a boot there is %+v", got)
	}
}

func TestBroken(t *testing.T) {
	for _, text := range []string{"", "cpu", "cpu  1 2 3\n2\n", "cpu  1 2 3 4 5 6 7 8\n", "cpu  1 2 3 4 5 6 7 8\nmany\n", "cpu  1 2 3 4 5 6 7 x\n2\n"} {
		if c, err := ParseLoad(text); err == nil {
			t.Errorf("%q was read as %+v", text, c)
		}
	}
	c := parse(t, "cpu  1 2 3 4 5 6 7 8\n2\n7\n7 (short) S 1\nx (y) z\n")
	if len(c.processes) != 0 {
		t.Errorf("lines of no process were read as %v", c.processes)
	}
}

// TestScript reads this machine.
func TestScript(t *testing.T) {
	out, err := bound.Command(t, "bash", "-c", LoadScript).Output()
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, string(out))
	found := false
	for p := range c.processes {
		found = found || strings.HasPrefix(p.name, "runs.test")
	}
	if !found {
		t.Errorf("among %d processes there is no runs.test", len(c.processes))
	}
	if got := c.Since(Counters{processes: map[process]uint64{}}); got.Busy <= 0 || got.Busy > 1 || got.Cores < 1 {
		t.Errorf("since the boot there is %+v", got)
	}
}

func FuzzParseLoad(f *testing.F) {
	f.Add("cpu  1 2 3 4 5 6 7 8 9 10\n2\n" + stat("1", "a) (b", "1", "2", "3"))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseLoad(text)
		if err == nil {
			_ = c.Since(Counters{}).String()
		}
	})
}
