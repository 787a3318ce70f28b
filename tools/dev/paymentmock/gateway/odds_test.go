package gateway_test

import (
	"fmt"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"isuride/tools/dev/paymentmock/gateway"
)

// tries sends one payment until it succeeds and returns how many attempts it took.
func tries(t *testing.T, g *gateway.Gateway, token, key string) int {
	t.Helper()
	for n := 1; ; n++ {
		if post(t, g, token, 500, key) == http.StatusNoContent {
			return n
		}
	}
}

// The figures are those of B11.3: at f = 50 the first payment of a token takes 3.36
// attempts on average and at most 6, a later one 3.11 and at most 5.
func TestLoadModelWhenBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock does not move, so that f only grows
		const tokens, seed = 2000, 3
		g := gateway.New(gateway.Options{FailByLoad: true, Seed: seed})
		for n := range 200 {
			tries(t, g, fmt.Sprint("warm-up ", n), fmt.Sprint("warm-up ", n))
		}
		for visit, want := range []struct {
			mean float64
			max  int
		}{{3.36, 6}, {3.11, 5}} {
			sum, most := 0, 0
			for n := range tokens {
				took := tries(t, g, fmt.Sprint("tok-", n), fmt.Sprint("ride-", visit, "-", n))
				sum, most = sum+took, max(most, took)
			}
			// The standard deviation of one payment is below 1.9, of the mean of 2000
			// below 0.043.
			if mean := float64(sum) / tokens; math.Abs(mean-want.mean) > 0.2 || most != want.max {
				t.Errorf("visit %d: mean %.3f, most %d; want %.2f and %d (seed %d)", visit, mean, most, want.mean, want.max, seed)
			}
		}
		wantCharges(t, g, 200+2*tokens)
	})
}

func TestLoadModelWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const payments, seed = 2000, 5
		g := gateway.New(gateway.Options{FailByLoad: true, Seed: seed})
		sum := 0
		for n := range payments {
			time.Sleep(3 * time.Second) // just long enough for the payment before to be forgotten
			sum += tries(t, g, "tok", fmt.Sprint("ride-", n))
		}
		// Each attempt fails with 2 %; an attempt that fails after registering leaves f =
		// 1 for the next one. Five standard deviations are 0.016.
		if mean := float64(sum) / payments; mean < 1.004 || mean > 1.037 {
			t.Errorf("mean %.4f attempts, want about 1.02 (seed %d)", mean, seed)
		}
	})
}
