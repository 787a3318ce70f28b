package crash

import (
	"testing"

	"isuride/webapp/servertest"
)

// TestDurabilityLevels: each level keeps what it promises, and what one has acknowledged
// is there when the server comes back with another.
func TestDurabilityLevels(t *testing.T) {
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		completed := map[string]int64{}
		var s *servertest.Scene
		for i, life := range []struct {
			level string
			end   func()
		}{
			{"none", p.Stop},
			{"power", p.Kill},
			{"none", func() { p.Flushed(); p.Kill() }}, // which loses one interval at most
			{"crash", p.Kill},
			{"none", func() { p.Flushed(); p.Kill() }},
			{"power", p.Kill},
			{"crash", p.Stop},
		} {
			env := p.Env
			p.Env = append(env[:len(env):len(env)], "ISURIDE_DURABILITY="+life.level)
			p.Start()
			if i == 0 {
				p.Initialize()
				s = p.Scene()
			}
			s.CompletedAt("at the beginning of "+life.level, completed)
			toUser := s.User.Listen()
			id := s.Arrived()
			completed[id] = s.User.Rate(id, 4)
			if err := toUser.Await(id, "COMPLETED"); err != nil {
				t.Error(err)
			}
			life.end()
			p.Env = env
		}
		p.Start()
		s.CompletedAt("in the end", completed)
	})
}
