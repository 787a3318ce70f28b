package acceptance

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"isuride/webapp/servertest"
	"isuride/webapp/sqlstore"
)

// TestContestData is the data check of line 16 of appendix D, with the contest's dump:
// the fixed checks of S9.3, the control sums of 12.2, the accounts of 12.1, and each
// answer of each account recomputed from the rows of the dump; all before and after
// restarts, orderly and not, with data of a load among it.
func TestContestData(t *testing.T) {
	dump := contestDump(t)
	rows, err := sqlstore.ReadDumpFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	want := servertest.NewOracle(rows).Answers(t)
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		path := filepath.Join(t.TempDir(), "initial-data")
		p.Env = append(p.Env, "ISURIDE_INITIAL_DATA="+path)
		link(t, "../../sql/2-master-data.sql", path)
		p.Start()
		link(t, dump, path) // only now: the start would take the data as well
		began := time.Now()
		p.Initialize()
		t.Logf("initialize took %v", time.Since(began).Round(time.Millisecond))
		check := func(when string) {
			t.Helper()
			fixedChecks(p, when)
			controlSums(p, when)
			presets(p, when)
			want.Same(t, when, p.Ask(want))
		}
		check("after initialize")
		s := p.Scene()
		s.Ride()
		p.Stop()
		rowCounts(p)
		p.Start()
		check("after a stop")
		s.Owner.WantSales(1700, "")
		s.Ride()
		p.Kill()
		p.Start()
		check("after a kill")
		s.Owner.WantSales(3400, "")
	})
}

// link makes path a link to another file.
func link(t testing.TB, file, path string) {
	t.Helper()
	file, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.Symlink(file, path); err != nil {
		t.Fatal(err)
	}
}

// TestOwnData is the same with the data set that comes with the server, whose answers are
// in sql/expected-answers.json.
func TestOwnData(t *testing.T) {
	text, err := os.ReadFile("../../sql/expected-answers.json")
	if err != nil {
		t.Fatal(err)
	}
	var checks []struct {
		Name, Method, Path, Cookie string
		CookieName                 string `json:"cookie_name"`
		Body                       any
		Status                     int
		Expect                     json.RawMessage
	}
	if err := json.Unmarshal(text, &checks); err != nil {
		t.Fatal(err)
	}
	rows, err := sqlstore.InitialTables()
	if err != nil {
		t.Fatal(err)
	}
	want := servertest.NewOracle(rows).Answers(t)
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		check := func(when string) {
			t.Helper()
			want.Same(t, when, p.Ask(want))
			for _, c := range checks {
				caller := servertest.Client{T: t, Process: p, Cookie: c.CookieName + "=" + c.Cookie}
				r := caller.Call(c.Method, c.Path, c.Body)
				if got, want := servertest.Canonical(t, r.Body), servertest.Canonical(t, c.Expect); r.Status != c.Status || got != want {
					t.Errorf("%s: %s is answered %d %.2000s, want %d %.2000s", when, c.Name, r.Status, got, c.Status, want)
				}
			}
		}
		p.Start() // on an empty database: the data set is there without initialize
		check("at first")
		p.Stop()
		p.Start()
		check("after a stop")
	})
}

// account is a caller from the data set.
func account(p *servertest.Process, cookie, token string) *servertest.Client {
	return &servertest.Client{T: p.T, Process: p, Cookie: cookie + "=" + token}
}

// Owners of the contest's data with their control sums (S12.1, S12.2).
var contestOwners = []struct {
	name, token                            string
	sales, distance, positions, modelCount int64
}{
	{"Seat Revival", "7188f2fb45c7d81a6ba30d1572cfff37b3857e66f7b50513bbf89eb2c4bc0ac7", 435_500, 13_412, 79, 45},
	{"快座製作所", "001d0876c1197819935c6f2e32eb03209c2a874ee6e6463fadffc9d6b14c1ef6", 434_000, 13_681, 75, 46},
	{"匠椅子製作所", "0811617de5c97aea5ddb433f085c3d1ef2598ab71531ab3492ebb8629f0598d2", 474_300, 14_474, 79, 44},
	{"つくる椅子株式会社", "c3eb38a254ca73e84b4d01158870a06d16aefa44f2db7d077a3c82dd8a9c17c2", 454_800, 13_778, 78, 48},
	{"NextStep Cab", "3585ccc78c507660a4802973d269849e111d2b983b844fbcf63e0c6b1ca94f68", 403_000, 13_323, 76, 47},
}

func controlSums(p *servertest.Process, when string) {
	p.T.Helper()
	for _, o := range contestOwners {
		owner := account(p, "owner_session", o.token)
		distance, positions, active := int64(0), int64(0), 0
		listed := owner.Listed()
		for _, chair := range listed {
			distance += servertest.Integer(p.T, chair["total_distance"])
			if _, ok := chair["total_distance_updated_at"]; ok {
				positions++
			} else if servertest.Integer(p.T, chair["total_distance"]) != 0 {
				p.T.Errorf("%s: a distance without a time: %v", when, chair)
			}
			if chair["active"] != false {
				active++
			}
		}
		s := owner.Sales("")
		if len(listed) != 100 || active != 0 || distance != o.distance || positions != o.positions ||
			s.Total != o.sales || s.Chairs != 100 || int64(s.Parts) != o.modelCount {
			p.T.Errorf("%s: %s has %d chairs, %d active, distance %d, %d positions, sales %d of %d chairs and %d models; want %+v",
				when, o.name, len(listed), active, distance, positions, s.Total, s.Chairs, s.Parts, o)
		}
	}
}

// fixedChecks are the calls of S9.3 that the control sums leave.
func fixedChecks(p *servertest.Process, when string) {
	p.T.Helper()
	window := account(p, "owner_session", contestOwners[2].token).Sales("?since=1732579200000&until=1732622400000")
	if window.Total != 253_600 || window.Chairs != 100 || window.Parts != 44 {
		p.T.Errorf("%s: sales in the window are %d of %d chairs and %d models", when, window.Total, window.Chairs, window.Parts)
	}
	crowded := account(p, "app_session", "21e9562de048ee9b34da840296509fa913bc34d804b3aab4dc4db77f3f6995e4")
	regular := account(p, "app_session", "c9e15fd57545f43105ace9088f1c467eb3ddd232b49ac1ce6b6c52f5fb4d59e3")
	newcomer := account(p, "app_session", "a8b21d78f143c3facdece4dffba964cc5120a341e383b1077e308be5cc67a8eb")
	wantFares(crowded, when, false, 2300, 2000, 5000, 500, 3800, 4900)
	wantFares(regular, when, true, 3600, 4400, 1000, 2500, 3400)
	wantFares(newcomer, when, true)
	for _, ride := range crowded.Want(200, "GET", "/api/app/rides", nil)["rides"].([]any) {
		if at := servertest.Integer(p.T, ride.(servertest.Object)["requested_at"]); at != 1732617529000 {
			p.T.Errorf("%s: a ride was requested at %d", when, at)
		}
	}
	short, long := servertest.Trip(servertest.At(10, 10), servertest.At(13, 20)), servertest.Trip(servertest.At(-10, -10), servertest.At(-21, 0))
	wantEstimate(regular, when, short, 1800, 0)
	wantEstimate(regular, when, long, 2600, 0)
	wantEstimate(newcomer, when, short, 500, 1300)
	wantEstimate(newcomer, when, long, 1100, 1500)
}

// wantFares compares the fares of a history, in their order or not.
func wantFares(c *servertest.Client, when string, ordered bool, want ...int64) {
	c.T.Helper()
	rides := c.Want(200, "GET", "/api/app/rides", nil)["rides"].([]any)
	left := map[int64]int{}
	for i, ride := range rides {
		fare := servertest.Integer(c.T, ride.(servertest.Object)["fare"])
		left[fare]++
		if ordered && (i >= len(want) || fare != want[i]) {
			c.T.Errorf("%s: fare %d of the history is %d, want %v", when, i, fare, want)
		}
	}
	for _, fare := range want {
		left[fare]--
	}
	for fare, n := range left {
		if n != 0 {
			c.T.Errorf("%s: the history has the fare %d %+d times more than expected", when, fare, n)
		}
	}
}

func wantEstimate(c *servertest.Client, when string, trip servertest.Object, fare, discount int64) {
	c.T.Helper()
	o := c.Want(200, "POST", "/api/app/rides/estimated-fare", trip)
	if f, d := servertest.Integer(c.T, o["fare"]), servertest.Integer(c.T, o["discount"]); f != fare || d != discount {
		c.T.Errorf("%s: estimated are %d with %d off, want %d and %d", when, f, d, fare, discount)
	}
}

// presets are facts about the accounts of S12.1 and S12.3.
func presets(p *servertest.Process, when string) {
	p.T.Helper()
	collier := account(p, "app_session", "34ea320039fc61ae2558176607a2e12ca402cbba22ea21e8c28a46df63f4fd25")
	wantFares(collier, when, true)
	wantEstimate(collier, when, servertest.Trip(servertest.At(0, 0), servertest.At(0, 50)), 4500, 1000)
	for _, token := range []string{"d175bd9d34b9c4e0b3d9864a07ccee37f043b9df1e77ca20c78bc5878a537dc6", // Miller6106
		"d1c9df78002d6829f32f1d676c472de1e2f2ce23d8c949979316060e55124205"} { // Goldner6682
		if rides := account(p, "app_session", token).Want(200, "GET", "/api/app/rides", nil)["rides"].([]any); len(rides) != 1 {
			p.T.Errorf("%s: the history of %s has %d rides, want 1", when, token, len(rides))
		}
	}
	toChair := account(p, "chair_session", "3013d5ec84e1b230f913a17d71ef27c8d09d777b1cce7a3c1e2ffd4040848411").Listen()
	defer toChair.Close()
	if m := toChair.Next(); m["status"] != "COMPLETED" { // its one ride is over, and it was told so
		p.T.Errorf("%s: the simulator's chair is told %v", when, m)
	}
}

// rowCounts are those of S12.2, with the rows of one ride by new accounts.
func rowCounts(p *servertest.Process) {
	p.T.Helper()
	rows := p.Tables()
	got := []int{len(rows.Owners), len(rows.Chairs), len(rows.ChairLocations), len(rows.Users), len(rows.PaymentTokens),
		len(rows.Coupons), len(rows.Rides), len(rows.RideStatuses), len(rows.ChairModels), len(rows.Settings)}
	want := []int{5 + 1, 500 + 1, 21_209 + 3, 559 + 1, 559 + 1, 518 + 1, 750 + 1, 4_496 + 6, 55, 1}
	for i := range want {
		if got[i] != want[i] {
			p.T.Errorf("the row counts are %v, want %v", got, want)
			break
		}
	}
	if url := rows.Settings[0].Value; !strings.HasPrefix(url, "http://127.0.0.1:") {
		p.T.Errorf("payment_gateway_url is %q", url)
	}
}

// contestDump is the contest's initial data, which is not part of this repository.
func contestDump(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../../shared/data/official-initial-data.sql.gz")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Skip("needs the contest's dump, which is not part of the repository: ", err)
	}
	return path
}
