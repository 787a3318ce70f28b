package world

// Rules of the invitation of friends (B8.2).
const (
	inviteRating   = 4 // from which on a user invites
	maxInvitations = 3
)

// grow brings the users whom the regions' reputation attracts (B8.1).
func (w *World) grow() {
	if w.arrivals != nil {
		return
	}
	for _, g := range w.regions {
		for range g.newcomers() {
			w.registerUser(g, OriginReputation, nil)
		}
	}
}

// invite makes a satisfied user bring a friend. The limit is tested before the friend
// waits for the invitation lock; it can be exceeded in rare races, as in the official
// tool.
func (w *World) invite(u *user, rating int) {
	if w.arrivals == nil && rating >= inviteRating && u.invited < maxInvitations {
		w.registerUser(u.region, OriginInvitation, u)
	}
}
