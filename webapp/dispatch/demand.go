package dispatch

import (
	"math"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// demand follows which share of the riders' looks for chairs is wasted, and from that how
// many chairs to keep in reserve for them to see.
//
// A look is wasted if it showed nothing and no order followed. Riders who order without
// seeing a chair, and wait, waste none, so nothing is held back for them.
type demand struct {
	seen                  state.Demand // at the last round
	at                    isuride.Time // of it
	looks, futile, orders float64      // the past fades
	reserve               float64
}

const (
	// fading is the time in which the past loses half its weight.
	fading = time.Second
	// growth and decay are what a round makes of the reserve. At the usual cadence
	// they double it within a second, and halve it in one and a half.
	growth, first, decay = 1.1, 0.2, 0.95
)

// update takes what a region's counts say now into account.
func (d *demand) update(now isuride.Time, counts state.Demand, p *Params) {
	past := math.Exp2(-max(now.Sub(d.at), 0).Seconds() / fading.Seconds())
	d.looks = d.looks*past + float64(counts.Found-d.seen.Found+counts.Futile-d.seen.Futile)
	d.futile = d.futile*past + float64(counts.Futile-d.seen.Futile)
	d.orders = d.orders*past + float64(counts.Orders-d.seen.Orders)
	d.seen, d.at = counts, now
	if d.wasted() > float64(p.WastedLooks)/100 {
		d.reserve = d.reserve*growth + first
	} else {
		d.reserve *= decay
	}
	d.reserve = min(d.reserve, float64(p.MaxReserve))
}

// wasted is the share of looks that were.
func (d *demand) wasted() float64 {
	if d.looks == 0 {
		return 0
	}
	return max(min(d.futile, d.looks-d.orders), 0) / d.looks
}
