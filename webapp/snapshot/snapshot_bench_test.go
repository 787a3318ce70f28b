package snapshot

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/state"
)

// town yields the images of a town, in which each user has completed so many rides.
func town(chairs, users, perUser int, visit func(*state.Image) error) error {
	id := func(kind byte, n int) string { return fmt.Sprintf("01M8KDJKYK%c%015d", kind, n) }
	secret := func(n int) string { return fmt.Sprintf("%064x", n) }
	pickup, destination := isuride.Coordinate{Latitude: 17}, isuride.Coordinate{Latitude: 40, Longitude: 30}
	if err := visit(&state.Image{Owner: &isuride.Owner{ID: id('O', 0), Name: "owner", AccessToken: secret(1), ChairRegisterToken: secret(2)}}); err != nil {
		return err
	}
	sales := make([]state.Sale, 0, users*perUser/chairs)
	for i := range cap(sales) {
		sales = append(sales, state.Sale{At: start + isuride.Time(i)*60_000_000, Sum: isuride.Sales(pickup, destination) * (i + 1)})
	}
	for i := range chairs {
		c := state.ChairImage{Chair: isuride.Chair{ID: id('C', i), OwnerID: id('O', 0), Name: "AB", Model: "SitEase", IsActive: true, AccessToken: secret(3 + i), CreatedAt: start, UpdatedAt: start},
			Track: state.Track{Distance: 100_000, Reported: start}, Stats: state.Stats{Rides: int32(len(sales)), EvaluationSum: 5 * int32(len(sales))}, Sales: sales}
		if err := visit(&state.Image{Position: 1, Chair: &c}); err != nil {
			return err
		}
	}
	var rides []state.RideImage
	for i := range users {
		u := state.UserImage{User: isuride.User{ID: id('U', i), Username: fmt.Sprint("user", i), Firstname: "Ann", Lastname: "Lee", DateOfBirth: "2000-01-01",
			AccessToken: secret(3 + chairs + i), InvitationCode: secret(i)[34:], CreatedAt: start, UpdatedAt: start}, Token: "payment-token",
			Coupons: []isuride.Coupon{{UserID: id('U', i), Code: "CP_NEW2024", Discount: 3000, CreatedAt: start, UsedBy: id('R', i*perUser)}}}
		rides = rides[:0]
		for n := range perUser {
			at := start + isuride.Time(i*perUser+n)*1_000_003
			discount := 0
			if n == 0 {
				discount = u.Coupons[0].Discount
			}
			rides = append(rides, state.RideImage{Ride: isuride.Ride{ID: id('R', i*perUser+n), UserID: u.ID, ChairID: id('C', (i+n)%chairs), Pickup: pickup,
				Destination: destination, Evaluation: 5, CreatedAt: at, UpdatedAt: at + 30_000_000},
				Fare: isuride.DiscountedFare(pickup, destination, discount), Status: isuride.Completed, StatusAt: at + 30_000_000, Passed: 0x7e, Done: true})
		}
		u.Rides = rides
		if err := visit(&state.Image{Position: 1, User: &u}); err != nil {
			return err
		}
	}
	return nil
}

type nowhere struct{}

func (nowhere) AppendNoted(_ []byte, note interface{ Recorded(uint64) }) (uint64, error) {
	note.Recorded(1)
	return 1, nil
}
func (nowhere) Appended() uint64    { return 1 }
func (nowhere) Hold(f func(uint64)) { f(1) }

var options = state.Options{Log: nowhere{}, Now: func() isuride.Time { return start }, Describe: func(*isuride.Chair) []byte { return nil }}

func restore(path string) (*state.Store, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	restoration := state.NewRestoration(options, nil, r.Header().Size)
	if err := r.Each(restoration.Add); err != nil {
		return nil, err
	}
	recovery, err := restoration.Recovery(r.Header().Span, state.Hash{})
	if err != nil {
		return nil, err
	}
	_, _, err = recovery.Finish(1)
	return recovery.Store(), err
}

func writeTown(b testing.TB, chairs, users, perUser int) Info {
	info, err := Write(b.TempDir(), Header{History: journal.History{1}}, func(add func(*state.Image) error) (End, error) {
		return End{Span: state.Span{From: 1, To: 1}}, town(chairs, users, perUser, add)
	})
	if err != nil {
		b.Fatal(err)
	}
	return info
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// weight returns the memory that the state of a snapshot takes.
func weight(b *testing.B, path string) float64 {
	before := heap()
	store, err := restore(path)
	if err != nil {
		b.Fatal(err)
	}
	defer runtime.KeepAlive(store)
	return float64(heap() - before)
}

// cpu returns the CPU time of this process: others may have the machine, too.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRestore makes the state of 10,000 chairs, 100,000 users and a million rides, the bar
// of a restart, and tells what a ride takes in memory: what the town with rides has more than one
// without them.
func BenchmarkRestore(b *testing.B) {
	const chairs, users, rides = 10_000, 100_000, 1_000_000
	info, without := writeTown(b, chairs, users, rides/users), writeTown(b, chairs, users, 0)
	perRide := (weight(b, info.Path) - weight(b, without.Path)) / rides
	spent := cpu()
	for b.Loop() {
		if _, err := restore(info.Path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu()-spent).Milliseconds())/float64(b.N), "cpu-ms/op")
	b.ReportMetric(perRide, "B/ride")
	b.ReportMetric(float64(info.Bytes)/rides, "file-B/ride")
}

// BenchmarkWrite writes the same from a store.
func BenchmarkWrite(b *testing.B) {
	info := writeTown(b, 10_000, 100_000, 10)
	store, err := restore(info.Path)
	if err != nil {
		b.Fatal(err)
	}
	dir, spent := b.TempDir(), cpu()
	for b.Loop() {
		_, err := Write(dir, Header{}, func(add func(*state.Image) error) (End, error) {
			n, err := store.Count(add)
			return End{Span: n.Span, Hash: n.Sum}, errors.Join(err, n.Err())
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu()-spent).Milliseconds())/float64(b.N), "cpu-ms/op")
}
