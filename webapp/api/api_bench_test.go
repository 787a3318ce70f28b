package api

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/engine"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
	"isuride/webapp/wire"
)

// newTestAPI is an API on a real engine with an empty SQLite database.
func newTestAPI(tb testing.TB) (*API, *state.Store) {
	tb.Helper()
	dir := tb.TempDir()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	db, err := sqlstore.Open(tb.Context(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(dir, "isuride.db")}, log)
	if err != nil {
		tb.Fatal(err)
	}
	e, err := engine.Start(tb.Context(), db, engine.Config{
		JournalDir: filepath.Join(dir, "journal"), Durability: journal.Crash,
		InitialData: func() (*isuride.Tables, error) { return sqlstore.MasterData() },
		Describe:    func(c *isuride.Chair) []byte { return wire.AppendChairIdentity(nil, c.ID, c.Name, c.Model) },
		Solver:      func() dispatch.Solver { return new(match.Workspace) },
		Dispatch:    dispatch.DefaultParams(),
		Now:         func() isuride.Time { return isuride.TimeOf(time.Now()) },
		Log:         log,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		e.Stop()
		db.Close()
	})
	return New(e, Options{Log: log}), e.Current().Store
}

// memoryConn is a connection without a network: it yields the same request a number of
// times and throws the answers away.
type memoryConn struct {
	net.Conn // never called
	request  []byte
	left     int
	last     []byte // the answer, or its end
	once     sync.Once
	closed   chan struct{}
}

func (c *memoryConn) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	return copy(b, c.request), nil
}

func (c *memoryConn) Write(b []byte) (int, error) {
	c.last = append(c.last[:0], b...)
	return len(b), nil
}

func (c *memoryConn) Close() error                     { c.once.Do(func() { close(c.closed) }); return nil }
func (c *memoryConn) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

// memoryListener accepts one connection and then waits for its end.
type memoryListener struct {
	conn  *memoryConn
	taken bool
}

func (l *memoryListener) Accept() (net.Conn, error) {
	if !l.taken {
		l.taken = true
		return l.conn, nil
	}
	<-l.conn.closed
	return nil, net.ErrClosed
}

func (l *memoryListener) Close() error   { return nil }
func (l *memoryListener) Addr() net.Addr { return &net.UnixAddr{} }

// exchange sends a request n times and returns the last answer.
func exchange(tb testing.TB, a *API, request string, n int) string {
	tb.Helper()
	conn := &memoryConn{request: []byte(request), left: n, closed: make(chan struct{})}
	httpd.New(a.Serve, httpd.Options{Observe: a.Observe}).Serve(&memoryListener{conn: conn})
	if !strings.HasPrefix(string(conn.last), "HTTP/1.1 200") {
		tb.Fatalf("the last answer is %q", conn.last)
	}
	return string(conn.last)
}

func mustBe[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// BenchmarkReport is a position report from its bytes to the bytes of its answer: HTTP,
// session, JSON, state and journal, without a network.
func BenchmarkReport(b *testing.B) {
	a, request := newReport(b)
	b.ReportAllocs()
	b.ResetTimer()
	exchange(b, a, request, b.N)
}

// newReport is an API and a position report for it.
func newReport(tb testing.TB) (*API, string) {
	a, s := newTestAPI(tb)
	owner := mustBe[*state.Owner](tb)(s.RegisterOwner("owner"))
	chair := mustBe[*state.Chair](tb)(s.RegisterChair(owner.ChairRegisterToken, "chair", "SitEase"))
	const body = `{"latitude":-12,"longitude":345}`
	return a, fmt.Sprintf("POST /api/chair/coordinate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nCookie: chair_session=%s\r\n\r\n%s", len(body), chair.AccessToken(), body)
}

// BenchmarkNearby lists the 30 or so of 1,000 free chairs that are in range, as a user
// asks for them, without a network.
func BenchmarkNearby(b *testing.B) {
	a, s := newTestAPI(b)
	owner := mustBe[*state.Owner](b)(s.RegisterOwner("owner"))
	user := mustBe[*state.User](b)(s.RegisterUser(state.NewUser{Username: "u", Firstname: "f", Lastname: "l", DateOfBirth: "d"}))
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 1000 {
		c := mustBe[*state.Chair](b)(s.RegisterChair(owner.ChairRegisterToken, fmt.Sprint("chair", i), "SitEase"))
		if err := s.SetActivity(c, true); err != nil {
			b.Fatal(err)
		}
		mustBe[isuride.Time](b)(s.Report(c, isuride.Coordinate{Latitude: random.Int32N(100) - 50, Longitude: random.Int32N(100) - 50}))
	}
	request := "GET /api/app/nearby-chairs?distance=12&latitude=5&longitude=5 HTTP/1.1\r\nHost: localhost\r\nCookie: app_session=" +
		user.AccessToken + "\r\n\r\n"
	found := strings.Count(exchange(b, a, request, 1), `"id"`)
	b.ReportAllocs()
	b.ResetTimer()
	exchange(b, a, request, b.N)
	b.ReportMetric(float64(found), "chairs")
}
