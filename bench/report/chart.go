package report

import (
	"fmt"
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
	rightMargin = 12
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

func (b box) right() float64  { return b.X + b.W }
func (b box) bottom() float64 { return b.Y + b.H }

// Right and Bottom are for the template.
func (b box) Right() float64  { return round(b.right()) }
func (b box) Bottom() float64 { return round(b.bottom()) }

// vertical makes the scale and grid upwards.
func (c *chart) vertical(highest float64) scale {
	s, grid := linear(highest, gridLines, c.Frame.bottom(), c.Frame.Y)
	for _, v := range grid {
		c.Y = append(c.Y, mark{s.at(v), axisLabel(v)})
	}
	return s
}

func axisLabel(v float64) string {
	if v == float64(int(v)) {
		return count(int(v))
	}
	return strings.TrimRight(fmt.Sprintf("%.3f", v), "0")
}

// A series is a line over time.
type series struct {
	name   string
	values []float64
}

// overTime plots series, which have a value for each of the times, in seconds since the load began.
func overTime(title, note string, seconds []float64, all ...series) *chart {
	c := newChart(title, note, timeWidth)
	end, highest := 1.0, 0.0
	for _, at := range seconds {
		end = max(end, at)
	}
	for _, s := range all {
		for _, v := range s.values {
			highest = max(highest, v)
		}
	}
	x, grid := linear(end, timeMarks, c.Frame.X, c.Frame.right())
	x.high = end // the last step may be cut
	for _, v := range grid {
		if v <= end {
			c.X = append(c.X, mark{x.at(v), axisLabel(v) + " s"})
		}
	}
	y := c.vertical(highest)
	for i, s := range all {
		c.Keys = append(c.Keys, key{classes[i], s.name})
		c.Lines = append(c.Lines, path{classes[i], polyline(x, y, seconds, s.values)})
	}
	c.hoverOverTime(x, seconds, all)
	return c
}

func polyline(x, y scale, xs, ys []float64) string {
	var d strings.Builder
	for i := range xs {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&d, "%s%g %g", command, x.at(xs[i]), y.at(ys[i]))
	}
	return d.String()
}

// hoverOverTime makes the texts under the pointer, one between each two times.
func (c *chart) hoverOverTime(x scale, seconds []float64, all []series) {
	from := c.Frame.X
	for i, at := range seconds {
		tip := fmt.Sprintf("%.0f s", at)
		for _, s := range all {
			tip += fmt.Sprintf("\n%s %s", s.name, Number(s.values[i]))
		}
		to := x.at(at)
		c.Hover = append(c.Hover, bar{box: box{from, c.Frame.Y, round(to - from), c.Frame.H}, Tip: tip})
		from = to
	}
}

// A column is one bar to be.
type column struct {
	name  string
	value float64
	label string // above it
	tip   string
}

// columns plots bars side by side. With many of them only some are named.
func columns(title, note string, list []column) *chart {
	c := newChart(title, note, columnWidth)
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
			box:   box{round(left + barGap*step), top, round(step * (1 - 2*barGap)), round(c.Frame.bottom() - top)},
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

// Middle is where the text above a bar stands.
func (b bar) Middle() float64 { return round(b.X + b.W/2) }
