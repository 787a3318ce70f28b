package chart

import (
	"fmt"
	"unicode/utf8"
)

// Measures of a picture.
const (
	plotHeight   = 160
	titleHeight  = 30
	marginLeft   = 66 // for the labels of the axis
	marginRight  = 16 // for half of the last label below
	axisHeight   = 20
	legendHeight = 16 // of a line
	swatch       = 10
	textWidth    = 6.2 // of a letter, about
)

// seriesColours is how many colours chart.css has; then they repeat.
const seriesColours = 11

func colour(i int) string { return fmt.Sprintf("s%d", i%seriesColours+1) }

// frame is a picture in the making: a title and a rectangle for the data.
type frame struct {
	canvas
	title                    string
	width                    float64
	left, right, top, bottom float64
}

func newFrame(title string, width, left, height float64) *frame {
	f := &frame{title: title, width: width, left: left, right: width - marginRight, top: titleHeight, bottom: titleHeight + height}
	f.add(`<text class="title" x="0" y="12">%v</text>`, title)
	return f
}

// vertical draws the axis at the left, with lines across.
func (f *frame) vertical(s scale, u Unit) {
	for _, v := range s.ticks {
		y := s.at(v)
		f.add(`<path class="grid" d="M%v %vH%v"/><text class="end" x="%v" y="%v">%v</text>`,
			f.left, y, f.right, f.left-6, y+4, label(s, u, v))
	}
}

// horizontal draws the axis below, with lines across.
func (f *frame) horizontal(s scale, text func(float64) string) {
	for _, v := range s.ticks {
		f.add(`<path class="grid" d="M%v %vV%v"/>`, s.at(v), f.top, f.bottom)
		f.below(s.at(v), text(v))
	}
}

func (f *frame) below(x float64, text string) {
	f.add(`<text class="middle" x="%v" y="%v">%v</text>`, x, f.bottom+15, text)
}

// label writes all ticks in one size, except on a logarithmic scale.
func label(s scale, u Unit, v float64) string {
	if s.log {
		return u.Text(v)
	}
	return u.like(v, s.high)
}

// key explains a colour.
type key struct{ name, note string }

// finish adds the legend. A single key without a note explains nothing.
func (f *frame) finish(keys ...key) Picture {
	y := f.bottom + axisHeight
	if len(keys) > 1 || len(keys) == 1 && keys[0].note != "" {
		y += f.legend(y, keys)
	}
	return Picture{title: f.title, width: f.width, height: y, body: f.String()}
}

func (f *frame) legend(y float64, keys []key) (height float64) {
	x, top := 0.0, y
	for i, k := range keys {
		width := swatch + 20 + textWidth*float64(utf8.RuneCountInString(k.name+" "+k.note))
		if x > 0 && x+width > f.width {
			x, y = 0, y+legendHeight
		}
		f.add(`<rect class="fill %v" x="%v" y="%v" width="10" height="10" rx="3"/><text x="%v" y="%v">%v<tspan dx="6" opacity=".75">%v</tspan></text>`,
			colour(i), x, y+3, x+swatch+5, y+12, k.name, k.note)
		x += width
	}
	return y + legendHeight - top
}
