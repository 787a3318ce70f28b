package world

import "fmt"

// requestSales asks for everything up to the newest completion the bench knows (B6.3).
func (o *owner) requestSales() {
	if o.lastCompletedAt == 0 {
		return
	}
	o.world.busy++
	o.step = ownerSales
	o.until = o.lastCompletedAt
	o.recent = o.recent[:0]
	o.client.Sales(o.until)
}

func (o *owner) salesReceived(e Event) {
	got := e.Body.(*Sales)
	if err := o.checkSales(got); err != nil {
		o.world.complain(&o.entity, CodeSales, "%v", err)
		o.endTurn()
		return
	}
	if o.world.arrivals == nil {
		o.toBuy = affordableChairs(got.Total) - o.purchases
	}
	o.step = ownerPurchase
	o.buyNext()
}

// salesBounds are the least and the most an answer may say: rides rated while it was
// under way may be part of it, if the server completed them before the end of the period
// (B6.5). Beyond the official tool, so may rides whose rating has no answer yet: on a busy
// machine that answer can be later than the one to a newer rating, which ends the period.
type salesBounds struct{ low, high int }

func (b salesBounds) check(got int) error {
	if got < b.low || got > b.high {
		return fmt.Errorf("%d, expected %d to %d", got, b.low, b.high)
	}
	return nil
}

// bounds follow from the present sum without the rides that were rated during the request
// and satisfy f.
func (o *owner) bounds(now int, f func(*ride) bool) salesBounds {
	b := salesBounds{now, now}
	for _, r := range o.recent {
		if !f(r) {
			continue
		}
		b.low -= r.sales()
		if r.serverCompletedAt > o.until {
			b.high -= r.sales()
		}
	}
	for r := range o.rating {
		if f(r) {
			b.high += r.sales()
		}
	}
	return b
}

func (o *owner) checkSales(got *Sales) error {
	if err := o.checkChairSales(got.Chairs); err != nil {
		return err
	}
	if err := o.checkModelSales(got.Models); err != nil {
		return err
	}
	total := o.bounds(o.sales, func(*ride) bool { return true })
	if err := total.check(got.Total); err != nil {
		return fmt.Errorf("total sales %w", err)
	}
	return nil
}

func (o *owner) checkChairSales(got []ChairSales) error {
	if len(got) != len(o.chairs) {
		return fmt.Errorf("sales of %d chairs, expected %d", len(got), len(o.chairs))
	}
	for _, g := range got {
		c := o.chairsByID[g.ID]
		if c == nil {
			return fmt.Errorf("sales of the unknown chair %s", g.ID)
		}
		if g.Name != c.name {
			return fmt.Errorf("sales of chair %s under the name %s, expected %s", g.ID, g.Name, c.name)
		}
		b := o.bounds(c.sales, func(r *ride) bool { return r.chair == c })
		if err := b.check(g.Sales); err != nil {
			return fmt.Errorf("sales of chair %s %w", g.ID, err)
		}
	}
	return nil
}

func (o *owner) checkModelSales(got []ModelSales) error {
	if len(got) != len(o.modelSales) {
		return fmt.Errorf("sales of %d models, expected %d", len(got), len(o.modelSales))
	}
	for _, g := range got {
		sum, ok := o.modelSales[g.Model]
		if !ok {
			return fmt.Errorf("sales of the model %s, which the owner does not have", g.Model)
		}
		b := o.bounds(sum, func(r *ride) bool { return r.chair.model.name == g.Model })
		if err := b.check(g.Sales); err != nil {
			return fmt.Errorf("sales of model %s %w", g.Model, err)
		}
	}
	return nil
}

// buyNext registers the chairs the owner can afford one after the other (B6.6). The speed
// classes take turns.
func (o *owner) buyNext() {
	if o.toBuy <= 0 {
		o.endTurn()
		return
	}
	o.toBuy--
	o.purchases++
	speed := speedClasses[(o.purchases-1)%len(speedClasses)]
	o.world.registerChair(o, o.pickModel(speed))
}

func (o *owner) pickModel(speed int) chairModel {
	return o.models[speed][o.random.IntN(modelsPerSpeed)]
}

// chairRegistered goes on after the registration of a chair. A failure ends the batch;
// that chair counts as bought and is not tried again.
func (o *owner) chairRegistered(err error) {
	if o.step != ownerPurchase {
		o.world.populated(err)
		return
	}
	if err != nil {
		o.toBuy = 0
	}
	o.resume()
}
