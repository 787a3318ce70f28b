package client

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"isuride/bench/client/h1"
	"isuride/bench/world"
)

func headOf(lines ...string) *h1.Head {
	header := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		header.Add(name, value)
	}
	h := h1.HeadOf(http.StatusOK, header)
	return &h
}

func TestCacheRules(t *testing.T) {
	start := time.Date(2024, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		head   *h1.Head
		stored bool
		// freshFor is how long the answer may be used without asking; negative: never.
		freshFor time.Duration
	}{
		{"nothing", headOf(), false, -1},
		{"etag", headOf(`ETag: "a"`), true, -1},
		{"last modified", headOf("Last-Modified: Mon, 25 Nov 2024 11:00:00 GMT"), true, -1},
		{"max-age", headOf("Cache-Control: public, max-age=100"), true, 100 * time.Second},
		{"quoted max-age", headOf(`Cache-Control: max-age="100"`), true, 100 * time.Second},
		{"max-age 0", headOf("Cache-Control: max-age=0"), true, -1},
		{"expires", headOf("Expires: Mon, 25 Nov 2024 12:01:00 GMT"), true, time.Minute},
		{"both, expires first", headOf("Cache-Control: max-age=100", "Expires: Mon, 25 Nov 2024 12:01:00 GMT"), true, time.Minute},
		{"invalid expires", headOf("Expires: 0"), true, -1},
		{"must-revalidate", headOf("Cache-Control: max-age=100, must-revalidate"), true, -1},
		{"no-cache plays no role", headOf("Cache-Control: no-cache, max-age=100"), true, 100 * time.Second},
		{"s-maxage plays no role", headOf("Cache-Control: s-maxage=100", `ETag: "a"`), true, -1},
		{"no-store", headOf("Cache-Control: no-store, max-age=100", `ETag: "a"`), false, -1},
		{"immutable", headOf("Cache-Control: max-age=31536000, immutable"), true, 365 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := &h1.Request{Target: "/x"}
			s, err := newStored(q, c.head)
			if err != nil || (s != nil) != c.stored {
				t.Fatalf("stored %v, %v", s, err)
			}
			if s == nil {
				return
			}
			var store cache
			store.put("/x", s, start)
			if _, fresh := store.lookup(q, start.Add(max(c.freshFor, 0))); fresh != (c.freshFor >= 0) {
				t.Errorf("after %v: fresh %v", c.freshFor, fresh)
			}
			store.put("/x", s, start)
			if _, fresh := store.lookup(q, start.Add(c.freshFor+2*time.Second)); c.freshFor >= 0 && fresh {
				t.Errorf("after %v and more: still fresh", c.freshFor)
			}
		})
	}
}

func TestCacheRefusesBadControl(t *testing.T) {
	for _, field := range []string{"max-age=x", "max-age", "max-age=-1", `private="a`, "no-store=1", "s-maxage=1.5"} {
		if _, err := newStored(&h1.Request{Target: "/x"}, headOf("Cache-Control: "+field)); err == nil {
			t.Errorf("%q is accepted", field)
		}
	}
	for _, field := range []string{"", ",,", "private, no-cache", `no-cache="Set-Cookie, X", max-age=1`, "unknown=5"} {
		if _, err := newStored(&h1.Request{Target: "/x"}, headOf("Cache-Control: "+field)); err != nil {
			t.Errorf("%q is refused", field)
		}
	}
}

// TestCacheSlides checks the quirk that using an entry makes it new.
func TestCacheSlides(t *testing.T) {
	q := &h1.Request{Target: "/x"}
	s, _ := newStored(q, headOf("Cache-Control: max-age=10"))
	var store cache
	at := time.Now()
	store.put("/x", s, at)
	for range 5 {
		at = at.Add(9 * time.Second)
		if _, fresh := store.lookup(q, at); !fresh {
			t.Fatal("not fresh after 9 s of disuse")
		}
	}
}

func TestCacheVary(t *testing.T) {
	q := &h1.Request{Target: "/x", Cookie: "a=b"}
	s, _ := newStored(q, headOf("Cache-Control: max-age=10", "Vary: Accept-Encoding, Cookie"))
	var store cache
	store.put("/x", s, time.Now())
	if _, fresh := store.lookup(q, time.Now()); !fresh {
		t.Error("not fresh for the same cookie")
	}
	if _, fresh := store.lookup(&h1.Request{Target: "/x", Cookie: "a=c"}, time.Now()); fresh {
		t.Error("fresh for another cookie")
	}
}

// TestCachedAPI checks the traps for servers that mark API answers: a 304 is a failure, a
// fresh answer hides the truth, and the method is not part of the key.
func TestCachedAPI(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Method+" "+r.Header.Get("If-None-Match"))
		if r.URL.Path == "/api/owner/chairs" {
			w.Header().Set("Cache-Control", "max-age=100")
			io.WriteString(w, fmt.Sprintf(`{"chairs":[%s]}`, strings.Repeat(`{"id":"C","name":"N","model":"M","active":true,"registered_at":1,"total_distance":2}`, 1)))
			return
		}
		w.Header().Set("ETag", `"e"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, `{"rides":[]}`)
	}))
	r := newRig(t, "http", addr, nil)
	u := r.user()
	r.ok(r.one(u.Rides))
	if got := r.one(u.Rides); got.Failure == nil || got.Failure.Status != http.StatusNotModified {
		t.Errorf("304: %v", got.Failure)
	}
	if got := r.one(func() { u.CreateRide(world.Point{}, world.Point{}) }); got.Failure == nil || got.Failure.Status != http.StatusNotModified {
		t.Errorf("conditional POST: %v", got.Failure)
	}
	o := r.engine.NewOwner(world.Entity{Kind: world.KindOwner})
	first, second := r.ok(r.one(o.Chairs)), r.ok(r.one(o.Chairs))
	if a, b := first.Body.([]world.OwnedChair), second.Body.([]world.OwnedChair); len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		t.Errorf("from the server %v, from the cache %v", a, b)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(asked, ", "); got != `GET , GET "e", POST "e", GET ` {
		t.Errorf("asked %s", got)
	}
}
