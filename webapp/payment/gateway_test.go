package payment

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"isuride/tools/dev/freeport"
	"isuride/tools/dev/paymentmock/gateway"
)

// serve starts a real server for the handler and returns a Gateway for it.
func serve(t *testing.T, h http.Handler, opts Options) *Gateway {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	g := New(server.URL, opts)
	t.Cleanup(g.Close)
	return g
}

func wantRefused(t *testing.T, err error, status int) {
	t.Helper()
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Status != status {
		t.Fatalf("got %v, want a RefusedError with status %d", err, status)
	}
}

func wantUnavailable(t *testing.T, err error, attempts int) {
	t.Helper()
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) || unavailable.Attempts != attempts {
		t.Fatalf("got %v, want an UnavailableError after %d attempts", err, attempts)
	}
}

// wantOneCharge checks that exactly the payment of charge(g) is registered.
func wantOneCharge(t *testing.T, mock *gateway.Gateway) {
	t.Helper()
	charges := mock.Charges()
	if len(charges) != 1 || charges[0].Token != "tok" || charges[0].Amount != 1500 || charges[0].Key != "ride" {
		t.Fatalf("registered %+v, want one payment of 1500 by tok for ride", charges)
	}
}

func wantTook(t *testing.T, start time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(start); took != want {
		t.Errorf("took %v, want %v", took, want)
	}
}

func chargeRide(g *Gateway) error { return g.Charge(context.Background(), "tok", 1500, "ride") }

func TestRequest(t *testing.T) {
	g := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := fmt.Sprint(r.Method, r.URL.Path, r.Header["Authorization"], r.Header["Content-Type"], r.Header["Idempotency-Key"], string(body))
		want := `POST/base/payments[Bearer tok] [application/json] [ride]{"amount":1500}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		w.WriteHeader(http.StatusNoContent)
	}), Options{})
	for _, slash := range []string{"", "/"} {
		sibling := New("http://"+g.url.Host+"/base"+slash, Options{})
		defer sibling.Close()
		if err := chargeRide(sibling); err != nil {
			t.Error(err)
		}
	}
}

// Every status, followed by 204: is it repeated, and after which pause?
func TestStatuses(t *testing.T) {
	for status, want := range map[int]struct {
		repeated bool
		pause    time.Duration
	}{
		200: {}, 202: {}, 302: {}, 307: {}, 400: {}, 401: {}, 404: {}, 422: {}, 429: {}, 503: {},
		409: {repeated: true, pause: pause},
		500: {repeated: true}, 501: {repeated: true}, 502: {repeated: true}, 504: {repeated: true},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var posts atomic.Int32
			inBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if posts.Add(1) > 1 {
					status = http.StatusNoContent
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
			}), func(t *testing.T, g *Gateway) {
				start := time.Now()
				first := status
				err := chargeRide(g)
				wantTook(t, start, want.pause)
				if want.repeated {
					if err != nil || posts.Load() != 2 {
						t.Errorf("%v after %d posts, want success at the second", err, posts.Load())
					}
					return
				}
				wantRefused(t, err, first)
				if posts.Load() != 1 {
					t.Errorf("a refusal was repeated: %d posts", posts.Load())
				}
			})
		})
	}
}

// The contest's gateway needs six attempts at worst; the client has some in reserve.
func TestFaultsEndInOneCharge(t *testing.T) {
	repeat := func(f gateway.Fault, times int) []gateway.Fault {
		faults := make([]gateway.Fault, times)
		for i := range faults {
			faults[i] = f
		}
		return faults
	}
	for name, faults := range map[string][]gateway.Fault{
		"none":               nil,
		"five errors before": repeat(gateway.FaultErrorBefore, 5),
		"five errors after":  repeat(gateway.FaultErrorAfter, 5),
		"nine errors":        append(repeat(gateway.FaultErrorBefore, 4), repeat(gateway.FaultErrorAfter, 5)...),
		"conflicts":          repeat(gateway.FaultConflict, 9),
		"dropped before":     repeat(gateway.FaultDropBefore, 5),
		"dropped after":      repeat(gateway.FaultDropAfter, 5),
		"hanging before":     repeat(gateway.FaultHangBefore, 2),
		"hanging after":      repeat(gateway.FaultHangAfter, 2),
	} {
		t.Run(name, func(t *testing.T) {
			mock := gateway.New(gateway.Options{Latency: 30 * time.Millisecond})
			mock.Inject(faults...)
			inBubble(t, mock, func(t *testing.T, g *Gateway) {
				if err := chargeRide(g); err != nil {
					t.Error(err)
				}
				wantOneCharge(t, mock)
				if n := mock.Counts().Conflicts; n != 0 {
					t.Errorf("the key was in use %d times when a request with it arrived", n)
				}
			})
		})
	}
}

func TestGivesUpAfterAttempts(t *testing.T) {
	mock := gateway.New(gateway.Options{Rates: map[gateway.Fault]float64{gateway.FaultErrorAfter: 1}})
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		start := time.Now()
		wantUnavailable(t, chargeRide(g), maxFailures)
		wantTook(t, start, 0)
		wantOneCharge(t, mock)
	})
}

func TestGivesUpWithinBudget(t *testing.T) {
	mock := gateway.New(gateway.Options{Rates: map[gateway.Fault]float64{gateway.FaultHangBefore: 1}})
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		start := time.Now()
		err := chargeRide(g)
		wantUnavailable(t, err, 4) // 2 s each with a pause between, the last one cut short
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v does not say that time ran out", err)
		}
		wantTook(t, start, defaultBudget)
	})
}

func TestSlowGateway(t *testing.T) {
	const latency = 1900 * time.Millisecond
	mock := gateway.New(gateway.Options{Latency: latency})
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		start := time.Now()
		if err := chargeRide(g); err != nil {
			t.Error(err)
		}
		wantTook(t, start, latency)
		wantOneCharge(t, mock)
	})
}

// An attempt given up may go on at the gateway; its outcome is waited for.
func TestAttemptGoesOnAtGateway(t *testing.T) {
	var inProcess atomic.Bool
	var posts atomic.Int32
	inBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if posts.Add(1) == 1 {
			inProcess.Store(true)
			time.Sleep(4975 * time.Millisecond)
			inProcess.Store(false)
		}
		if inProcess.Load() {
			w.WriteHeader(http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}), func(t *testing.T, g *Gateway) {
		start := time.Now()
		if err := chargeRide(g); err != nil {
			t.Error(err)
		}
		wantTook(t, start, 5*time.Second) // the first multiple of the pause after the outcome
	})
}

func TestFailureByLoad(t *testing.T) {
	const rides, seed = 500, 11
	mock := gateway.New(gateway.Options{FailByLoad: true, Seed: seed})
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		for n := range rides {
			if err := g.Charge(t.Context(), fmt.Sprint("tok-", n%100), 500+n, fmt.Sprint("ride-", n)); err != nil {
				t.Fatalf("ride %d: %v (seed %d)", n, err, seed)
			}
		}
		if charges := mock.Charges(); len(charges) != rides {
			t.Errorf("%d payments for %d rides (seed %d)", len(charges), rides, seed)
		}
		if posts := mock.Counts().Posts; posts < 2*rides {
			t.Errorf("only %d posts for %d rides: the gateway did not fail (seed %d)", posts, rides, seed)
		}
	})
}

func TestClosedGateway(t *testing.T) {
	mock := gateway.New(gateway.Options{})
	mock.SetClosed(true)
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		wantRefused(t, chargeRide(g), http.StatusServiceUnavailable)
		mock.SetClosed(false)
		if err := chargeRide(g); err != nil {
			t.Error(err)
		}
		wantOneCharge(t, mock)
	})
}

// A charge given up as unknown and made again later, as after a restart, is one payment.
func TestChargeAgainAfterUnknownOutcome(t *testing.T) {
	mock := gateway.New(gateway.Options{})
	for range maxFailures {
		mock.Inject(gateway.FaultErrorAfter)
	}
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		wantUnavailable(t, chargeRide(g), maxFailures)
		if err := chargeRide(g); err != nil {
			t.Error(err)
		}
		wantOneCharge(t, mock)
	})
}

func TestKeyOfAnotherPayment(t *testing.T) {
	mock := gateway.New(gateway.Options{})
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		if err := chargeRide(g); err != nil {
			t.Error(err)
		}
		wantRefused(t, g.Charge(t.Context(), "tok", 1501, "ride"), http.StatusUnprocessableEntity)
		wantRefused(t, g.Charge(t.Context(), "another", 1500, "ride"), http.StatusUnprocessableEntity)
		wantOneCharge(t, mock)
	})
}

func TestChargesWithOneKeyTakeTurns(t *testing.T) {
	mock := gateway.New(gateway.Options{Latency: 30 * time.Millisecond})
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		start := time.Now()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := chargeRide(g); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		wantTook(t, start, 20*30*time.Millisecond)
		wantOneCharge(t, mock)
		if n := mock.Counts().Conflicts; n != 0 {
			t.Errorf("two requests with one key at once, %d times", n)
		}
		if len(g.turns.busy) != 0 {
			t.Errorf("keys are left: %v", g.turns.busy)
		}
	})
}

// Charges of different rides run in parallel, and all their connections are kept.
func TestChargesWithDifferentKeysRunTogether(t *testing.T) {
	const together = 100
	mock := gateway.New(gateway.Options{Latency: 30 * time.Millisecond})
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		var dials atomic.Int32
		dial := g.links.dial
		g.links.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			return dial(ctx, network, addr)
		}
		start := time.Now()
		for round := range 3 {
			var wg sync.WaitGroup
			for n := range together {
				wg.Go(func() {
					if err := g.Charge(t.Context(), "tok", 500, fmt.Sprint("ride-", round, "-", n)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			synctest.Wait()
		}
		wantTook(t, start, 3*30*time.Millisecond)
		if dials.Load() != together {
			t.Errorf("%d connections for %d charges at a time", dials.Load(), together)
		}
	})
}

// Waiting for one's turn counts against the time of a charge.
func TestWaitingForTurnIsBounded(t *testing.T) {
	mock := gateway.New(gateway.Options{Rates: map[gateway.Fault]float64{gateway.FaultHangBefore: 1}})
	inBubble(t, mock, func(t *testing.T, g *Gateway) {
		start := time.Now()
		first := make(chan error, 1)
		go func() { first <- chargeRide(g) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := g.Charge(ctx, "tok", 1500, "ride")
		wantUnavailable(t, err, 0)
		wantTook(t, start, time.Second)
		wantUnavailable(t, <-first, 4)
	})
}

func TestCancelEndsCharge(t *testing.T) {
	for name, fault := range map[string]gateway.Fault{
		"during an attempt": gateway.FaultHangBefore,
		"during a pause":    gateway.FaultConflict,
	} {
		t.Run(name, func(t *testing.T) {
			mock := gateway.New(gateway.Options{})
			mock.Inject(fault)
			inBubble(t, mock, func(t *testing.T, g *Gateway) {
				ctx, cancel := context.WithCancel(t.Context())
				start := time.Now()
				time.AfterFunc(pause/2, cancel)
				wantUnavailable(t, g.Charge(ctx, "tok", 1500, "ride"), 1)
				wantTook(t, start, pause/2)
			})
		})
	}
}

func TestUnsendableIsNotSent(t *testing.T) {
	g := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a request arrived: %v", r.Header)
	}), Options{})
	for _, c := range []struct{ token, key string }{
		{"", "ride"}, {"tok", ""}, {"to\nk", "ride"}, {"tok ", "ride"}, {"tok", "ri\x00de"}, {"tok\x7f", "ride"},
	} {
		wantRefused(t, g.Charge(t.Context(), c.token, 1500, c.key), 0)
	}
	for _, url := range []string{"", "gateway", "ftp://gateway", "http://", "http://bad host", "http://host:port", "http://[::1"} {
		wantRefused(t, chargeRide(New(url, Options{})), 0)
	}
}

func TestUnusualTokenArrives(t *testing.T) {
	mock := gateway.New(gateway.Options{})
	g := serve(t, mock, Options{})
	const token = `t "o" k — 決済`
	if err := g.Charge(t.Context(), token, 500, "ride"); err != nil {
		t.Fatal(err)
	}
	if len(mock.ByToken(token)) != 1 {
		t.Errorf("registered %+v", mock.Charges())
	}
}

func TestRefusedConnection(t *testing.T) {
	g := New("http://"+freeport.Address(t), Options{})
	wantUnavailable(t, chargeRide(g), maxFailures)
}

// Whatever comes back that is no HTTP, the charge ends, and without success.
func TestGarbage(t *testing.T) {
	for name, answer := range map[string]string{
		"empty":         "",
		"text":          "hello\r\n\r\n",
		"bad status":    "HTTP/1.1 abc OK\r\n\r\n",
		"half a header": "HTTP/1.1 204 No Content\r\nX-Long: ",
		"only interim":  "HTTP/1.1 100 Continue\r\n\r\n",
		"huge header":   "HTTP/1.1 204 No Content\r\nX-Long: " + strings.Repeat("x", 2*maxAnswer) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			answerAll := func(l net.Listener) { answerAll(l, answer) }
			overPipes(t, answerAll, func(t *testing.T, g *Gateway) {
				wantUnavailable(t, chargeRide(g), maxFailures)
			})
		})
	}
}

// answerAll reads a request from each connection and answers it with these bytes.
func answerAll(l net.Listener, answer string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				io.Copy(io.Discard, r.Body)
				io.WriteString(c, answer)
			}
		}()
	}
}

// Attempts reuse their connection, also after answers with a body.
func TestConnectionIsReused(t *testing.T) {
	var opened, posts atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if posts.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, strings.Repeat("sorry ", 5000))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	g := New(server.URL, Options{})
	for range 50 {
		if err := chargeRide(g); err != nil {
			t.Fatal(err)
		}
	}
	if opened.Load() != 1 || posts.Load() != 100 {
		t.Errorf("%d connections for %d posts, want 1 for 100", opened.Load(), posts.Load())
	}
}

// A gateway that restarts closes all kept connections; that costs no charge.
func TestGatewayRestart(t *testing.T) {
	mock := gateway.New(gateway.Options{})
	server := httptest.NewServer(mock)
	defer server.Close()
	g := New(server.URL, Options{})
	for n := range 20 {
		server.CloseClientConnections()
		if err := g.Charge(t.Context(), "tok", 500, fmt.Sprint("ride-", n)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(mock.Charges()); n != 20 {
		t.Errorf("%d payments, want 20", n)
	}
}

// Interim answers are not the answer (RFC 9110 15.2).
func TestInterimAnswer(t *testing.T) {
	serve := func(l net.Listener) {
		answerAll(l, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
	}
	overPipes(t, serve, func(t *testing.T, g *Gateway) {
		if err := chargeRide(g); err != nil {
			t.Error(err)
		}
	})
}

// A gateway with TLS is charged as well, and one whose certificate is not trusted never.
func TestTLS(t *testing.T) {
	mock := gateway.New(gateway.Options{})
	server := httptest.NewTLSServer(mock)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	g := New(server.URL, Options{Budget: time.Second})
	defer g.Close()
	if err := chargeRide(g); err == nil {
		t.Fatal("charged at a gateway that nobody trusts")
	}
	g.links.tls.RootCAs = x509.NewCertPool()
	g.links.tls.RootCAs.AddCert(server.Certificate())
	if err := chargeRide(g); err != nil {
		t.Fatal(err)
	}
	wantOneCharge(t, mock)
}
