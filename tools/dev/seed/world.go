package main

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

// The sizes of the contest's data set (S12.4).
const (
	chairsPerOwner = 100
	baseUsers      = 300
	maxInvitations = 3
	rideCount      = 750
)

// Amounts of the coupons and the part of the invitation code that their codes hold:
// only the first half, unlike coupons of the API (S12.3).
const (
	inviteDiscount = 1500
	rewardDiscount = 1000
	codeDigits     = 15
)

// Time spans of registrations; all times are whole seconds (S12.2).
var (
	ownersAt   = at(2024, 11, 24, 16, 0, 0)
	chairsSpan = [2]isuride.Time{ownersAt + 60*second, ownersAt + 23*hour}
	usersSpan  = [2]isuride.Time{at(2024, 11, 25, 16, 22, 30), at(2024, 11, 26, 13, 50, 0)}
)

const (
	second isuride.Time = 1e6
	minute              = 60 * second
	hour                = 60 * minute
)

func at(year int, month time.Month, day, hour, minute, second int) isuride.Time {
	return isuride.TimeOf(time.Date(year, month, day, hour, minute, second, 0, time.UTC))
}

// world is the data set under construction.
type world struct {
	isuride.Tables
	random *rand.Rand

	usernames map[string]bool
	coupons   map[string][]int // by user id: indexes of unused coupons, in grant order
	drivers   []driver         // by index of chair
}

// newWorld makes the data set of a seed.
func newWorld(seed uint64) (*world, error) {
	w := &world{
		random:    rand.New(rand.NewPCG(seed, 0)),
		usernames: map[string]bool{},
		coupons:   map[string][]int{},
	}
	models, err := sqlstore.MasterData()
	if err != nil {
		return nil, err
	}
	for _, name := range ownerNames {
		w.owner(name, models.ChairModels)
	}
	slices.SortFunc(w.Chairs, func(a, b isuride.Chair) int { return strings.Compare(a.ID, b.ID) })
	for i := range w.Chairs {
		w.drivers = append(w.drivers, driver{chair: &w.Chairs[i], speed: speedOf(models.ChairModels, w.Chairs[i].Model)})
	}
	for range baseUsers {
		w.family(w.between(usersSpan))
	}
	for n := range rideCount {
		w.ride(&w.Users[w.random.IntN(len(w.Users))], &w.drivers[w.random.IntN(len(w.drivers))], n)
	}
	w.sort()
	return w, nil
}

func speedOf(models []isuride.ChairModel, name string) int {
	i := slices.IndexFunc(models, func(m isuride.ChairModel) bool { return m.Name == name })
	return models[i].Speed
}

// sort orders the rows by key, as in a dump.
func (w *world) sort() {
	slices.SortFunc(w.ChairLocations, func(a, b isuride.ChairLocation) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(w.Users, func(a, b isuride.User) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(w.PaymentTokens, func(a, b isuride.PaymentToken) int { return strings.Compare(a.UserID, b.UserID) })
	slices.SortFunc(w.Rides, func(a, b isuride.Ride) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(w.RideStatuses, func(a, b isuride.RideStatus) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(w.Coupons, func(a, b isuride.Coupon) int { return strings.Compare(a.UserID+a.Code, b.UserID+b.Code) })
}

func (w *world) owner(name string, models []isuride.ChairModel) {
	o := isuride.Owner{ID: w.id(ownersAt), Name: name, AccessToken: w.hex(32), ChairRegisterToken: w.hex(32),
		CreatedAt: ownersAt, UpdatedAt: ownersAt}
	w.Owners = append(w.Owners, o)
	for range chairsPerOwner {
		now := w.between(chairsSpan)
		model := w.random.IntN(len(models))
		w.Chairs = append(w.Chairs, isuride.Chair{ID: w.id(now), OwnerID: o.ID, Name: w.chairName(model),
			Model: models[model].Name, AccessToken: w.hex(32), CreatedAt: now, UpdatedAt: now})
	}
}

// chairName is the code of the model and a number, like A01-9999.
func (w *world) chairName(model int) string {
	return fmt.Sprintf("%s%02d-%d", chairPrefixes[model%len(chairPrefixes)], model+1, w.random.IntN(10000))
}

// family makes a user and those they invite, one an hour, until a coin toss fails.
func (w *world) family(now isuride.Time) {
	inviter := w.user(now)
	code := inviter.InvitationCode[:codeDigits]
	for n := 0; n < maxInvitations && w.random.IntN(2) == 0; n++ {
		invitee := w.user(now)
		w.coupon(invitee.ID, "INV_"+code, inviteDiscount, now)
		w.coupon(inviter.ID, fmt.Sprintf("RWD_%s_%d", code, now.Milli()), rewardDiscount, now)
		now += hour
	}
}

func (w *world) user(now isuride.Time) isuride.User {
	u := isuride.User{ID: w.id(now), Username: w.username(), Firstname: pick(w.random, firstnames), Lastname: pick(w.random, lastnames),
		DateOfBirth: at(1950, 1, 1+w.random.IntN(20000), 0, 0, 0).Std().Format(time.DateOnly),
		AccessToken: w.hex(32), InvitationCode: w.hex(15), CreatedAt: now, UpdatedAt: now}
	w.Users = append(w.Users, u)
	w.PaymentTokens = append(w.PaymentTokens, isuride.PaymentToken{UserID: u.ID, Token: w.letters(100), CreatedAt: now})
	return u
}

func (w *world) username() string {
	for {
		name := fmt.Sprintf("%s%d", pick(w.random, usernames), w.random.IntN(10000))
		if !w.usernames[name] {
			w.usernames[name] = true
			return name
		}
	}
}

func (w *world) coupon(userID, code string, discount int, now isuride.Time) {
	w.coupons[userID] = append(w.coupons[userID], len(w.Coupons))
	w.Coupons = append(w.Coupons, isuride.Coupon{UserID: userID, Code: code, Discount: discount, CreatedAt: now})
}

func pick(random *rand.Rand, words []string) string { return words[random.IntN(len(words))] }

// between is a whole second within the span.
func (w *world) between(span [2]isuride.Time) isuride.Time {
	return span[0] + isuride.Time(w.random.Int64N(int64((span[1]-span[0])/second)))*second
}

// id is a ULID of the time.
func (w *world) id(now isuride.Time) string {
	id := ulid.ULID{}
	if err := id.SetTime(uint64(now.Milli())); err != nil {
		panic("BUG: " + err.Error()) // only for years after 10889
	}
	copy(id[6:], w.bytes(10))
	return id.String()
}

func (w *world) hex(bytes int) string { return hex.EncodeToString(w.bytes(bytes)) }

func (w *world) letters(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[w.random.IntN(len(alphabet))]
	}
	return string(b)
}

func (w *world) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(w.random.Uint32())
	}
	return b
}
