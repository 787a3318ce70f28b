package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"isuride/tools/dev/paymentmock/gateway"
)

// noAnswer is the status of a POST whose connection was closed.
const noAnswer = 0

// post sends one payment and returns the status.
func post(t *testing.T, g *gateway.Gateway, token string, amount int, key string) int {
	t.Helper()
	return send(t, g, context.Background(), "Bearer "+token, fmt.Sprintf(`{"amount":%d}`, amount), key)
}

func send(t *testing.T, g *gateway.Gateway, ctx context.Context, authorization, body, key string) (status int) {
	t.Helper()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/payments", strings.NewReader(body))
	r.Header.Set("Authorization", authorization)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			status = noAnswer
		}
	}()
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Code
}

func wantStatus(t *testing.T, got, want int) {
	t.Helper()
	if got != want {
		t.Fatalf("status %d, want %d", got, want)
	}
}

func wantCharges(t *testing.T, g *gateway.Gateway, want int) {
	t.Helper()
	if got := len(g.Charges()); got != want {
		t.Fatalf("%d payments registered, want %d: %v", got, want, g.Charges())
	}
}

func TestRegistersEveryToken(t *testing.T) {
	g := gateway.New(gateway.Options{})
	wantStatus(t, post(t, g, "tok-1", 500, "ride-1"), http.StatusNoContent)
	wantStatus(t, post(t, g, "tok-2", 900, "ride-2"), http.StatusNoContent)
	wantStatus(t, post(t, g, "tok-1", 700, ""), http.StatusNoContent)
	wantStatus(t, post(t, g, "tok-1", 700, ""), http.StatusNoContent)
	wantCharges(t, g, 4)
	if byKey := g.ByKey("ride-2"); len(byKey) != 1 || byKey[0].Token != "tok-2" || byKey[0].Amount != 900 {
		t.Errorf("ByKey: %v", byKey)
	}
	if n := len(g.ByToken("tok-1")); n != 3 {
		t.Errorf("ByToken: %d payments, want 3", n)
	}
}

func TestListShowsPaymentsOfTheToken(t *testing.T) {
	g := gateway.New(gateway.Options{})
	post(t, g, "tok", 500, "ride-1")
	post(t, g, "other", 600, "ride-2")
	post(t, g, "tok", 0, "ride-3")
	list := func(authorization string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, "/payments", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	for authorization, want := range map[string]string{
		"Bearer tok":  `[{"amount":500,"status":"成功"},{"amount":0,"status":"決済額が不正"}]`,
		"Bearer none": `[]`,
	} {
		if status, body := list(authorization); status != http.StatusOK || body != want {
			t.Errorf("%s: %d %s, want 200 %s", authorization, status, body, want)
		}
	}
	if status, _ := list("Basic tok"); status != http.StatusBadRequest {
		t.Errorf("without a token: %d, want 400", status)
	}
}

func TestKnownKeyIsNotChargedAgain(t *testing.T) {
	g := gateway.New(gateway.Options{})
	for range 3 {
		wantStatus(t, post(t, g, "tok", 500, "ride"), http.StatusNoContent)
	}
	wantStatus(t, post(t, g, "tok", 501, "ride"), http.StatusUnprocessableEntity)
	wantStatus(t, post(t, g, "another", 500, "ride"), http.StatusUnprocessableEntity)
	wantCharges(t, g, 1)
}

func TestMalformedFirstRequestSpoilsItsKey(t *testing.T) {
	for name, call := range map[string]struct{ authorization, body string }{
		"no bearer":       {"tok", `{"amount":500}`},
		"empty token":     {"Bearer ", `{"amount":500}`},
		"no JSON":         {"Bearer tok", `amount=500`},
		"fraction":        {"Bearer tok", `{"amount":1.5}`},
		"amount missing":  {"Bearer tok", `{}`},
		"body over limit": {"Bearer tok", `{"pad":"` + strings.Repeat("x", 70_000) + `","amount":500}`},
	} {
		t.Run(name, func(t *testing.T) {
			g := gateway.New(gateway.Options{})
			wantStatus(t, send(t, g, t.Context(), call.authorization, call.body, "ride"), http.StatusBadRequest)
			wantStatus(t, post(t, g, "tok", 500, "ride"), http.StatusUnprocessableEntity)
			wantCharges(t, g, 0)
		})
	}
}

func TestUnknownTokenIsRefused(t *testing.T) {
	g := gateway.New(gateway.Options{Tokens: []string{"tok"}})
	wantStatus(t, post(t, g, "tok", 500, "ride-1"), http.StatusNoContent)
	wantStatus(t, post(t, g, "else", 500, "ride-2"), http.StatusBadRequest)
	if got := g.ByKey("ride-2"); len(got) != 1 || got[0].Status != gateway.StatusBadToken {
		t.Errorf("a bad token counts as processed (B11.4), got %v", got)
	}
}

func TestInjectedFaults(t *testing.T) {
	for _, test := range []struct {
		fault      gateway.Fault
		registered int
		answers    func(status int) bool
	}{
		{gateway.FaultErrorBefore, 0, simulatedError},
		{gateway.FaultErrorAfter, 1, simulatedError},
		{gateway.FaultConflict, 0, func(s int) bool { return s == http.StatusConflict }},
		{gateway.FaultHangBefore, 0, func(s int) bool { return s == noAnswer }},
		{gateway.FaultHangAfter, 1, func(s int) bool { return s == noAnswer }},
		{gateway.FaultDropBefore, 0, func(s int) bool { return s == noAnswer }},
		{gateway.FaultDropAfter, 1, func(s int) bool { return s == noAnswer }},
		{gateway.FaultNone, 1, func(s int) bool { return s == http.StatusNoContent }},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := gateway.New(gateway.Options{})
			g.Inject(test.fault)
			patience, cancel := context.WithTimeout(t.Context(), time.Minute) // of the client, for hanging
			defer cancel()
			status := send(t, g, patience, "Bearer tok", `{"amount":500}`, "ride")
			if !test.answers(status) {
				t.Errorf("fault %v: status %d", test.fault, status)
			}
			wantCharges(t, g, test.registered)
			wantStatus(t, post(t, g, "tok", 500, "ride"), http.StatusNoContent)
			wantCharges(t, g, 1)
		})
	}
}

func simulatedError(status int) bool {
	return status == http.StatusInternalServerError || status == http.StatusBadGateway || status == http.StatusGatewayTimeout
}

func TestFixedRates(t *testing.T) {
	for _, info := range gateway.Faults() {
		if strings.HasPrefix(info.Name, "hang") {
			continue // would need a client that leaves
		}
		const posts, share, seed = 1000, 0.25, 7
		g := gateway.New(gateway.Options{Seed: seed, Rates: map[gateway.Fault]float64{info.Fault: share}})
		failed := 0
		for n := range posts {
			if post(t, g, "tok", 500, fmt.Sprint("ride-", n)) != http.StatusNoContent {
				failed++
			}
		}
		// Five standard deviations of a binomial with 1000 draws are 69.
		if failed < posts*share-69 || failed > posts*share+69 {
			t.Errorf("%s: %d of %d posts failed with a rate of %v (seed %d)", info.Name, failed, posts, share, seed)
		}
	}
}

func TestRatesMustBeShares(t *testing.T) {
	for _, rates := range []map[gateway.Fault]float64{
		{gateway.FaultErrorBefore: -0.1},
		{gateway.FaultErrorBefore: 1.1},
		{gateway.FaultErrorBefore: 0.6, gateway.FaultDropAfter: 0.6},
	} {
		if err := (gateway.Options{Rates: rates}).Validate(); err == nil {
			t.Errorf("%v passed", rates)
		}
	}
}

func TestClosed(t *testing.T) {
	g := gateway.New(gateway.Options{})
	g.SetClosed(true)
	wantStatus(t, post(t, g, "tok", 500, "ride"), http.StatusServiceUnavailable)
	g.SetClosed(false)
	wantStatus(t, post(t, g, "tok", 500, "ride"), http.StatusNoContent)
	wantCharges(t, g, 1)
}

func TestSameKeyAtOnceConflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateway.New(gateway.Options{Latency: 30 * time.Millisecond})
		var wg sync.WaitGroup
		wg.Go(func() { wantStatus(t, post(t, g, "tok", 500, "ride"), http.StatusNoContent) })
		synctest.Wait() // the first is in its latency now
		wantStatus(t, post(t, g, "tok", 500, "ride"), http.StatusConflict)
		wantStatus(t, post(t, g, "tok", 500, "other ride"), http.StatusNoContent)
		wg.Wait()
		wantStatus(t, post(t, g, "tok", 500, "ride"), http.StatusNoContent)
		wantCharges(t, g, 2)
		if got, want := g.Counts(), (gateway.Counts{Posts: 4, Conflicts: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
	})
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateway.New(gateway.Options{Latency: 30 * time.Millisecond, ListLatency: 300 * time.Millisecond})
		start := time.Now()
		post(t, g, "tok", 500, "ride")
		if took := time.Since(start); took != 30*time.Millisecond {
			t.Errorf("POST took %v", took)
		}
		r := httptest.NewRequest(http.MethodGet, "/payments", nil)
		g.ServeHTTP(httptest.NewRecorder(), r)
		if took := time.Since(start); took != 330*time.Millisecond {
			t.Errorf("POST and GET took %v", took)
		}
	})
}
