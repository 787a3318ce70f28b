package feed

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/isuride"
)

// TestServer: everybody who follows the server's figures gets a row a second of what its class may
// see, made once for all; with the last reader the looks end.
func TestServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := one(t)
		var looks atomic.Int64
		w.feed.opt.Figures = func() *Figures {
			return &Figures{Name: "a", SQLLag: float64(looks.Add(1)), Balanced: true, Alerts: []string{"only for operators"}}
		}
		public := w.subscribe(Request{Tables: "server"})
		operator := w.subscribe(Request{Tables: "server", Viewer: Viewer{Class: Operator}})
		time.Sleep(3*figuresEvery + figuresEvery/2)
		if n := looks.Load(); n != 4 {
			t.Errorf("two readers cause %d looks in 3.5 s, want one a second", n)
		}
		seen, all := w.rowOf(public), w.rowOf(operator)
		if want := `{"name":"a","requests":null,"report_p99":null,"sql_lag":4,"unsynced":0,"replicas":null,"shedding":0,"balanced":true}`; seen != want {
			t.Errorf("the public sees\n%s, want\n%s", seen, want)
		}
		if !strings.HasPrefix(all, strings.TrimSuffix(seen, "}")) || !strings.Contains(all, `"alerts":["only for operators"]`) {
			t.Errorf("an operator sees %s", all)
		}
		w.mu.Lock()
		w.source.Epoch = 2
		w.mu.Unlock()
		time.Sleep(figuresEvery)
		if _, text, ok := last(public); !ok || !strings.Contains(text, `"action":"partial"`) || !strings.Contains(text, `"reason":"new_epoch"`) {
			t.Errorf("after an initialize comes %s", text)
		}
		public.conn.Close()
		operator.conn.Unsubscribe(operator.request.Name)
		time.Sleep(2 * figuresEvery)
		before := looks.Load()
		time.Sleep(10 * figuresEvery)
		if n := looks.Load(); n != before {
			t.Errorf("%d looks with nobody there", n-before)
		}
		again := w.subscribe(Request{Tables: "server"})
		synctest.Wait()
		if got := w.rowOf(again); !strings.Contains(got, `"name":"a"`) {
			t.Errorf("who comes later sees %q", got)
		}
		operator.conn.Close()
		again.conn.Close()
	})
}

// TestServerOfASlowReader: what it does not take does not pile up.
func TestServerOfASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := one(t)
		w.feed.opt.Figures = func() *Figures { return &Figures{Name: strings.Repeat("x", fillTo/4)} }
		r := w.subscribe(Request{Tables: "server"})
		time.Sleep(100 * figuresEvery)
		r.conn.mu.Lock()
		waiting := r.conn.queue.bytes
		r.conn.mu.Unlock()
		if waiting > 2*fillTo {
			t.Errorf("%d bytes wait for a reader that does not read", waiting)
		}
		r.conn.Close()
	})
}

// TestFilterByCity: who knows a pseudonym of the city, and may know more, finds the row, in a partial and live.
func TestFilterByCity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, u, c := one(t)
		names := newPseudonyms(w.current())
		w.report(c, isuride.Coordinate{})
		operator := Viewer{Class: Operator}
		chair := w.subscribe(Request{Tables: "chairs", Filter: "city_id=" + newTranslator(w.current()).chairOnRoad(c.ID).name, Viewer: operator})
		none := w.subscribe(Request{Tables: "chairs,rides", Filter: "chairs.city_id=x,rides.city_id=x", Viewer: operator})
		settleTime()
		last(chair)
		if rows := chair.copy.Rows("chairs"); len(rows) != 1 || !strings.Contains(onlyOf(rows), c.ID) {
			t.Errorf("the chair's pseudonym finds %v", rows)
		}
		r, err := w.store.RequestRide(u, isuride.Coordinate{Latitude: 10}, isuride.Coordinate{Latitude: 50})
		w.must(err)
		ride := r.ID
		live := w.subscribe(Request{Tables: "rides", Filter: "city_id=" + names.ride(ride), Viewer: operator})
		settleTime()
		last(live)
		last(none)
		if rows := live.copy.Rows("rides"); !strings.Contains(onlyOf(rows), ride) {
			t.Errorf("the ride's pseudonym finds %v", rows)
		}
		if len(none.copy.Rows("rides"))+len(none.copy.Rows("chairs")) > 0 {
			t.Error("a name of nobody finds somebody")
		}
		for _, r := range []*reader{chair, none, live} {
			r.conn.Close()
		}
	})
}

func onlyOf(rows map[string]string) string {
	for _, text := range rows {
		return text
	}
	return ""
}

// last takes all messages that there are, and returns the last one.
func last(r *reader) (m Message, text string, ok bool) {
	for {
		next, more := r.conn.Next()
		if !more {
			return m, text, ok
		}
		m, text, ok = next, string(next.JSON), true
		if _, err := r.copy.Apply(next.JSON); err != nil {
			r.w.t.Fatal(err)
		}
	}
}

// rowOf returns the reader's row of the server.
func (w *town) rowOf(r *reader) string {
	w.t.Helper()
	last(r)
	for _, text := range r.copy.Rows("server") {
		return text
	}
	return ""
}

// TestQueuesOfThePage: the interface shows the queues that there are, each once; what waits for the
// disk is in a column of its own.
func TestQueuesOfThePage(t *testing.T) {
	page, err := os.ReadFile("../ui/src/server.ts")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(Queues{})
	if err != nil {
		t.Fatal(err)
	}
	var sent map[string]any
	if err := json.Unmarshal(text, &sent); err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "export const queues = [")
	list, _, _ = strings.Cut(list, "]")
	shown := []string{"snapshot_age", "snapshot_bytes"} // on a line of their own
	for name := range strings.SplitSeq(list, ",") {
		shown = append(shown, strings.Trim(name, ` "`))
	}
	slices.Sort(shown)
	if want := slices.Sorted(maps.Keys(sent)); !slices.Equal(shown, want) {
		t.Errorf("the page shows %v, and the server sends %v", shown, want)
	}
}
