package main

import (
	"bytes"
	"fmt"
	"html"
)

// Measures of the drawing, in pixels.
const (
	plotWidth, plotHeight   = 760, 240
	plotMargin, plotCaption = 70, 28
)

// colours of the policies, repeated if there are more. They differ in lightness too.
var colours = [...]string{"#1b6ca8", "#d1495b", "#3a7d44", "#8e5ea2", "#c98b1e", "#444444"}

// curves are the panels of the drawing, one below the other.
var curves = [...]struct {
	title string
	of    func(*piece) float64
}{
	{"score", func(p *piece) float64 { return p.Score }},
	{"position report, mean ms", func(p *piece) float64 { return ms(p.Latency) }},
	{"chairs with a ride", func(p *piece) float64 { return float64(p.Busy) }},
	{"mean speed of accepting chairs", func(p *piece) float64 { return p.Speed }},
	{"rides without a chair", func(p *piece) float64 { return float64(p.Waiting) }},
	{"nearby calls that found nothing, per window", func(p *piece) float64 { return float64(p.Empty) }},
}

// plot draws the course of each policy's first run.
func plot(trials []trial) []byte {
	var b bytes.Buffer
	height := len(curves)*(plotHeight+2*plotCaption) + plotCaption*(1+len(trials))
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n",
		plotWidth+2*plotMargin, height)
	for i, t := range trials {
		y := plotCaption * (i + 1)
		fmt.Fprintf(&b, `<path d="M%d %dh30" stroke="%s" stroke-width="3"/><text x="%d" y="%d">%s</text>`+"\n",
			plotMargin, y-4, colours[i%len(colours)], plotMargin+40, y, html.EscapeString(t.Policy))
	}
	for i := range curves {
		drawPanel(&b, i, plotCaption*(1+len(trials))+i*(plotHeight+2*plotCaption), trials)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// drawPanel draws one curve of all policies below y.
func drawPanel(b *bytes.Buffer, curve, y int, trials []trial) {
	of, top, pieces := curves[curve].of, 0.0, 1
	for _, t := range trials {
		pieces = max(pieces, len(t.Runs[0].Course))
		for i := range t.Runs[0].Course {
			top = max(top, of(&t.Runs[0].Course[i]))
		}
	}
	bottom := y + plotCaption + plotHeight
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", plotMargin, y+plotCaption-8, curves[curve].title)
	fmt.Fprintf(b, `<path d="M%d %dV%dH%d" fill="none" stroke="#999"/>`+"\n", plotMargin, y+plotCaption, bottom, plotMargin+plotWidth)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.4g</text>`+"\n", plotMargin-6, y+plotCaption+10, top)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.0f s</text>`+"\n", plotMargin+plotWidth, bottom+18, float64(pieces)*windowSeconds)
	for i, t := range trials {
		fmt.Fprintf(b, `<path fill="none" stroke-width="2" stroke="%s" d="M%d %d`, colours[i%len(colours)], plotMargin, bottom)
		for k := range t.Runs[0].Course {
			x := float64(plotMargin) + float64(plotWidth)*float64(k+1)/float64(pieces)
			fmt.Fprintf(b, "L%.1f %.1f", x, float64(bottom)-plotHeight*of(&t.Runs[0].Course[k])/max(top, 1e-9))
		}
		b.WriteString(`"/>` + "\n")
	}
}
