package world

import "fmt"

// Ticks of an hour at which owners act (B6.3).
const (
	chairListTick = 30
	salesTick     = 59
)

// ownerStep says what the turn of an owner waits for. An owner with a step other than
// ownerIdle is busy (B2.3).
type ownerStep uint8

const (
	ownerIdle ownerStep = iota
	ownerRegistrationVisit
	ownerRegistration
	ownerListVisit
	ownerList
	ownerSales
	ownerPurchase
)

// ownerSteps is the table of an owner's steps (B6.2 to B6.6).
func ownerSteps() []step[*owner] {
	return []step[*owner]{
		ownerRegistrationVisit: onVisit(VisitOwnerRegistration, CodeOwnerRegistration, (*owner).register, (*owner).registrationFailed),
		ownerRegistration:      onAnswer(EventOwnerRegistered, "registration", CodeOwnerRegistration, (*owner).registered, (*owner).registrationFailed),
		ownerListVisit:         onVisit(VisitOwnerChairs, CodeOwnerChairsRequest, (*owner).requestList, nil),
		ownerList:              onAnswer(EventOwnerChairs, "chair list", CodeOwnerChairsRequest, (*owner).listReceived, nil),
		ownerSales:             onAnswer(EventOwnerSales, "sales", CodeSalesRequest, (*owner).salesReceived, nil),
		ownerPurchase:          onResume((*owner).buyNext), // once the chair before has registered
	}
}

// An owner looks at chairs and sales once an hour and buys chairs from what was earned.
type owner struct {
	entity
	client OwnerClient
	region *region

	// set at registration
	name          string
	registerToken string
	session       string                             // Cookie field
	models        map[int][modelsPerSpeed]chairModel // by speed, what the owner buys

	step     ownerStep
	baseTime Instant // of the chair list

	chairs     []*chair
	chairsByID map[string]*chair
	modelSales map[string]int // of the rated rides, undiscounted; an entry for every model that was bought

	sales           int // sum of the rated rides, undiscounted
	score           int // sum of the rated rides, in hundredths of a point
	lastCompletedAt Millis

	until  Millis  // of the sales request
	recent []*ride // rated since the sales request was sent

	rating map[*ride]bool // whose rating has no answer yet

	purchases int // attempts (B6.6); the initial chairs do not count
	toBuy     int
}

func (w *World) registerOwner(g *region, name string) {
	o := &owner{
		entity: newEntity(w, KindOwner, len(w.owners)), region: g, name: name,
		models: map[int][modelsPerSpeed]chairModel{}, chairsByID: map[string]*chair{}, modelSales: map[string]int{}, rating: map[*ride]bool{},
	}
	for _, s := range speedClasses {
		o.models[s] = pickModels(o.random, s)
	}
	o.client = w.clients.NewOwner(o.Entity)
	w.owners = append(w.owners, o)
	w.busy++
	o.visit(ownerRegistrationVisit)
}

func (o *owner) register() {
	o.step = ownerRegistration
	o.client.Register(o.name)
}

func (o *owner) registered(e Event) {
	account := e.Body.(*OwnerAccount)
	o.id, o.registerToken, o.session = account.ID, account.RegisterToken, account.Session
	o.note("registered", nil, StatusUnknown)
	o.endTurn()
	o.world.populated(nil)
}

func (o *owner) registrationFailed(call string, f *Failure) {
	o.endTurn()
	o.world.populated(fmt.Errorf("%v: %s: %w", o.Entity, call, f))
}

// turn is one turn of B6.3. An owner who is still busy misses the hour.
func (o *owner) turn() {
	if o.step != ownerIdle {
		return
	}
	hour := o.world.tick % ticksPerHour
	if missed := o.world.config.Missed; missed != nil && (hour == chairListTick || hour == salesTick) && missed() {
		return
	}
	switch hour {
	case chairListTick:
		o.world.busy++
		o.visit(ownerListVisit)
	case salesTick:
		o.requestSales()
	}
}

func (o *owner) endTurn() {
	o.step = ownerIdle
	o.world.busy--
}

// deliver takes an event over.
func (o *owner) deliver(e Event) { o.world.ownerSteps[o.step].answered(o, e) }

// resume continues the purchases.
func (o *owner) resume() { o.world.ownerSteps[o.step].resumed(o) }

// visit loads the page of a step.
func (o *owner) visit(at ownerStep) {
	o.step = at
	if s := &o.world.ownerSteps[at]; o.world.config.PageVisits {
		o.client.Visit(s.page)
	} else {
		s.then(o)
	}
}

func (o *owner) requestList() {
	o.step = ownerList
	o.baseTime = o.world.now
	o.client.Chairs()
}

// add takes over a chair that has registered.
func (o *owner) add(c *chair) {
	o.chairs = append(o.chairs, c)
	o.chairsByID[c.id] = c
	if _, ok := o.modelSales[c.model.name]; !ok {
		o.modelSales[c.model.name] = 0
	}
}

// earned books a rated ride of one of the owner's chairs (B4.4, step 7).
func (o *owner) earned(r *ride) {
	o.sales += r.sales()
	o.score += r.score()
	o.modelSales[r.chair.model.name] += r.sales()
	o.lastCompletedAt = max(o.lastCompletedAt, r.serverCompletedAt)
	if o.step == ownerSales {
		o.recent = append(o.recent, r)
	}
}
