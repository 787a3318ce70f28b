package nginx_test

import (
	"net/http"
	"testing"

	"isuride/tools/dev/scales"
)

// TestWeightOfAnswers counts what comes through nginx, which adds Server, Date and
// Connection, and to files Accept-Ranges: it has no directive against them. The ticket
// that follows the handshake counts for the first answer, since it is read then.
func TestWeightOfAnswers(t *testing.T) {
	answer := []byte(`{"recorded_at":1700000000000}`)
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		w.Header()["Date"] = nil
		w.Write(answer)
	}))
	s.writeStatic(t)
	c := scales.New(t, s.addr)
	const gzip = "Accept-Encoding: gzip"
	for _, v := range []struct {
		request string
		lines   []string
		want    scales.Weight
	}{
		{"POST /api/chair/coordinate", nil, scales.Weight{Lines: 6, Head: 161, Body: 29, Records: 2}},
		{"GET /assets/root-1.js", []string{gzip}, scales.Weight{Lines: 12, Head: 334, Body: 63, Records: 1}},
		{"GET /client", []string{gzip}, scales.Weight{Lines: 13, Head: 379, Body: 37, Records: 1}},
	} {
		if got := c.Weigh(v.request, "", v.lines...); got != v.want {
			t.Errorf("%s weighs %+v, want %+v:\n%s", v.request, got, v.want, c.Head())
		}
	}
}
