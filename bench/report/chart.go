package report

import (
	"fmt"
	"strconv"
	"strings"
)

// A chart is a plot worked out to positions, in units of its view box, for the template to draw.
type chart struct {
	Title string
	Note  string
	W, H  float64
	Frame box    // of the data
	X, Y  []mark // of the grid
	Keys  []key
	Lines []path
	Bars  []bar
	Rows  []row
	Hover []bar
}

type (
	// A box is a rectangle.
	box struct{ X, Y, W, H float64 }
	// A mark is a labelled line of the grid.
	mark struct {
		At    float64
		Label string
	}
	// A key explains the colour of a class.
	key struct{ Class, Name string }
	// A path is a line.
	path struct{ Class, D string }
	// A bar is a rectangle with a text of its own above it and one that appears under the pointer.
	bar struct {
		box
		Class, Label, Tip string
	}
	// A row is one distribution of durations.
	row struct {
		Y        float64
		Label    string
		From, To float64 // of the line through the dots
		Dots     []dot
		Tip      string
	}
	// A dot is a percentile.
	dot struct {
		X     float64
		Class string
	}
)

// classes are the colours of the series of a plot, in order.
var classes = [...]string{"s1", "s2", "s3", "s4"}

// Sizes of the plots over time and of those with bars.
const (
	timeWidth   = 480
	columnWidth = 340
	chartHeight = 200
	leftMargin  = 52
	rightMargin = 20
	topMargin   = 14
	lowMargin   = 22
	gridLines   = 4 // about
	timeMarks   = 6 // about
)

func newChart(title, note string, width float64) *chart {
	return &chart{
		Title: title, Note: note, W: width, H: chartHeight,
		Frame: box{leftMargin, topMargin, width - leftMargin - rightMargin, chartHeight - topMargin - lowMargin},
	}
}

// Right, Bottom and Middle are for the template, too.
func (b box) Right() float64  { return round(b.X + b.W) }
func (b box) Bottom() float64 { return round(b.Y + b.H) }
func (b box) Middle() float64 { return round(b.X + b.W/2) }

// vertical makes the scale and grid upwards.
func (c *chart) vertical(highest float64) scale {
	s, grid := linear(highest, gridLines, c.Frame.Bottom(), c.Frame.Y)
	for _, v := range grid {
		c.Y = append(c.Y, mark{s.at(v), axisLabel(v)})
	}
	return s
}

// axisLabel has room for seven characters.
func axisLabel(v float64) string {
	if v >= 1e6 {
		return strconv.FormatFloat(v/1e6, 'f', -1, 64) + " M"
	}
	if v == float64(int(v)) {
		return count(int(v))
	}
	return strings.TrimRight(fmt.Sprintf("%.3f", v), "0")
}

// A column is one bar to be.
type column struct {
	name  string
	value float64
	label string // above it
	tip   string
}

// columns plots bars side by side. With many of them only some are named.
func columns(title, note string, width float64, list []column) *chart {
	c := newChart(title, note, width)
	highest := 0.0
	for _, col := range list {
		highest = max(highest, col.value)
	}
	y := c.vertical(highest)
	step := c.Frame.W / float64(max(1, len(list)))
	named := 1 + (len(list)-1)/maxNamed
	for i, col := range list {
		left, top := c.Frame.X+float64(i)*step, y.at(col.value)
		c.Bars = append(c.Bars, bar{
			box:   box{round(left + barGap*step), top, round(step * (1 - 2*barGap)), round(c.Frame.Bottom() - top)},
			Class: classes[0], Label: col.label, Tip: col.tip,
		})
		if i%named == 0 {
			c.X = append(c.X, mark{round(left + step/2), col.name})
		}
	}
	return c
}

const (
	maxNamed = 8    // bars with a name, at most
	barGap   = 0.12 // of a step, on each side of a bar
)
