package payment

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/client/evloop"
	"isuride/bench/world"
)

// knowing is a Verifier that knows some tokens and counts payments, on the loop's
// goroutine.
type knowing struct {
	tokens   map[string]bool
	paid     int
	payments chan struct{} // one message for each, as long as there is room
}

func (k *knowing) VerifyPayment(_ world.Instant, token string, amount int) bool {
	k.paid++
	select {
	case k.payments <- struct{}{}:
	default:
	}
	return k.tokens[token]
}

// startService serves on its own loop. Later access to the verifier must go through post.
func startService(t *testing.T) (url string, v *knowing, post func(func())) {
	t.Helper()
	loop, err := evloop.New()
	if err != nil {
		t.Fatal(err)
	}
	v = &knowing{tokens: map[string]bool{"good": true}, payments: make(chan struct{}, 100)}
	s, err := NewService(New(1, v), loop, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := s.address(t)
	done := make(chan error)
	go func() { done <- loop.Run() }()
	t.Cleanup(func() {
		loop.Post(evloop.Func(s.Close))
		loop.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		loop.Close()
	})
	return "http://" + address, v, func(f func()) {
		ran := make(chan struct{})
		loop.Post(evloop.Func(func() { f(); close(ran) }))
		<-ran
	}
}

type exchange struct {
	method, path, token, key, body string
}

func (x exchange) do(t *testing.T, c *http.Client, base string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(x.method, base+x.path, strings.NewReader(x.body))
	if err != nil {
		t.Fatal(err)
	}
	if x.token != "" {
		r.Header.Set("Authorization", x.token)
	}
	if x.key != "" {
		r.Header.Set("Idempotency-Key", x.key)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// pay repeats a payment until the service has an answer, as a server has to.
func pay(t *testing.T, c *http.Client, base string, x exchange) (int, string) {
	t.Helper()
	for range 6 {
		status, body := x.do(t, c, base)
		if status < 500 {
			return status, body
		}
	}
	t.Fatal("no answer in six tries")
	return 0, ""
}

func TestService(t *testing.T) {
	base, v, post := startService(t)
	c := &http.Client{}
	defer c.CloseIdleConnections()

	if status, body := pay(t, c, base, exchange{"POST", "/payments", "Bearer good", "ride", `{"amount":500}`}); status != 204 || body != "" {
		t.Errorf("payment: %d %q", status, body)
	}
	if status, _ := pay(t, c, base, exchange{"POST", "/payments", "Bearer good", "ride", `{"amount":500}`}); status != 204 {
		t.Errorf("repeated: %d", status)
	}
	post(func() {
		if v.paid != 1 {
			t.Errorf("%d payments, want 1", v.paid)
		}
	})
	for name, x := range map[string]struct {
		exchange
		status int
	}{
		"another amount": {exchange{"POST", "/payments", "Bearer good", "ride", `{"amount":501}`}, 422},
		"no token":       {exchange{"POST", "/payments", "", "k1", `{"amount":500}`}, 400},
		"no bearer":      {exchange{"POST", "/payments", "good", "k2", `{"amount":500}`}, 400},
		"no JSON":        {exchange{"POST", "/payments", "Bearer good", "k3", `amount`}, 400},
		"fraction":       {exchange{"POST", "/payments", "Bearer good", "k4", `{"amount":1.5}`}, 400},
		"unknown path":   {exchange{"POST", "/payment", "Bearer good", "k5", `{"amount":500}`}, 404},
		"another method": {exchange{"PUT", "/payments", "Bearer good", "k6", `{"amount":500}`}, 405},
		"list, no token": {exchange{"GET", "/payments", "", "", ``}, 400},
	} {
		if status, body := x.do(t, c, base); status != x.status || !strings.Contains(body, `"message"`) {
			t.Errorf("%s: %d %q, want %d with a message", name, status, body, x.status)
		}
	}
	if status, _ := (exchange{"POST", "/payments", "Bearer good", "k1", `{"amount":500}`}).do(t, c, base); status != 422 {
		t.Errorf("a key first used without a token: %d, want 422", status)
	}
	if status, body := pay(t, c, base, exchange{"POST", "/payments", "Bearer stranger", "", `{"amount":7}`}); status != 400 || !strings.Contains(body, "message") {
		t.Errorf("unknown token: %d %q", status, body)
	}
	if status, body := (exchange{"GET", "/payments", "Bearer good", "", ""}).do(t, c, base); status != 200 || body != `[{"amount":500,"status":"成功"}]` {
		t.Errorf("list: %d %s", status, body)
	}
	if status, body := (exchange{"GET", "/payments", "Bearer nobody", "", ""}).do(t, c, base); status != 200 || body != `[]` {
		t.Errorf("empty list: %d %s", status, body)
	}
}

// TestServiceDelay checks that payments are delayed, all at the same time.
func TestServiceDelay(t *testing.T) {
	base, _, _ := startService(t)
	c := &http.Client{}
	defer c.CloseIdleConnections()
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			(exchange{"POST", "/payments", "Bearer good", fmt.Sprint("k", i), `{"amount":500}`}).do(t, c, base)
		})
	}
	wg.Wait()
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("20 payments took %v, each should take 30 ms", took)
	}
}

// TestServiceBytes talks to the service over bare connections.
func TestServiceBytes(t *testing.T) {
	base, _, _ := startService(t)
	const list = "GET /payments HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, c := range []struct {
		name   string
		pieces []string
		status []int
	}{
		{"in pieces", []string{"POST /paym", "ents HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r", "\n{", "}"}, []int{400}},
		{"one after the other", []string{list + list, list}, []int{400, 400, 400}},
		{"chunked", []string{"POST /payments HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "0\r\n\r\n" + list}, []int{400, 400}},
		{"garbage", []string{"what?\r\n\r\n"}, []int{400}},
		{"HTTP/1.0", []string{"GET /payments HTTP/1.0\r\n\r\n"}, []int{400}},
		{"endless header", []string{"GET /payments HTTP/1.1\r\n", strings.Repeat("A: b\r\n", 20000)}, []int{400}},
		{"endless body", []string{"POST /payments HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n", strings.Repeat("x", 100000)}, []int{400}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(time.Minute))
			go func() {
				for _, p := range c.pieces {
					io.WriteString(conn, p)
				}
			}()
			in := bufio.NewReader(conn)
			for _, want := range c.status {
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				if resp.StatusCode != want {
					t.Errorf("status %d, want %d", resp.StatusCode, want)
				}
			}
		})
	}
}

// TestServiceContinue checks that a client which asks before it sends a body is answered.
func TestServiceContinue(t *testing.T) {
	base, _, _ := startService(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	io.WriteString(conn, "POST /payments HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	for _, want := range []int{100, 400} {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Errorf("status %d, want %d", resp.StatusCode, want)
		}
		io.WriteString(conn, "{}")
	}
}

// TestServiceClientGone checks that a payment which has begun is completed even if the
// client does not wait for the answer.
func TestServiceClientGone(t *testing.T) {
	base, v, _ := startService(t)
	for i := range 8 { // the gates stay closed for one in a hundred
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		body := `{"amount":500}`
		fmt.Fprintf(conn, "POST /payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nIdempotency-Key: %d\r\nContent-Length: %d\r\n\r\n%s", i, len(body), body)
		conn.Close()
	}
	for range 4 {
		select {
		case <-v.payments:
		case <-time.After(time.Minute):
			t.Fatal("less than 4 of 8 payments were carried out")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("POST /payments HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("GET /payments HTTP/1.1\r\nHost: x\r\n\r\nGET"))
	f.Add([]byte("POST /payments HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		r, _, n, err := parse(input)
		if err == nil && (r == nil || n <= 0 || n > len(input)) {
			t.Fatalf("request %v of %d bytes out of %d", r, n, len(input))
		}
		if err != nil && n != 0 {
			t.Fatalf("%d bytes used and error %v", n, err)
		}
	})
}

// address returns the address on which the service listens.
func (s *Service) address(t *testing.T) string {
	t.Helper()
	a, err := unix.Getsockname(s.listener.Num())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", a.(*unix.SockaddrInet4).Port)
}
