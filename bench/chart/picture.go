// Package chart draws plots as SVG: lines over time, columns, and rows of dots. The
// pictures follow the reader's light or dark scheme; chart.css is the only place with
// colours. The report's page embeds single pictures, and Sheet makes a file of many.
//
// What it leaves to others: where the figures come from, and what is said about them.
package chart

import (
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// Style is what a page that shows pictures needs in its style sheet.
//
//go:embed chart.css
var Style template.CSS

// Picture is a finished drawing.
type Picture struct {
	Tip           string // under the pointer, on a sheet
	title         string
	width, height float64
	body          string
}

// HTML is the picture as an element of a page.
func (p Picture) HTML() template.HTML {
	var c canvas
	c.add(`<svg viewBox="0 0 %v %v" role="img" aria-label="%v">`, p.width, p.height, p.title)
	return template.HTML(c.String() + p.body + "</svg>\n")
}

// canvas collects SVG.
type canvas struct{ strings.Builder }

// add writes an element. Texts are escaped, and lengths have one digit after the point.
func (c *canvas) add(format string, args ...any) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = html.EscapeString(arg)
		case float64:
			args[i] = px(arg)
		}
	}
	fmt.Fprintf(c, format+"\n", args...)
}

func px(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// Measures of a sheet.
const (
	sheetWidth = 1448
	gap        = 8  // between cards
	padding    = 12 // inside a card
	header     = 46
	heading    = 30
)

// Width is that of a picture of which so many fit side by side on a sheet.
func Width(columns int) float64 {
	return (sheetWidth-gap)/float64(columns) - gap - 2*padding
}

// Section is a part of a sheet.
type Section struct {
	Heading  string // none if empty
	Pictures []Picture
}

// Sheet lays pictures out as one SVG file, in rows of as many as fit. The note is beside
// the title.
func Sheet(title, note string, sections []Section) []byte {
	var c canvas
	c.add(`<text class="heading" x="%v" y="30">%v</text>`, gap+4.0, title)
	c.add(`<text class="end" x="%v" y="30">%v</text>`, sheetWidth-gap-4.0, note)
	y := float64(header)
	for _, s := range sections {
		if s.Heading != "" {
			c.add(`<text class="heading" x="%v" y="%v">%v</text>`, gap+4.0, y+18, s.Heading)
			y += heading
		}
		for left := s.Pictures; len(left) > 0; {
			y, left = c.row(y, left)
		}
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%s" viewBox="0 0 %[1]d %[2]s">`+
		"\n<style>\n%s</style>\n<rect class=\"ground\" width=\"100%%\" height=\"100%%\"/>\n%s</svg>\n", sheetWidth, px(y), Style, c.String())
}

// row draws the pictures that fit side by side and returns where the next row begins,
// with the pictures left for it.
func (c *canvas) row(y float64, list []Picture) (float64, []Picture) {
	n, height, end := 0, 0.0, float64(gap)
	for n < len(list) && (n == 0 || end+list[n].width+2*padding+gap < sheetWidth+1) {
		height, end = max(height, list[n].height), end+list[n].width+2*padding+gap
		n++
	}
	x := float64(gap)
	for _, p := range list[:n] {
		c.add(`<g><title>%v</title><rect class="card" x="%v" y="%v" width="%v" height="%v" rx="4"/>`, p.Tip, x, y, p.width+2*padding, height+2*padding)
		c.add(`<svg x="%v" y="%v" width="%v" height="%v">`, x+padding, y+padding, p.width, p.height)
		c.WriteString(p.body + "</svg></g>\n")
		x += p.width + 2*padding + gap
	}
	return y + height + 2*padding + gap, list[n:]
}
