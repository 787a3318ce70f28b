package feed

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
)

// one is a town of one owner with a chair, and one user.
func one(t testing.TB) (w *town, u *state.User, c *state.Chair) {
	w = newTown(t, 1, 1)
	w.registerOwner()
	w.registerUser()
	token := w.owners[0]
	c, err := w.store.RegisterChair(token, "chair", "fast")
	w.must(err)
	w.chairIDs = append(w.chairIDs, c.ID)
	w.must(w.store.SetActivity(c, true))
	w.report(c, isuride.Coordinate{})
	u, _ = w.store.UserByToken([]byte(w.users[0]))
	return w, u, c
}

// summary is a frame in a line, with the ids that differ from run to run left out.
func summary(f *Frame) string {
	more := ""
	if f.More {
		more = " more"
	}
	return fmt.Sprintf("%s %s %d%s%s", f.Table, f.Action, len(f.Data), string(f.Reason)+string(f.Code), more)
}

func (r *reader) story() (lines []string) {
	settleTime()
	r.drain()
	for i := range r.frames {
		if r.frames[i].Action != Heartbeat {
			lines = append(lines, strings.TrimSpace(summary(&r.frames[i])))
		}
	}
	r.frames = nil
	return lines
}

func (r *reader) expectStory(what string, want ...string) {
	r.w.t.Helper()
	if got := r.story(); !slices.Equal(got, want) {
		r.w.t.Errorf("%s: the frames are\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRide tells a ride to all who see it: each event is one group.
func TestRide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, u, c := one(t)
		all := w.subscribe(Request{Tables: allTables, Viewer: Viewer{Class: Operator}})
		mine := w.subscribe(Request{Tables: "rides,statuses,payments", Viewer: Viewer{User, u.ID}})
		chairs := w.subscribe(Request{Tables: "rides,statuses", Viewer: Viewer{Chair, c.ID}})
		other := w.subscribe(Request{Tables: "rides,statuses", Viewer: Viewer{Chair, "somebody else"}})
		public := w.subscribe(Request{Tables: "city"})
		all.expectStory("begin", "users partial 1 more", "owners partial 1 more", "chairs partial 1 more", "positions partial 1 more", "rides partial 0 more",
			"statuses partial 0 more", "coupons partial 1 more", "payments partial 0 more", "matches partial 0 more", "city partial 1")
		mine.expectStory("begin", "rides partial 0 more", "statuses partial 0 more", "payments partial 0")
		chairs.expectStory("begin", "rides partial 0 more", "statuses partial 0")
		other.expectStory("begin", "error 0unknown_viewer")
		public.expectStory("begin", "city partial 1")

		r, err := w.store.RequestRide(u, isuride.Coordinate{Latitude: 10}, isuride.Coordinate{Latitude: 50})
		w.must(err)
		all.expectStory("request", "coupons update 1 more", "rides insert 1 more", "statuses insert 1 more", "city insert 1")
		mine.expectStory("request", "rides insert 1 more", "statuses insert 1")
		chairs.expectStory("request")
		public.expectStory("request", "city insert 1")

		_, err = w.store.Assign(r, c, &isuride.Why{Class: isuride.Ordinary})
		w.must(err)
		all.expectStory("assign", "rides update 1 more", "matches insert 1 more", "city update 1")
		mine.expectStory("assign", "rides update 1")
		chairs.expectStory("assign", "rides insert 1 more", "statuses insert 1")

		w.must(w.store.Advance(c, r.ID, isuride.Enroute))
		all.expectStory("enroute", "statuses update 1 more", "city update 1")
		chairs.expectStory("enroute", "statuses update 1")
		w.report(c, r.Pickup)
		all.expectStory("pickup", "positions update 1 more", "city update 1 more", "statuses update 1 more", "city update 1")
		w.must(w.store.Advance(c, r.ID, isuride.Carrying))
		w.report(c, r.Destination)
		ch, _, err := w.store.BeginCharge(u, r.ID, 4)
		w.must(err)
		mine.expectStory("carried", "statuses update 1", "statuses update 1", "statuses update 1", "statuses update 1", "payments insert 1")
		w.store.Abandon(ch, isuride.Errorf(isuride.PaymentFailed, "no"))
		mine.expectStory("not paid", "payments delete 1")
		ch, _, err = w.store.BeginCharge(u, r.ID, 4)
		w.must(err)
		_, err = w.store.Complete(ch)
		w.must(err)
		mine.expectStory("paid", "payments insert 1", "rides update 1 more", "statuses update 1 more", "payments update 1")
		chairs.expectStory("paid", "statuses update 1", "statuses update 1", "statuses update 1", "rides delete 1 more", "statuses delete 1")
		public.expectStory("paid", "city update 1", "city update 1", "city update 1 more", "city update 1", "city update 1", "city update 1 more", "city update 1", "city delete 1")
		if rows := public.copy.Rows("city"); len(rows) != 1 {
			t.Errorf("the city has %v", rows)
		}
		const want = `","user_id":"U","status":"COMPLETED","created_at":`
		for _, row := range mine.copy.Rows("statuses") {
			if !strings.Contains(strings.Replace(row, u.ID, "U", 1), want) {
				t.Errorf("the status is %s", row)
			}
		}
	})
}

// TestPrevious: each frame names the one before, and heartbeats say how far the reader is.
func TestPrevious(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		r := w.subscribe(Request{Tables: "positions", Viewer: Viewer{Class: Operator}})
		for i := range 5 {
			w.report(c, isuride.Coordinate{Latitude: int32(i)})
			time.Sleep(1500 * time.Millisecond)
			r.drain() // Apply refuses a gap
		}
		beats := 0
		for _, f := range r.frames {
			if f.Action == Heartbeat {
				beats++
			}
		}
		if beats < 5 {
			t.Errorf("%d heartbeats in 7.5 s", beats)
		}
		if p := r.copy.Position(); p.Seq != w.source.Journal.Appended() {
			t.Errorf("the reader is at %v, the log at %d", p, w.source.Journal.Appended())
		}
	})
}

// TestFrameText is the form that documents and clients rely on.
func TestFrameText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		conn := w.feed.Open(func() {})
		defer conn.Close()
		conn.Subscribe(Request{Name: "p", Tables: "positions", Filter: "chair_id=" + c.ID, Viewer: Viewer{Class: Operator}})
		settleTime()
		text := func() string {
			for {
				m, ok := conn.Next()
				if !ok {
					return ""
				}
				if !strings.Contains(string(m.JSON), "heartbeat") {
					return strings.ReplaceAll(string(m.JSON), c.ID, "C")
				}
			}
		}
		const head = `{"sub":"p","table":"positions",`
		if got, want := text(), head+`"action":"partial","keys":["chair_id"],"epoch":1,"seq":6,"prev":0,"data":[{"chair_id":"C","latitude":0,"longitude":0,"recorded_at":`; !strings.HasPrefix(got, want) {
			t.Errorf("partial: %s\nwant     %s...", got, want)
		}
		text()
		w.report(c, isuride.Coordinate{Latitude: 3, Longitude: -4})
		settleTime()
		if got, want := text(), head+`"action":"update","keys":["chair_id"],"epoch":1,"seq":7,"prev":6,"ts":"2025-11-24T16:00:00.`; !strings.HasPrefix(got, want) {
			t.Errorf("update: %s\nwant    %s...", got, want)
		} else if want := `Z","data":[{"chair_id":"C","latitude":3,"longitude":-4,"recorded_at":1764000000`; !strings.Contains(got, want) {
			t.Errorf("update: %s\nwant    ...%s...", got, want)
		}
		conn.Unsubscribe("p")
		if got, want := text(), `{"sub":"p","action":"unsubscribed","epoch":0,"seq":7,"prev":7}`; got != want {
			t.Errorf("end: %s\nwant %s", got, want)
		}
	})
}

// TestRefusals: what a reader can get wrong is answered by a frame, and the connection stays.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, u, _ := one(t)
		w.source.Epoch = 3
		conn := w.feed.Open(func() {})
		defer conn.Close()
		operator, user := Viewer{Class: Operator}, Viewer{User, u.ID}
		for _, x := range []struct {
			request Request
			code    Code
			text    string
		}{
			{Request{Tables: "ride", Viewer: operator}, UnknownTable, `there is no table "ride"; the tables are users, owners, chairs, positions, rides, statuses, coupons, payments, matches, city, server`},
			{Request{Viewer: operator}, UnknownTable, `there is no table ""`},
			{Request{Tables: "city,users"}, NoRight, "class public may not see table users; it may see city, server"},
			{Request{Tables: "matches", Viewer: user}, NoRight, "may see users, rides, statuses, coupons, payments, city, server"},
			{Request{Tables: "rides", Filter: "id", Viewer: user}, BadFilter, "is no condition"},
			{Request{Tables: "rides", Filter: "id=", Viewer: user}, BadFilter, "is no condition"},
			{Request{Tables: "rides", Filter: "id=a||b", Viewer: user}, BadFilter, "has an empty value"},
			{Request{Tables: "rides", Filter: "fare=500", Viewer: user}, BadFilter, `cannot be filtered by "fare"; it can be by id, user_id, chair_id, city_id`},
			{Request{Tables: "rides", Filter: "user_id=a", Viewer: Viewer{Class: Chair}}, BadFilter, "it can be by id, chair_id"},
			{Request{Tables: "rides,statuses", Filter: "id=a", Viewer: user}, BadFilter, "could be of several tables; write the table before it, as rides.id"},
			{Request{Tables: "rides", Filter: "users.id=a", Viewer: user}, BadFilter, `about table "users", which is not asked for`},
			{Request{Tables: "rides", Filter: "id=" + strings.Repeat("x|", 100) + "x", Viewer: user}, BadFilter, "at most 100"},
			{Request{Tables: "city", Resume: "7"}, BadPosition, "send the epoch and the seq of the last frame"},
			{Request{Tables: "city", Resume: "a:7"}, BadPosition, "no position"},
			{Request{Tables: "city", Since: "yesterday"}, BadPosition, "neither a position"},
			{Request{Tables: "city", Since: "99999"}, Future, "ahead of the server"},
			{Request{Tables: "city", Since: "2125-01-01"}, Future, "in the future"},
			{Request{Tables: "city", Since: "1"}, NotKept, "nothing is kept from 1"},
			{Request{Tables: "city", Speed: "1"}, BadSpeed, "say since when"},
			{Request{Tables: "city", Since: "1", Speed: "-1"}, BadSpeed, "above 0"},
			{Request{Tables: "city", Since: "1", Speed: "NaN"}, BadSpeed, "above 0"},
			{Request{Tables: "city", Interval: "9"}, BadInterval, "from 10 to 1000"},
			{Request{Tables: "city", Interval: "1s"}, BadInterval, "a number of milliseconds"},
			{Request{Tables: "city", Interval: "100", Every: true, Viewer: operator}, BadInterval, "leave out interval or every"},
			{Request{Tables: "server,city"}, BadFilter, "ask for it alone"},
			{Request{Tables: "server", Filter: "name=a"}, BadFilter, "without a filter"},
			{Request{Tables: "server", Since: "1"}, NotKept, "of the present only"},
			{Request{Tables: "users", Viewer: Viewer{User, "nobody"}}, UnknownAccount, `user "nobody" is not there`},
		} {
			x.request.Name = "n"
			conn.Subscribe(x.request)
			settleTime()
			m, ok := conn.Next()
			var f Frame
			if ok {
				var err error
				f, err = new(Copy).Apply(m.JSON)
				w.must(err)
			}
			if !ok || f.Action != Failed || f.Code != x.code || !strings.Contains(f.Text, x.text) || f.Sub != "n" || m.Ends || m.Whole || !m.Over {
				t.Errorf("%+v: %s, want %s and %q", x.request, m.JSON, x.code, x.text)
			}
		}
		conn.Subscribe(Request{Name: "n", Tables: "city"}) // the name is free, and the connection good
		settleTime()
		if m, ok := conn.Next(); !ok || !strings.Contains(string(m.JSON), `"partial"`) {
			t.Errorf("after all that: %s", m.JSON)
		}
	})
}

// TestPositionsThatAreNot are told, and a partial follows.
func TestPositionsThatAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := one(t)
		for resume, want := range map[string][]string{
			"9:4":  {"error 0other_epoch", "city partial 1other_epoch"},
			"1:70": {"error 0ahead", "city partial 1ahead"},
			"1:0":  {"city insert 1", "city update 1", "city update 1"},
			"1:6":  nil,
		} {
			r := w.subscribe(Request{Tables: "city", Resume: resume})
			settleTime()
			for {
				m, ok := r.conn.Next()
				if !ok {
					break
				}
				f, err := new(Copy).Apply(m.JSON)
				if m.Over {
					t.Errorf("%s: nothing is said to follow %s", resume, m.JSON)
				}
				if f.Action == Update || f.Action == Insert {
					err = nil // there is no copy that it could update
				}
				w.must(err)
				r.frames = append(r.frames, f)
			}
			r.expectStory(resume, want...)
			r.conn.Close()
		}
	})
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := one(t)
		r := w.subscribe(Request{Name: "a", Tables: "city"})
		defer r.conn.Close()
		r.expectStory("begin", "city partial 1")
		r.conn.Subscribe(Request{Name: "a", Tables: "city"})
		r.conn.Subscribe(Request{Name: strings.Repeat("x", 101), Tables: "city"})
		r.conn.Unsubscribe("b")
		r.conn.Checksum("b", "city")
		r.conn.Checksum("a", "rides")
		r.expectStory("names", "error 0name_taken", "error 0bad_command", "error 0unknown_name", "error 0unknown_name", "rides error 0no_checksum")
		for i := range maxSubscriptions {
			r.conn.Subscribe(Request{Name: fmt.Sprint(i), Tables: "city"})
		}
		settleTime()
		last := ""
		for m, ok := r.conn.Next(); ok; m, ok = r.conn.Next() {
			if strings.Contains(string(m.JSON), `"error"`) {
				last = string(m.JSON)
			}
		}
		if !strings.Contains(last, `"code":"too_many"`) || !strings.Contains(last, `"sub":"1199"`) {
			t.Errorf("the 1201st: %s", last)
		}
	})
}

func TestTooManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := one(t)
		var all []*Conn
		for range maxConnections {
			all = append(all, w.feed.Open(func() {}))
		}
		c := w.feed.Open(func() {})
		if m, ok := c.Next(); !ok || !m.Ends || !strings.Contains(string(m.JSON), "too_many") {
			t.Errorf("one more: %s", m.JSON)
		}
		for _, c := range all {
			c.Close()
		}
		c.Close()
		r := w.subscribe(Request{Tables: "city"})
		r.settle()
		w.feed.Close()
		r.drain()
		if !r.ended || r.failed[0].Code != Closing {
			t.Errorf("at the end: %+v", r.failed)
		}
		if c := w.feed.Open(func() {}); c.asleep {
			t.Error("a connection after the end waits")
		}
	})
}

// TestUnreadableEvent: a record that is no event costs every reader a partial, and no more.
func TestUnreadableEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		r := w.subscribe(Request{Tables: "chairs,city", Viewer: Viewer{Class: Operator}})
		r.settle()
		r.frames = nil
		_, err := w.source.Journal.Append([]byte{77, 1, 2, 3})
		w.must(err)
		w.report(c, isuride.Coordinate{Latitude: 50})
		r.expectStory("after it", "chairs partial 1interrupted more", "city partial 1interrupted")
		w.report(c, isuride.Coordinate{Latitude: 60})
		r.expectFresh()
	})
}

// TestBehindTheWatermark: at level power nothing is told before it is on the disk, neither
// by a partial nor by what follows.
func TestBehindTheWatermark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, *seed, 4)
		w.options.Durability = journal.Power
		w.restart()
		safe := func() { w.must(w.source.Journal.Wait(w.source.Journal.Appended())) }
		rows := func(r *reader) (n int) {
			settleTime()
			r.frames = nil
			r.drain()
			for _, f := range r.frames {
				n += len(f.Data)
			}
			return n
		}
		w.act(200)
		all := w.subscribe(Request{Tables: "users,chairs,rides,statuses", Viewer: Viewer{Class: Operator}})
		city := w.subscribe(Request{Tables: "city"})
		if a, b := rows(all), rows(city); a+b != 0 {
			t.Errorf("%d and %d rows are told before they are safe", a, b)
		}
		safe()
		if a, b := rows(all), rows(city); a == 0 || b == 0 {
			t.Errorf("%d and %d rows are told once they are safe", a, b)
		}
		w.act(200)
		if a, b := rows(all), rows(city); a+b != 0 {
			t.Errorf("%d and %d rows of events are told before they are safe", a, b)
		}
		w.crowd() // a partial in many pieces
		large := w.subscribe(Request{Tables: "users,coupons", Viewer: Viewer{Class: Operator}})
		if n := rows(large); n != 0 {
			t.Errorf("%d rows of a large partial are told before they are safe", n)
		}
		safe()
		large.expectFresh()
		all.expectFresh()
		city.expectFresh()
	})
}

// TestInitializeInOneLog: in a group's log the next generation follows the one before. No
// event of it is told as one of the old one, however late it becomes the one that serves.
func TestInitializeInOneLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := one(t)
		old := w.source
		readers := []*reader{w.subscribe(Request{Tables: allTables, Viewer: Viewer{Class: Operator}}), w.subscribe(Request{Tables: "city"})}
		for _, r := range readers {
			r.settle()
		}
		e := isuride.Event{Kind: isuride.Initialized, Begin: &isuride.Beginning{At: w.read(), Generation: 2}}
		seq, err := old.Journal.Append(e.Append(nil))
		w.must(err)
		w.forget()
		w.store = state.New(state.Options{Log: old.Journal, Now: w.read, Describe: func(c *isuride.Chair) []byte { return nil }}, &isuride.Tables{}, nil)
		w.act(100)
		late := w.subscribe(Request{Tables: "users,owners", Viewer: Viewer{Class: Operator}})
		time.Sleep(100 * time.Millisecond)
		w.mu.Lock()
		w.source.Epoch, w.source.Store = 2, w.store
		w.mu.Unlock()
		w.act(100)
		late.expectFresh() // what the old generation told does not matter
		for _, r := range readers {
			r.expectFresh()
			for _, f := range r.frames {
				if f.Epoch == 1 && f.Seq >= seq {
					t.Errorf("of event %d the reader is told %s of epoch 1", f.Seq, summary(&f))
				}
			}
		}
	})
}

// TestAnotherServerLeads: readers are sent there, and so are those who come.
func TestAnotherServerLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := one(t)
		r := w.subscribe(Request{Tables: "city"})
		r.settle()
		before := w.source
		w.mu.Lock()
		w.source = Source{}
		w.mu.Unlock()
		settleTime()
		r.drain()
		late := w.subscribe(Request{Tables: "city"})
		late.drain()
		for _, r := range []*reader{r, late} {
			if n := len(r.failed); !r.ended || n == 0 || r.failed[0].Code != Closing || !strings.Contains(r.failed[0].Text, "another server leads") {
				t.Errorf("ended %v, told %+v", r.ended, r.failed)
			}
		}
		w.mu.Lock()
		w.source = before
		w.mu.Unlock()
		r.reconnect()
		r.expectFresh()
	})
}

// TestReportsNobodyWants are passed over, and what is remembered of chairs with them.
func TestReportsNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		r := w.subscribe(Request{Tables: "users,statuses", Viewer: Viewer{Class: Operator}})
		r.settle()
		for _, at := range []int32{50, 0, 50, 100} {
			first := w.subscribe(Request{Tables: "city"})
			first.settle()
			w.report(c, isuride.Coordinate{Latitude: at})
			first.expectFresh()
			first.conn.Close()
			settleTime() // nobody looks
			w.report(c, isuride.Coordinate{Latitude: 200})
			settleTime()
			second := w.subscribe(Request{Tables: "city"})
			second.settle()
			w.report(c, isuride.Coordinate{Latitude: at}) // where it was seen last
			second.expectFresh()
			second.conn.Close()
		}
		r.expectFresh()
	})
}
