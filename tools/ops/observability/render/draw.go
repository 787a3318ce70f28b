package main

import (
	"isuride/tools/ops/observability/grafana"
)

// Measures of the drawing, in pixels.
const (
	column   = 60 // of the grid
	line     = 30 // of the grid
	gap      = 8  // between two panels
	header   = 46 // above the grid
	width    = column * grafana.Columns
	fontSize = 11
)

const background = "#f4f5f7"

const style = `<style>
text { font-family: Inter, "Helvetica Neue", Arial, sans-serif; font-size: 11px; fill: #555 }
.dashboard { font-size: 20px; font-weight: 600; fill: #222 }
.row { font-size: 14px; font-weight: 600; fill: #222 }
.title { font-size: 12px; font-weight: 600; fill: #222 }
.value { font-size: 26px; font-weight: 600; fill: #222; text-anchor: middle }
.pale { fill: #8a8f98 }
.middle { text-anchor: middle }
.end { text-anchor: end }
.panel { fill: #fff; stroke: #dcdfe4 }
.grid { stroke: #e6e8ec; fill: none }
.curve { fill: none; stroke-width: 1.5; stroke-linejoin: round }
</style>`

// draw draws the dashboard with its figures, and the note next to the title.
func draw(d *grafana.Dashboard, f figures, s span, note string) []byte {
	height := 0
	for _, p := range d.Panels {
		height = max(height, p.Place.Y+p.Place.H)
	}
	var c canvas
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d">`, width+gap, header+height*line+gap)
	c.add(style)
	c.add(`<rect width="100%%" height="100%%" fill="%s"/>`, background)
	c.text(gap+4, 30, "dashboard", d.Title)
	c.text(width, 30, "end", note)
	for i := range d.Panels {
		b := board{&c, &d.Panels[i], f.curves[d.Panels[i].ID], s, f.step.Seconds()}
		b.draw()
	}
	c.add("</svg>")
	return c.Bytes()
}

// board is the area in which one panel is drawn.
type board struct {
	*canvas
	panel  *grafana.Panel
	curves []curve
	span   span
	step   float64 // seconds between two points
}

// rect is a part of the picture.
type rect struct{ x, y, w, h float64 }

func (b board) rect() rect {
	p := b.panel.Place
	return rect{float64(p.X*column + gap), float64(header + p.Y*line), float64(p.W*column - gap), float64(p.H*line - gap)}
}

func (b board) draw() {
	r := b.rect()
	if b.panel.Kind == grafana.Row {
		b.text(r.x+4, r.y+16, "row", b.panel.Title)
		return
	}
	b.add(`<g><title>%s</title>`, escape(b.panel.Title, b.panel.Description))
	b.add(`<rect x="%s" y="%s" width="%s" height="%s" rx="3" class="panel"/>`, px(r.x), px(r.y), px(r.w), px(r.h))
	b.text(r.x+10, r.y+18, "title", b.panel.Title)
	switch {
	case len(b.curves) == 0:
		b.text(r.x+r.w/2, r.y+r.h/2, "middle", "no data")
	case b.panel.Kind == grafana.Stat:
		b.drawStat(r)
	default:
		b.drawChart(r)
	}
	b.add(`</g>`)
}
