package systemctl

import (
	"fmt"
	"strings"
)

// options are what is not a verb or a unit.
type options struct {
	properties []string // of show
	states     []string // of list-units
	signal     string   // of kill
	killWhom   string   // of kill
	value      bool
	quiet      bool
	now        bool
	noBlock    bool
	all        bool
}

// parse takes the options out of the words and returns the others.
func (o *options) parse(args []string) (words []string, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") {
			words = append(words, arg)
			continue
		}
		name, value, inline := splitOption(arg)
		if takesValue(name) && !inline {
			if i++; i == len(args) {
				return nil, fmt.Errorf("systemctl: option '%s' requires an argument", name)
			}
			value = args[i]
		}
		if !o.set(name, value) {
			return nil, fmt.Errorf("systemctl: unrecognized option '%s' (of those the laboratory knows)", arg)
		}
	}
	return words, nil
}

func splitOption(arg string) (name, value string, inline bool) {
	if strings.HasPrefix(arg, "--") {
		return strings.Cut(arg, "=")
	}
	if len(arg) > 2 && takesValue(arg[:2]) {
		return arg[:2], arg[2:], true
	}
	return arg, "", false
}

func takesValue(name string) bool {
	switch name {
	case "-p", "--property", "-t", "--type", "--state", "-s", "--signal", "--kill-whom", "--kill-who", "-n", "--lines", "-P":
		return true
	}
	return false
}

func (o *options) set(name, value string) bool {
	switch name {
	case "-p", "--property":
		o.properties = append(o.properties, strings.Split(value, ",")...)
	case "-P":
		o.properties = append(o.properties, strings.Split(value, ",")...)
		o.value = true
	case "--state":
		o.states = append(o.states, strings.Split(value, ",")...)
	case "--failed":
		o.states = append(o.states, "failed")
	case "-s", "--signal":
		o.signal = value
	case "--kill-whom", "--kill-who":
		o.killWhom = value
	case "--value":
		o.value = true
	case "-q", "--quiet":
		o.quiet = true
	case "--now":
		o.now = true
	case "--no-block":
		o.noBlock = true
	case "-a", "--all":
		o.all = true
	case "--no-pager", "--no-legend", "--plain", "-l", "--full", "--system", "--no-ask-password", "--force", "-f",
		"-t", "--type", "-n", "--lines": // all units here are services, and output is plain
	default:
		return false
	}
	return true
}
