package main

// entry names a curve in the legend.
type entry struct {
	colour, name, peak string
	width              float64
}

// legend lists each curve's name and highest value.
func (b board) legend(u unit) []entry {
	var list []entry
	for i, c := range b.curves {
		e := entry{colour: inkOf(i).line, name: c.name, peak: "max " + u.text(c.max())}
		e.width = 14 + textWidth(e.name+"  "+e.peak, fontSize) + 14
		list = append(list, e)
	}
	return list
}

// wrap distributes the entries over lines.
func wrap(entries []entry, width float64) [][]entry {
	var lines [][]entry
	used := width
	for _, e := range entries {
		if used+e.width > width {
			lines, used = append(lines, nil), 0
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], e)
		used += e.width
	}
	return lines
}

func (b board) drawLegend(lines [][]entry, left, y float64) {
	for _, line := range lines {
		x := left
		for _, e := range line {
			b.add(`<path d="M%s %sh9" stroke="%s" stroke-width="3"/>`, px(x), px(y), e.colour)
			b.pair(x+14, y+4, e.name, e.peak)
			x += e.width
		}
		y += legendHeight
	}
}
