package httpd

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// Character classes of RFC 9110 5.5, 5.6.2 and RFC 3986.
const (
	classToken   byte = 1 << iota // tchar
	className                     // reg-name of a host, but for what is percent-encoded
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
	mark(className, alnum+"-._~!$&'()*+,;=")
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
func isVisible(b []byte) bool { return allOf(classVisible, b) }

// tokenLen returns the length of the token that b begins with.
func tokenLen(b []byte) int {
	for i, c := range b {
		if classes[c]&classToken == 0 {
			return i
		}
	}
	return len(b)
}

// isFieldValue is allOf(classValue, b), eight bytes at a time: values make up two thirds
// of a request, and this takes a quarter off BenchmarkParse.
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

// isHost checks uri-host [ ":" port ] (RFC 9110 7.2, RFC 3986 3.2.2). It may be empty.
func isHost(b []byte) bool {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		return end > 0 && isAddress(b[1:end]) && isPort(b[end+1:])
	}
	for len(b) > 0 && b[0] != ':' {
		n := 1
		if b[0] == '%' {
			if n = 3; len(b) < n || !isHex(b[1]) || !isHex(b[2]) {
				return false
			}
		} else if classes[b[0]]&className == 0 {
			return false
		}
		b = b[n:]
	}
	return isPort(b)
}

func isPort(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	for _, c := range b[1:] {
		if !isDigit(c) {
			return false
		}
	}
	return b[0] == ':'
}

// isAddress checks the text between brackets: an IPv6 address without a zone, or one of a
// later version.
func isAddress(b []byte) bool {
	if len(b) > 0 && b[0]|0x20 == 'v' {
		version, rest, found := bytes.Cut(b[1:], []byte{'.'})
		return found && len(version) > 0 && len(rest) > 0 && !bytes.ContainsFunc(version, func(c rune) bool { return c > 0x7f || !isHex(byte(c)) }) &&
			allOf(className, bytes.ReplaceAll(rest, []byte{':'}, nil))
	}
	a, err := netip.ParseAddr(string(b))
	return err == nil && a.Is6() && a.Zone() == ""
}

func isHex(c byte) bool {
	_, ok := hexDigit(c)
	return ok
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trimBlank(b []byte) []byte { return bytes.Trim(b, " \t") }

func trimLeft(b []byte) []byte { return bytes.TrimLeft(b, " \t") }

// quotedLen returns the length of the quoted-string that b begins with, 0 without one.
func quotedLen(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] == '"':
			return i + 1
		case b[i] == '\\':
			i++
		}
		if i == len(b) || classes[b[i]]&classValue == 0 {
			return 0
		}
	}
	return 0
}

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
