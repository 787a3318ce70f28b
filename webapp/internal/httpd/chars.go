package httpd

import (
	"bytes"
	"encoding/binary"
)

// Character classes of RFC 9110 5.5, 5.6.2 and RFC 3986.
const (
	classToken   byte = 1 << iota // tchar
	classHost                     // uri-host with port
	classValue                    // field value: visible, space, tab, obs-text
	classVisible                  // request target: no space, no control character
)

var classes = func() (t [256]byte) {
	mark := func(class byte, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= class
		}
	}
	const alnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	mark(classToken, alnum+"!#$%&'*+-.^_`|~")
	mark(classHost, alnum+"-._~!$&'()*+,;=:[]%")
	for c := range 256 {
		if c >= ' ' && c != 0x7f || c == '\t' {
			t[c] |= classValue
		}
		if c > ' ' && c != 0x7f {
			t[c] |= classVisible
		}
	}
	return t
}()

func allOf(class byte, b []byte) bool {
	for _, c := range b {
		if classes[c]&class == 0 {
			return false
		}
	}
	return true
}

func isToken(b []byte) bool   { return allOf(classToken, b) }
func isHost(b []byte) bool    { return allOf(classHost, b) }
func isVisible(b []byte) bool { return allOf(classVisible, b) }

// tokenLen is the length of the token that b begins with.
func tokenLen(b []byte) int {
	for i, c := range b {
		if classes[c]&classToken == 0 {
			return i
		}
	}
	return len(b)
}

// isFieldValue is allOf(classValue, b), eight bytes at a time: values make up two
// thirds of a request, and this takes a quarter off BenchmarkParse.
func isFieldValue(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if hasControl(binary.LittleEndian.Uint64(b)) && !allOf(classValue, b[:8]) {
			return false
		}
	}
	return allOf(classValue, b)
}

// hasControl reports whether one of the eight bytes of x is below 0x20 or is 0x7f:
// subtracting borrows into the top bit of a byte that is too small and had none.
func hasControl(x uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	del := x ^ ones*0x7f
	return ((x-ones*0x20)&^x|(del-ones)&^del)&tops != 0
}

func isScheme(b []byte) bool {
	for _, c := range b {
		if c |= 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trimBlank(b []byte) []byte { return bytes.Trim(b, " \t") }

func hexDigit(c byte) (int, bool) {
	switch {
	case isDigit(c):
		return int(c - '0'), true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10, true
	}
	return 0, false
}

// equalFold compares ASCII text without regard to case.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if lower(c) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
