package chart

// Column is one bar. The label is above it, the tip under the pointer; both may be empty.
type Column struct {
	Name       string
	Value      float64
	Label, Tip string
}

const (
	maxNamed = 8    // bars with a name, at most
	barGap   = 0.12 // of a step, on each side of a bar
)

// Columns plots bars side by side. If there are many, only some are named.
func Columns(title string, width float64, list []Column) Picture {
	f := newFrame(title, width, marginLeft, plotHeight)
	var values []float64
	for _, c := range list {
		values = append(values, c.Value)
	}
	y := newScale(highest(values), units[Plain].base, f.bottom, f.top+6) // the highest may have a label
	f.vertical(y, Plain)
	step := (f.right - f.left) / float64(max(1, len(list)))
	named := 1 + (len(list)-1)/maxNamed
	for i, c := range list {
		left, top := f.left+float64(i)*step, y.at(c.Value)
		f.add(`<g><title>%v</title><rect class="fill s1" x="%v" y="%v" width="%v" height="%v"/><text class="middle" x="%v" y="%v">%v</text></g>`,
			c.Tip, left+barGap*step, top, step*(1-2*barGap), f.bottom-top, left+step/2, top-3, c.Label)
		if i%named == 0 {
			f.below(left+step/2, c.Name)
		}
	}
	return f.finish()
}

// Row is one distribution: ascending values, of which each has a colour.
type Row struct {
	Name   string
	Values []float64 // above 0
	Tip    string
}

const (
	rowHeight = 24
	nameWidth = 290
)

// Rows plots distributions below each other on a logarithmic axis from lowest on, and
// marks a limit. The names are those of a row's values.
func Rows(title string, width float64, u Unit, lowest, limit float64, names []string, rows []Row) Picture {
	f := newFrame(title, width, nameWidth, float64(rowHeight*len(rows)))
	top := limit
	for _, r := range rows {
		top = max(top, highest(r.Values))
	}
	x := newLogScale(lowest, top, f.left, f.right)
	f.horizontal(x, u.Text)
	f.add(`<path class="limit" d="M%v %vV%v"/>`, x.at(limit), f.top, f.bottom)
	for i, r := range rows {
		y := f.top + rowHeight*(float64(i)+0.5)
		f.add(`<g><title>%v</title><rect class="hover" y="%v" width="%v" height="%v"/><text class="name end" x="%v" y="%v">%v</text>`,
			r.Tip, y-rowHeight/2, width, float64(rowHeight), f.left-10, y+4, r.Name)
		f.add(`<path class="range" d="M%v %vH%v"/>`, x.at(r.Values[0]), y, x.at(r.Values[len(r.Values)-1]))
		for k, v := range r.Values {
			f.add(`<circle class="fill %v" cx="%v" cy="%v" r="4.5"/>`, colour(k), x.at(v), y)
		}
		f.WriteString("</g>")
	}
	var keys []key
	for _, name := range names {
		keys = append(keys, key{name: name})
	}
	return f.finish(keys...)
}
