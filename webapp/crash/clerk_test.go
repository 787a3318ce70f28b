package crash

import (
	"fmt"
	"math/rand/v2"

	"isuride/webapp/servertest"
)

// clerk is the owner of all chairs. It registers chairs, owners and users that do nothing
// else, and reads its lists.
type clerk struct {
	w        *world
	rng      *rand.Rand
	c        *servertest.Client
	register string // token for chairs

	chairs  map[string]string    // idle ones by id: the name
	open    []string             // names of chairs whose registration is open
	idlers  []*servertest.Client // owners and users with a session
	pending *registration        // open, nil if none
	lost    int                  // accounts whose answer the server did not live to give
}

// registration is a call that makes an owner or a user.
type registration struct {
	path string
	body servertest.Object
}

func newClerk(w *world, rng *rand.Rand) *clerk {
	k := &clerk{w: w, rng: rng, chairs: map[string]string{}}
	k.c, k.register = w.p.Owner("the owner")
	return k
}

func (k *clerk) step() error {
	if k.pending != nil {
		return k.enrol()
	}
	name := fmt.Sprintf("%x", k.rng.Uint64())
	switch k.rng.IntN(5) {
	case 0:
		return k.newChair(name)
	case 1:
		k.pending = &registration{"/api/owner/owners", servertest.Object{"name": name}}
		return nil
	case 2:
		k.pending = &registration{"/api/app/users", servertest.Person(name)}
		return nil
	case 3:
		_, err := k.w.demand(k.c, 200, "GET", "/api/owner/chairs", nil)
		return err
	}
	_, err := k.w.demand(k.c, 200, "GET", "/api/owner/sales", nil)
	return err
}

// newChair registers a chair. Names of chairs may repeat, so a call with an open outcome
// is not repeated: the owner's list will tell.
func (k *clerk) newChair(name string) error {
	k.open = append(k.open, name)
	o, err := k.w.demand(k.c, 201, "POST", "/api/chair/chairs",
		servertest.Object{"name": name, "model": "Legacy Chair", "chair_register_token": k.register})
	if err != nil {
		return err
	}
	k.open = nil
	k.chairs[fmt.Sprint(o["id"])] = name
	return nil
}

// enrol makes the pending account, unless a call with an open outcome has done so.
func (k *clerk) enrol() error {
	a, err := k.w.call(k.c, "POST", k.pending.path, k.pending.body)
	if err != nil {
		return err
	}
	switch a.Status {
	case 201:
		k.idlers = append(k.idlers, &servertest.Client{T: k.c.T, Process: k.c.Process, Cookie: a.CookieOf()})
	case 409:
		k.lost++
	default:
		return wrong(a, "POST", k.pending.path)
	}
	k.pending = nil
	return nil
}
