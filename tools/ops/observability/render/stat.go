package main

// drawStat writes the newest value, above a small curve of how it came to it.
func (b board) drawStat(r rect) {
	u := unitOf(b.panel.Unit())
	c := b.curves[0]
	plot := rect{r.x + 1, r.y + r.h*0.55, r.w - 2, r.h * 0.45}
	top := c.max()
	if top <= 0 {
		top = 1
	}
	b.drawCurve(plot, axis{top: top, step: top}, c, inks[0], true)
	b.text(r.x+r.w/2, r.y+r.h*0.52, "value", u.text(c.last()))
}
