package world

import (
	"math"
	"slices"
)

// The population before the load (B1.5). Half of all owners and users belong to each
// region.
const (
	initialOwners     = 5
	chairsPerOwner    = 4
	initialChairSpeed = 2
	initialUsers      = 10
)

// Population is the number of chairs and users before the load. An open loop has as many
// as it needs, but the number of chairs may be given.
func (c Config) Population() (chairs, users int) {
	chairs, users = initialOwners*chairsPerOwner, initialUsers
	if c.RideRate > 0 {
		chairs += int(math.Ceil(chairSeconds * c.RideRate))
		users += int(math.Ceil(userSeconds * c.RideRate))
	}
	if c.Chairs > 0 {
		chairs = c.Chairs
	}
	return max(chairs, initialOwners*chairsPerOwner), max(users, c.Users)
}

// parallelRegistrations is the number of those beyond the official population that
// register at the same time. Each leaves an unused connection for a while, so they should
// not all come within it.
const parallelRegistrations = 8

// A population keeps count of the registrations before the load. The official ones follow
// each other strictly.
type population struct {
	owners, chairs, users int   // begun
	pending               int   // of them
	ownerNames            []int // order in which the names are given
	done                  bool
	err                   error
}

// Populate starts the registration of the first owners, chairs and users (B1.5, step 2).
// It is complete when Populated says so.
func (w *World) Populate(now Instant) {
	w.advance(now)
	w.population.ownerNames = w.random.Perm(len(ownerNames))
	w.populateNext()
}

// Populated reports whether the population is complete or has failed; the first failure
// ends it.
func (w *World) Populated() (done bool, err error) { return w.population.done, w.population.err }

// populated continues after one registration.
func (w *World) populated(err error) {
	p := &w.population
	if p.done {
		return
	}
	if err != nil {
		p.done, p.err = true, err
		return
	}
	p.pending--
	w.populateNext()
}

// populateNext starts the registrations that come next.
func (w *World) populateNext() {
	p := &w.population
	for p.pending == 0 || p.users >= initialUsers && p.pending < parallelRegistrations {
		if !w.registerNext() {
			break
		}
		p.pending++
	}
	p.done = p.pending == 0
}

// registerNext starts the registration that comes next; false if there is none. Each
// owner is followed by their chairs, and all of them by the users. Additional chairs and
// users come last.
func (w *World) registerNext() bool {
	p := &w.population
	chairs, users := w.config.Population()
	switch {
	case p.chairs < chairsPerOwner*p.owners:
		o := w.owners[p.owners-1]
		w.registerChair(o, o.pickModel(initialChairSpeed))
		p.chairs++
	case p.owners < initialOwners:
		w.registerOwner(w.regions[p.owners%len(w.regions)], ownerNames[p.ownerNames[p.owners]])
		p.owners++
	case p.users < initialUsers:
		w.registerUser(w.regions[p.users%len(w.regions)], OriginPopulation, nil)
		p.users++
	case p.chairs < chairs:
		w.registerAdditionalChair(p.chairs - chairsPerOwner*initialOwners)
		p.chairs++
	case p.users < users:
		w.registerUser(w.regions[p.users%len(w.regions)], OriginPopulation, nil)
		p.users++
	default:
		return false
	}
	return true
}

// registerAdditionalChair gives each region half of the additional chairs, and each owner
// in it and each speed their share.
func (w *World) registerAdditionalChair(n int) {
	owners := w.ownersOf(w.regions[n%len(w.regions)])
	n /= len(w.regions)
	o := owners[n%len(owners)]
	w.registerChair(o, o.pickModel(speedClasses[n/len(owners)%len(speedClasses)]))
}

func (w *World) ownersOf(g *region) []*owner {
	return slices.DeleteFunc(slices.Clone(w.owners), func(o *owner) bool { return o.region != g })
}
