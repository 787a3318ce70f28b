package chart

import (
	"math"
	"slices"
)

// Lines plots values over time.
type Lines struct {
	Title   string
	Width   float64
	Unit    Unit
	Log     bool                 // whether the values differ by powers of ten
	Stacked bool                 // whether they are parts of a whole
	Peaks   bool                 // whether the legend has the highest value of each line
	Tip     func(float64) string // how they are written under the pointer; no tips if nil
	Seconds []float64            // ascending, from 0
	Lines   []Line
}

// Line has a value for each of the times, or fewer; NaN is a gap.
type Line struct {
	Name   string
	Values []float64
}

func (l Lines) Draw() Picture {
	f := newFrame(l.Title, l.Width, marginLeft, plotHeight)
	if len(l.Lines) == 0 {
		f.add(`<text class="middle" x="%v" y="%v">no data</text>`, f.width/2, (f.top+f.bottom)/2)
		return f.finish()
	}
	x := newTimeScale(l.Seconds, f.left, f.right)
	base, tops := l.stack()
	y := l.scale(tops, f.bottom, f.top)
	f.vertical(y, l.Unit)
	f.horizontal(x, clock)
	var keys []key
	for i, line := range l.Lines {
		if l.Stacked {
			f.area(x, y, l.Seconds, base, tops[i], colour(i))
			base = tops[i]
		}
		f.add(`<path class="line %v" d="%v"/>`, colour(i), path(x, y, l.Seconds, tops[i]))
		k := key{name: line.Name}
		if l.Peaks {
			k.note = "max " + l.Unit.Text(highest(line.Values))
		}
		keys = append(keys, k)
	}
	f.tips(l, x)
	return f.finish(keys...)
}

// stack returns where each line lies: if stacked on those before it, the first on the
// base.
func (l Lines) stack() (base []float64, tops [][]float64) {
	base = make([]float64, len(l.Seconds))
	for i := range base {
		if !slices.ContainsFunc(l.Lines, func(line Line) bool { return i < len(line.Values) && !math.IsNaN(line.Values[i]) }) {
			base[i] = math.NaN() // a gap, not a sum of 0
		}
	}
	below := base
	for _, line := range l.Lines {
		top := line.Values
		if l.Stacked {
			top = slices.Clone(below)
			for i, v := range line.Values {
				if !math.IsNaN(v) {
					top[i] += v
				}
			}
			below = top
		}
		tops = append(tops, top)
	}
	return base, tops
}

func (l Lines) scale(lines [][]float64, from, to float64) scale {
	values := slices.Concat(lines...)
	top, bottom := highest(values), math.Inf(1)
	for _, v := range values {
		if v > 0 {
			bottom = min(bottom, v)
		}
	}
	if l.Log && top > 0 {
		return newLogScale(bottom, top, from, to)
	}
	return newScale(top, units[l.Unit].base, from, to)
}

// highest is at least 0.
func highest(values []float64) (top float64) {
	for _, v := range values {
		if v > top { // false for NaN
			top = v
		}
	}
	return top
}

// path interrupts the line at gaps.
func path(x, y scale, xs, ys []float64) string {
	d, command := "", "M"
	for i, v := range ys {
		if math.IsNaN(v) {
			command = "M"
			continue
		}
		d += command + px(x.at(xs[i])) + " " + px(y.at(v))
		command = "L"
	}
	return d
}

// area is between two lines; it bridges gaps.
func (f *frame) area(x, y scale, xs, low, high []float64, class string) {
	there, back, command := "", "", "M"
	for i, v := range high {
		if !math.IsNaN(v) {
			at := px(x.at(xs[i])) + " "
			there, back = there+command+at+px(y.at(v)), "L"+at+px(y.at(low[i]))+back
			command = "L"
		}
	}
	f.add(`<path class="area %v" d="%vZ"/>`, class, there+back)
}

// tips shows all values of a time while the pointer is between it and the time before.
func (f *frame) tips(l Lines, x scale) {
	if l.Tip == nil {
		return
	}
	from := f.left
	for n, at := range l.Seconds {
		tip := clock(at)
		for _, line := range l.Lines {
			if n < len(line.Values) {
				tip += "\n" + line.Name + " " + l.Tip(line.Values[n])
			}
		}
		f.add(`<rect class="hover" x="%v" y="%v" width="%v" height="%v"><title>%v</title></rect>`,
			from, f.top, x.at(at)-from, f.bottom-f.top, tip)
		from = x.at(at)
	}
}

// Tile shows the newest of a line's values, large, above how it came about.
func Tile(title string, width float64, u Unit, seconds, values []float64) Picture {
	f := newFrame(title, width, 0, 62)
	f.right = width
	text := "no data"
	for _, v := range values {
		if !math.IsNaN(v) {
			text = u.Text(v)
		}
	}
	x := newTimeScale(seconds, f.left, f.right)
	y := Lines{Unit: u}.scale([][]float64{values}, f.bottom, f.top+30)
	f.add(`<path class="line s1" d="%v"/>`, path(x, y, seconds, values))
	f.add(`<text class="value middle" x="%v" y="%v">%v</text>`, width/2, f.top+22, text)
	return Picture{title: title, width: width, height: f.bottom, body: f.String()}
}
