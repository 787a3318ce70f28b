package world

// The population before the load (spec 1.5). Half of all owners and users belong to each region.
const (
	initialOwners     = 5
	chairsPerOwner    = 4
	initialChairSpeed = 2
	initialUsers      = 10
)

// A population keeps count of the registrations before the load, which follow each other strictly.
type population struct {
	owners, chairs, users int
	ownerNames            []int // order in which the names are given
	done                  bool
	err                   error
}

// Populate starts the registration of the first owners, chairs and users (spec 1.5, step 2). It is complete when
// Populated says so.
func (w *World) Populate(now Instant) {
	w.advance(now)
	w.population.ownerNames = w.random.Perm(len(ownerNames))
	w.populateNext()
}

// Populated tells whether the population is complete or has failed; the first failure ends it.
func (w *World) Populated() (done bool, err error) { return w.population.done, w.population.err }

// populated continues after one registration.
func (w *World) populated(err error) {
	if w.population.done {
		return
	}
	if err != nil {
		w.population.done, w.population.err = true, err
		return
	}
	w.populateNext()
}

// populateNext starts the registration that comes next: each owner is followed by his chairs, and all of them by the
// users.
func (w *World) populateNext() {
	p := &w.population
	switch {
	case p.chairs < chairsPerOwner*p.owners:
		p.chairs++
		o := w.owners[p.owners-1]
		w.registerChair(o, o.pickModel(initialChairSpeed))
	case p.owners < initialOwners:
		g := w.regions[p.owners%len(w.regions)]
		p.owners++
		w.registerOwner(g, ownerNames[p.ownerNames[p.owners-1]])
	case p.users < initialUsers:
		g := w.regions[p.users%len(w.regions)]
		p.users++
		w.registerUser(g, OriginPopulation, nil)
	default:
		p.done = true
	}
}
