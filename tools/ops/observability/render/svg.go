package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strconv"
)

// canvas collects the elements of a picture.
type canvas struct{ bytes.Buffer }

func (c *canvas) add(format string, args ...any) {
	fmt.Fprintf(c, format, args...)
	c.WriteByte('\n')
}

// text writes s so that its beginning, middle or end, depending on the class, is at x.
func (c *canvas) text(x, y float64, class, s string) {
	c.add(`<text x="%s" y="%s" class="%s">%s</text>`, px(x), px(y), class, html.EscapeString(s))
}

// pair writes a name and, in a paler colour, its figure.
func (c *canvas) pair(x, y float64, name, figure string) {
	c.add(`<text x="%s" y="%s">%s<tspan dx="5" class="pale">%s</tspan></text>`, px(x), px(y), html.EscapeString(name), html.EscapeString(figure))
}

// px formats a length with at most one decimal, to keep the file small.
func px(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// textWidth estimates the width of s in a proportional font; the layout leaves room to
// spare.
func textWidth(s string, size float64) float64 {
	width := 0.0
	for _, r := range s {
		switch {
		case r == 'i' || r == 'l' || r == '/' || r == '.' || r == ' ' || r == 't' || r == '|':
			width += 0.33
		case r >= 'A' && r <= 'Z' || r == 'm' || r == 'w' || r == '_':
			width += 0.72
		default:
			width += 0.56
		}
	}
	return width * size
}

// page returns the picture as an HTML page.
func page(title string, svg []byte) []byte {
	return fmt.Appendf(nil, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>%s</title>\n<style>body { margin: 0; background: %s } svg { max-width: 100%%; height: auto }</style>\n%s",
		html.EscapeString(title), background, svg)
}
