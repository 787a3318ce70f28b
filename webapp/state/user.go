package state

import (
	"sync/atomic"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

// User is a person who requests rides.
type User struct {
	isuride.User // set once
	// Log is the user's notification log.
	Log Log
	// reflects is the last event that the image had from which the user was restored.
	// Only recovery looks at it.
	reflects uint64
	mark     mark
	key      uint64 // the id as a word of facts, set once
	// unnoticed is the ride that was completed last, until the user's client shows that
	// it knows.
	unnoticed atomic.Pointer[Ride]

	mu lockwatch.Mutex
	// The rest is guarded by mu.
	token      string // payment token, "" until there is one
	rides      []*Ride
	unfinished int              // rides that are not completed
	before     int              // rides from before the present token, or the last start
	coupons    []isuride.Coupon // in grant order
	issued     int              // yen, of all coupons
	used       int              // yen, of those that are used
	invited    int              // users who registered with this user's code
}

// FullName returns the name that chairs see (S6.2).
func (u *User) FullName() string { return u.Firstname + " " + u.Lastname }

// NewUser is a registration (S4.2).
type NewUser struct {
	Username, Firstname, Lastname, DateOfBirth string
	InvitationCode                             string // "" if not invited
}

func (n *NewUser) check() error {
	for _, f := range []struct{ name, value string }{
		{"username", n.Username}, {"firstname", n.Firstname}, {"lastname", n.Lastname}, {"date_of_birth", n.DateOfBirth},
	} {
		if err := checkText(f.name, f.value, nameWidth); err != nil {
			return err
		}
	}
	return nil
}

// RegisterUser creates a user with its coupons, all or nothing (S4.2).
func (s *Store) RegisterUser(n NewUser) (*User, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	s.registry.Lock()
	defer s.registry.Unlock()
	if s.usernames[foldName(n.Username)] {
		return nil, isuride.Errorf(isuride.Conflict, "username %q is taken", n.Username)
	}
	now := s.opt.Now()
	row := &isuride.User{
		ID: s.ids.next(now), Username: n.Username, Firstname: n.Firstname, Lastname: n.Lastname, DateOfBirth: n.DateOfBirth,
		AccessToken: newSecret(tokenBytes), InvitationCode: newSecret(invitationBytes), CreatedAt: now, UpdatedAt: now,
	}
	e := isuride.Event{Kind: isuride.UserRegistered, User: row,
		Coupons: []isuride.Coupon{isuride.SignupCoupon(row.ID, now)}}
	if n.InvitationCode == "" {
		return s.commitUserLocked(&e, nil)
	}
	return s.registerInvitedLocked(&e, n.InvitationCode)
}

// registerInvitedLocked adds the coupons of an invitation.
func (s *Store) registerInvitedLocked(e *isuride.Event, code string) (*User, error) {
	inviter, ok := s.usersByInvitation.Load(code)
	if !ok {
		return nil, isuride.Errorf(isuride.InvalidInput, "invitation_code %.40q belongs to nobody", code)
	}
	inviter.mu.Lock()
	defer inviter.mu.Unlock()
	if inviter.invited >= isuride.MaxInvitations {
		return nil, isuride.Errorf(isuride.InvalidInput, "invitation_code %.40q has been used %d times already", code, isuride.MaxInvitations)
	}
	// The sign-up coupon ranks before the invitation's.
	e.Coupons = append(e.Coupons,
		isuride.InviteCoupon(e.User.ID, code, e.User.CreatedAt+1),
		isuride.RewardCoupon(inviter.ID, code, inviter.nextGrantLocked(e.User.CreatedAt)))
	return s.commitUserLocked(e, inviter)
}

// nextGrantLocked returns the time at which a coupon granted now counts as granted: at
// least one millisecond after the one before, since a reward's code has the millisecond
// in it.
func (u *User) nextGrantLocked(now isuride.Time) isuride.Time {
	const millisecond = 1000
	if n := len(u.coupons); n > 0 {
		return max(now, u.coupons[n-1].CreatedAt+millisecond)
	}
	return now
}

func (s *Store) commitUserLocked(e *isuride.Event, inviter *User) (*User, error) {
	posting, v := checkRegistrationLocked(e, inviter)
	if v != nil {
		return nil, s.refuse(v)
	}
	d := s.delta()
	d.user(e.User, e.Coupons)
	if inviter != nil {
		d.rewardLocked(inviter, e.Coupons)
	}
	seq, err := s.record(e, &d)
	if err != nil {
		return nil, err
	}
	s.post(e.User.ID, seq, &posting)
	return s.applyUserLocked(e, inviter, d.born()), nil
}

func (s *Store) applyUserLocked(e *isuride.Event, inviter *User, born mark) *User {
	u := s.addUserLocked(e.User, born)
	u.grantLocked(e.Coupons)
	s.publishUser(u)
	if inviter != nil {
		inviter.rewardLocked(e.Coupons)
	}
	return u
}

// grantLocked adds those of the coupons that are the user's.
func (u *User) grantLocked(coupons []isuride.Coupon) {
	for _, c := range coupons {
		if c.UserID == u.ID {
			u.coupons = append(u.coupons, c)
			u.issued += c.Discount
		}
	}
}

// rewardLocked counts an invitation that was taken up, and adds its coupon.
func (u *User) rewardLocked(coupons []isuride.Coupon) {
	u.invited++
	u.grantLocked(coupons)
}

func (s *Store) addUserLocked(row *isuride.User, born mark) *User {
	u := &User{User: *row, mark: born, key: keyOf(row.ID)}
	s.usernames[foldName(u.Username)] = true
	s.usersByID.Store(u.ID, u)
	s.usersByInvitation.Store(u.InvitationCode, u)
	return u
}

// publishUser lets the user in, once it is complete.
func (s *Store) publishUser(u *User) { s.usersByToken.Store(u.AccessToken, u) }

// SetPaymentToken stores or replaces the user's payment token (S4.3).
func (s *Store) SetPaymentToken(u *User, token string) error {
	if err := checkText("token", token, tokenWidth); err != nil {
		return err
	}
	if !fitsHeader(token) {
		return isuride.Errorf(isuride.InvalidInput, "token has blanks around it or control characters, which no payment request can carry")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if token == u.token {
		return nil
	}
	e := isuride.Event{Kind: isuride.PaymentTokenSet,
		Token: &isuride.PaymentToken{UserID: u.ID, Token: token, CreatedAt: s.opt.Now()}}
	d := s.delta()
	d.tokenLocked(u, token)
	if err := s.commit(&e, &d); err != nil {
		return err
	}
	u.token, u.before = token, len(u.rides)
	return nil
}

// Estimate returns the discounted fare of a ride the user could request now, and the
// discount in it (S4.7).
func (u *User) Estimate(pickup, destination isuride.Coordinate) (fare, discount int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	offered := 0
	if i := isuride.NextCoupon(u.coupons, true); i >= 0 {
		offered = u.coupons[i].Discount
	}
	fare = isuride.DiscountedFare(pickup, destination, offered)
	return fare, isuride.Sales(pickup, destination) - fare
}

// History visits the user's completed rides, newest first (S4.4).
func (u *User) History(visit func(CompletedRide)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := len(u.rides) - 1; i >= 0; i-- {
		if r := u.rides[i]; r.done {
			visit(CompletedRide{Ride: r, Chair: r.chair.Load(), Evaluation: r.evaluation, CompletedAt: r.updatedAt})
		}
	}
}
