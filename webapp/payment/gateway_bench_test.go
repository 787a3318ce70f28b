package payment

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// One attempt over loopback, including the server's side of it.
func BenchmarkCharge(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	g := New(server.URL, Options{})
	defer g.Close()
	var rides atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := g.Charge(b.Context(), "tok", 1500, fmt.Sprint("ride-", rides.Add(1))); err != nil {
				b.Fatal(err)
			}
		}
	})
}
