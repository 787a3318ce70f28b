package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/tools/dev/scales"
	"isuride/webapp/servertest"
)

// weights of answers by name: lines and bytes of the head, bytes of the body, records.
var weights = map[string][4]int{
	"position report":    {3, 85, 29, 1},
	"chair's status":     {1, 27, 0, 1},
	"nearby, nobody":     {3, 85, 42, 1},
	"nearby, one":        {3, 86, 161, 1},
	"fare":               {3, 85, 29, 1},
	"history, none":      {3, 85, 12, 1},
	"order":              {3, 91, 52, 1},
	"asset, compressed":  {9, 309, 1665, 1},
	"asset, as it is":    {8, 287, 660000, 41},
	"asset, not changed": {4, 148, 0, 1},
	"image":              {8, 250, 50000, 4},
	"page, compressed":   {11, 365, 64, 1},
}

// TestWeightOfAnswers counts what the server sends over its own TLS. A client that is
// short of CPU pays for each line, byte and record, so none comes without a reason. The
// first answer would also have a ticket that came after the handshake.
func TestWeightOfAnswers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	files := someFiles()
	for _, name := range []string{"index.html", "assets/app-5d2c1a.js", "images/photo.png"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := servertest.New(t, "ISURIDE_STATIC="+folder)
	p.UseHTTP2() // for TLS: the scales speak HTTP/1.1
	p.Bare()
	p.Start()
	_, token := p.Owner("owner")
	user, _ := p.User("rider", "")
	s := scales.New(t, strings.TrimPrefix(p.URL, "https://"))
	weigh := func(name, request, body string, lines ...string) {
		t.Helper()
		w := s.Weigh(request, body, lines...)
		if got := [...]int{w.Lines, w.Head, w.Body, w.Records}; got != weights[name] {
			t.Errorf("%s weighs %d, want %d:\n%s", name, got, weights[name], s.Head())
		}
	}
	rider := "Cookie: " + user.Cookie
	weigh("nearby, nobody", "GET /api/app/nearby-chairs?latitude=0&longitude=0", "", rider)
	chair := p.Chair(token, "chair", "AeroSeat", servertest.At(0, 0))
	weigh("nearby, one", "GET /api/app/nearby-chairs?latitude=0&longitude=0", "", rider)
	weigh("position report", "POST /api/chair/coordinate", `{"latitude":1,"longitude":2}`, "Cookie: "+chair.Cookie)
	weigh("chair's status", "POST /api/chair/activity", `{"is_active":true}`, "Cookie: "+chair.Cookie)
	weigh("history, none", "GET /api/app/rides", "", rider)
	way := `{"pickup_coordinate":{"latitude":0,"longitude":0},"destination_coordinate":{"latitude":20,"longitude":20}}`
	weigh("fare", "POST /api/app/rides/estimated-fare", way, rider)
	weigh("order", "POST /api/app/rides", way, rider)
	const gzip = "Accept-Encoding: gzip"
	weigh("asset, compressed", "GET /assets/app-5d2c1a.js", "", gzip)
	tag := s.Field("ETag")
	weigh("asset, as it is", "GET /assets/app-5d2c1a.js", "")
	weigh("asset, not changed", "GET /assets/app-5d2c1a.js", "", gzip, "If-None-Match: "+tag)
	weigh("image", "GET /images/photo.png", "", gzip)
	weigh("page, compressed", "GET /client", "", gzip)
}
