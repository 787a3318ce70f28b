package unit

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Command is a line of ExecStart and its like.
type Command struct {
	IgnoreFailure bool // "-" before the path
	Privileged    bool // "+" or "!" before the path: as root, whatever User says
	verbatim      bool // ":" before the path: variables stay as they are
	words         []string
}

func parseCommand(unit, value string) (c Command, err error) {
	for {
		rest := strings.TrimLeft(value, "@-:+!")
		if rest == value {
			break
		}
		for _, r := range value[:len(value)-len(rest)] {
			switch r {
			case '@':
				return c, errors.New("@ before a command is not supported")
			case '-':
				c.IgnoreFailure = true
			case ':':
				c.verbatim = true
			case '+', '!':
				c.Privileged = true
			}
		}
		value = rest
	}
	if c.words, err = split(value); err != nil {
		return c, err
	}
	if len(c.words) == 0 {
		return c, errors.New("there is no command")
	}
	for i, word := range c.words {
		if word == ";" {
			return c, errors.New("several commands on a line are not supported")
		}
		if c.words[i], err = specify(unit, word); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Args is the command line with the variables of env, KEY=value, put in: $NAME as a word
// of its own becomes any number of words, ${NAME} stays within its word, and $$ is a
// dollar sign.
func (c Command) Args(env []string) []string {
	if c.verbatim {
		return append([]string(nil), c.words...)
	}
	get := func(name string) string {
		for i := len(env) - 1; i >= 0; i-- { // the last one counts
			if value, ok := strings.CutPrefix(env[i], name+"="); ok {
				return value
			}
		}
		return ""
	}
	var args []string
	for _, word := range c.words {
		if name, ok := strings.CutPrefix(word, "$"); ok && isVariable(name) {
			args = append(args, strings.Fields(get(name))...)
			continue
		}
		args = append(args, substitute(word, get))
	}
	return args
}

// String is the command line as it was written, more or less.
func (c Command) String() string { return strings.Join(c.words, " ") }

// substitute replaces ${NAME} and $$; other dollar signs are the shell's.
func substitute(word string, get func(string) string) string {
	var out strings.Builder
	for word != "" {
		before, after, found := strings.Cut(word, "$")
		out.WriteString(before)
		switch {
		case !found:
			return out.String()
		case strings.HasPrefix(after, "$"):
			out.WriteByte('$')
			word = after[1:]
		default:
			name, rest, closed := strings.Cut(strings.TrimPrefix(after, "{"), "}")
			if strings.HasPrefix(after, "{") && closed && isVariable(name) {
				out.WriteString(get(name))
				word = rest
				continue
			}
			out.WriteByte('$')
			word = after
		}
	}
	return out.String()
}

func isVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// split cuts a value into words: quotes hold words together, escapes are C's.
func split(value string) ([]string, error) {
	var words []string
	var word strings.Builder
	within, quote := false, byte(0)
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && i+1 < len(value):
			i += unescape(&word, value[i+1:])
			within = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\'') && !within:
			quote, within = c, true
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if within {
				words = append(words, word.String())
			}
			word.Reset()
			within = false
		default:
			word.WriteByte(c)
			within = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed in %q", value)
	}
	if within {
		words = append(words, word.String())
	}
	return words, nil
}

var escapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
	's': ' ', '\\': '\\', '"': '"', '\'': '\'', ';': ';',
}

// unescape writes what the backslash before text stands for and returns how many bytes
// it took. What is no escape stays as it is.
func unescape(out *strings.Builder, text string) int {
	if c, ok := escapes[text[0]]; ok {
		out.WriteByte(c)
		return 1
	}
	if text[0] == 'x' && len(text) > 2 {
		if n, err := strconv.ParseUint(text[1:3], 16, 8); err == nil {
			out.WriteByte(byte(n))
			return 3
		}
	}
	if len(text) > 2 {
		if n, err := strconv.ParseUint(text[:3], 8, 8); err == nil {
			out.WriteByte(byte(n))
			return 3
		}
	}
	out.WriteByte('\\')
	out.WriteByte(text[0])
	return 1
}

// specify replaces the specifiers of systemd.unit(5) that services use.
func specify(unit, value string) (string, error) {
	if !strings.Contains(value, "%") {
		return value, nil
	}
	var out strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			out.WriteByte(value[i])
			continue
		}
		i++
		if i == len(value) {
			out.WriteByte('%')
			break
		}
		known, ok := specifier(unit, value[i])
		if !ok {
			return "", fmt.Errorf("the specifier %%%c is not supported", value[i])
		}
		out.WriteString(known)
	}
	return out.String(), nil
}

func specifier(unit string, letter byte) (string, bool) {
	stem := unit
	if dot := strings.LastIndexByte(unit, '.'); dot >= 0 {
		stem = unit[:dot]
	}
	prefix, _, _ := strings.Cut(stem, "@")
	switch letter {
	case '%':
		return "%", true
	case 'n':
		return unit, true
	case 'N':
		return stem, true
	case 'p':
		return prefix, true
	case 'i', 'I':
		return instance(unit), true
	case 't':
		return "/run", true
	case 'S':
		return "/var/lib", true
	case 'C':
		return "/var/cache", true
	case 'L':
		return "/var/log", true
	case 'T':
		return "/tmp", true
	case 'h':
		return "/root", true // of a system's services, whoever they run as
	case 'H':
		host, err := os.Hostname()
		return host, err == nil
	}
	return "", false
}
