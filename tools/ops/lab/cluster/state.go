package cluster

import (
	"encoding/json"
	"fmt"
	"os"
)

// state is written by the keeper for the other programs, by the hosts' names.
type state map[string]hostState

type hostState struct {
	Boots int
	Ready bool
	Off   string `json:",omitempty"` // why it does not run any more
}

func (l *Lab) stateFile() string { return l.file("state.json") }

func (l *Lab) read() (state, error) {
	text, err := os.ReadFile(l.stateFile())
	if err != nil {
		return nil, fmt.Errorf("the laboratory is not up: %w", err)
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", l.stateFile(), err)
	}
	return s, nil
}

func (l *Lab) write(s state) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	next := l.stateFile() + ".new"
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return err
	}
	return os.Rename(next, l.stateFile())
}
