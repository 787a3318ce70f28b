package unit

import (
	"fmt"
	"strings"
)

// parser reads the files of one unit, one after the other.
type parser struct {
	unit    *Unit
	section string
}

// parse follows systemd.syntax(7). Errors begin with the line's number.
func (p *parser) parse(text string) error {
	p.section = ""
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		number := i + 1
		line := strings.TrimSpace(lines[i])
		if line == "" || isComment(line) {
			continue
		}
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			i++
			if next := strings.TrimSpace(lines[i]); !isComment(next) {
				line = strings.TrimSuffix(line, `\`) + " " + next
			}
		}
		if err := p.line(line); err != nil {
			return fmt.Errorf("%d: %w", number, err)
		}
	}
	return nil
}

func isComment(line string) bool {
	return strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";")
}

func (p *parser) line(line string) error {
	if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
		p.section = line[1 : len(line)-1]
		return nil
	}
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		return fmt.Errorf("%q is no assignment", line)
	}
	key = p.section + "." + strings.TrimSpace(key)
	if strings.HasPrefix(p.section, "X-") || harmless[key] {
		return nil
	}
	set, ok := directives[key]
	if !ok {
		p.unit.Ignored = append(p.unit.Ignored, key)
		return nil
	}
	if err := set(p.unit, strings.TrimSpace(value)); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// harmless directives have no effect and are not worth a word.
var harmless = map[string]bool{
	"Unit.Documentation": true,
}
