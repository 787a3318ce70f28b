package unit

import (
	"os"
	"strings"
)

// ReadEnvironmentFile reads KEY=value lines as systemd does: quotes of both kinds, no
// "export", no variables. Lines that are no assignment are returned in bad.
func ReadEnvironmentFile(path string) (env, bad []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	env, bad = parseEnvironment(string(text))
	return env, bad, nil
}

func parseEnvironment(text string) (env, bad []string) {
	for rest := text; rest != ""; {
		line := rest
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			line = rest[:end]
		}
		trimmed := strings.TrimSpace(line)
		key, _, ok := strings.Cut(line, "=")
		name := strings.TrimSpace(key)
		if trimmed == "" || isComment(trimmed) || !ok || !isVariable(name) {
			if trimmed != "" && !isComment(trimmed) {
				bad = append(bad, trimmed)
			}
			rest = strings.TrimPrefix(rest[len(line):], "\n")
			continue
		}
		var value string
		value, rest = envValue(rest[len(key)+1:])
		env = append(env, name+"="+value)
	}
	return env, bad
}

// envValue reads up to the end of the line; within quotes, lines may follow.
func envValue(text string) (value, rest string) {
	var out, space strings.Builder
	text = strings.TrimLeft(text, " \t")
	quote := byte(0)
	keep := func(c byte) {
		out.WriteString(space.String())
		space.Reset()
		out.WriteByte(c)
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == '\'' && c != '\'':
			keep(c)
		case c == '\\' && i+1 < len(text) && (quote == 0 || strings.IndexByte("\"\\`$\n", text[i+1]) >= 0):
			i++
			if text[i] != '\n' {
				keep(text[i])
			}
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			keep(c)
		case c == '\n':
			return out.String(), text[i+1:]
		case c == '"' || c == '\'':
			quote = c
		case c == ' ' || c == '\t' || c == '\r':
			space.WriteByte(c) // counts only between other characters
		default:
			keep(c)
		}
	}
	return out.String(), ""
}
