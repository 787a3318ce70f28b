package chart

import (
	"fmt"
	"math"
	"strconv"
)

// Unit writes values for people: with three digits, and the symbol of the largest size
// that the value reaches.
type Unit int

const (
	Plain Unit = iota
	PerSecond
	Seconds
	Bytes
	BytesPerSecond
)

var units = [...]struct {
	first, factor float64 // the smallest size, and from one size to the next
	base          float64 // steps of an axis are round in it
	symbols       []string
	suffix        string
}{
	Plain:          {1, 1000, 10, []string{"", "k", "M", "G"}, ""},
	PerSecond:      {1, 1000, 10, []string{"", "k", "M", "G"}, "/s"},
	Seconds:        {1e-6, 1000, 10, []string{" µs", " ms", " s"}, ""},
	Bytes:          {1, 1024, 2, []string{" B", " KiB", " MiB", " GiB"}, ""},
	BytesPerSecond: {1, 1024, 2, []string{" B", " KiB", " MiB", " GiB"}, "/s"},
}

func (u Unit) Text(v float64) string { return u.like(v, v) }

// like writes v in the size that suits another value, so that all labels of an axis
// agree.
func (u Unit) like(v, other float64) string {
	of := units[u]
	size, i := of.first, 0
	for i < len(of.symbols)-1 && math.Abs(other) >= 0.9995*size*of.factor { // 999.9 ms is 1 s
		size *= of.factor
		i++
	}
	if v == 0 {
		return "0" + of.suffix
	}
	v /= size
	round := max(1, math.Pow(10, 2-math.Floor(math.Log10(math.Abs(v)))))
	return strconv.FormatFloat(math.Round(v*round)/round, 'f', -1, 64) + of.symbols[i] + of.suffix
}

// clock writes seconds as minutes:seconds, or hours:minutes:seconds.
func clock(seconds float64) string {
	s := int(seconds)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
