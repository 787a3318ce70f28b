package servertest

import (
	"os"
	"testing"
	"time"
)

// Dialects runs a test on both databases, each with a data folder of its own. MySQL's server
// is talked to over HTTP/2, the other one over HTTP/1.1: neither depends on the other, so
// that this costs no time, and a test that fails on one only says where to look.
// ISURIDE_TEST_HTTP=1 or 2 has both speak the same.
func Dialects(t *testing.T, test func(t *testing.T, p *Process)) {
	t.Parallel() // with the other tests, too: much of their time is waiting
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		p := New(t)
		p.speak("1")
		test(t, p)
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		p := New(t)
		p.UseMySQL(mysql.Config(t))
		p.speak("2")
		test(t, p)
	})
}

// Protocols runs a test over HTTP/1.1 and over HTTP/2, each against a server of its own that
// is not started yet. It is for tests that need no database.
func Protocols(t *testing.T, test func(t *testing.T, p *Process), env ...string) {
	t.Run("http1", func(t *testing.T) { test(t, New(t, env...)) })
	t.Run("http2", func(t *testing.T) {
		p := New(t, env...)
		p.UseHTTP2()
		test(t, p)
	})
}

// speak chooses the protocol, unless the environment does.
func (p *Process) speak(version string) {
	if v := os.Getenv("ISURIDE_TEST_HTTP"); v != "" {
		version = v
	}
	if version == "2" {
		p.UseHTTP2()
	}
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

// Within is Eventually with another limit. The longer it has waited, the more rarely it looks: a check may cost
// the server more than what is waited for.
func Within(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	for began := time.Now(); ; {
		err := check()
		if err == nil {
			return
		}
		waited := time.Since(began)
		if waited > limit {
			t.Fatal(err)
		}
		time.Sleep(min(max(waited/10, 5*time.Millisecond), 200*time.Millisecond))
	}
}
