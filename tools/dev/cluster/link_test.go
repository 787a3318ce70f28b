package main

import (
	"testing"
	"time"

	"isuride/tools/dev/cable"
)

// TestPart: who is cut off reaches nobody and is reached by nobody, and joins only those that are not
// cut off themselves.
func TestPart(t *testing.T) {
	c := &cluster{}
	for _, name := range []string{"a", "b", "c"} {
		c.members = append(c.members, &member{name: name})
	}
	for _, from := range c.members {
		for _, to := range c.members {
			if from != to {
				way, err := cable.New("127.0.0.1:0", "")
				if err != nil {
					t.Fatal(err)
				}
				defer way.Close()
				c.links = append(c.links, &link{way, from, to})
			}
		}
	}
	cuts := func() (all string) {
		for _, k := range c.links {
			if k.IsCut() {
				all += k.from.name + k.to.name + " "
			}
		}
		return all
	}
	a, b := c.members[0], c.members[1]
	c.cutLocked(a, true)
	if got := cuts(); got != "ab ac ba ca " {
		t.Errorf("with a apart, %sare cut", got)
	}
	c.cutLocked(b, true)
	c.cutLocked(a, false)
	if got := cuts(); got != "ab ba bc cb " {
		t.Errorf("with b apart and a back, %sare cut", got)
	}
	if err := c.part("b", time.Second); err == nil {
		t.Error("who is cut off is cut off once more")
	}
	for name, d := range map[string]time.Duration{"a": 0, "c": 2 * longest, "x": time.Second} {
		if err := c.part(name, d); err == nil {
			t.Errorf("%s is cut off for %v", name, d)
		}
	}
}
