package servertest

import (
	"testing"
	"time"
)

// Dialects runs a test on both databases, each with a data folder of its own.
func Dialects(t *testing.T, test func(t *testing.T, p *Process)) {
	t.Parallel() // with the other tests, too: much of their time is waiting
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, New(t))
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		p := New(t)
		p.UseMySQL(mysql.Config(t))
		test(t, p)
	})
}

// Rules runs a test on both databases against a running server with a bare data set,
// configured by env.
func Rules(t *testing.T, test func(p *Process), env ...string) {
	Dialects(t, func(t *testing.T, p *Process) {
		p.Bare()
		p.Env = append(p.Env, env...)
		p.Start()
		test(p)
	})
}

// Rule checks one rule right after an initialize, which empties the server.
func (p *Process) Rule(name string, check func(p *Process)) {
	p.T.Run(name, func(t *testing.T) {
		outer := p.T // p itself is changed, so that a restart within the rule is seen after it
		p.T, p.TB = t, t
		defer func() { p.T, p.TB = outer, outer }()
		p.Initialize()
		check(p)
	})
}

// Eventually repeats a check until it holds.
func Eventually(t testing.TB, check func() error) {
	t.Helper()
	Within(t, TellLimit, check)
}

// Within is Eventually with another limit.
func Within(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	const pause = 5 * time.Millisecond
	for deadline := time.Now().Add(limit); ; time.Sleep(pause) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
