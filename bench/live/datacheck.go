package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sort"
	"strings"

	"isuride/bench/client"
)

// A Check is one request about the initial data with its right answer (B1.6).
type Check struct {
	Name       string          `json:"name"`
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	CookieName string          `json:"cookie_name"`
	Cookie     string          `json:"cookie"`
	Body       json.RawMessage `json:"body"` // null without a body
	Status     int             `json:"status"`
	Expect     json.RawMessage `json:"expect"`
	// Keys names the lists whose order is free, each with the member to sort its items
	// by.
	Keys map[string]string `json:"keys"`
}

// ReadChecks reads a file of expected answers, a JSON list of checks.
func ReadChecks(r io.Reader) ([]Check, error) {
	var checks []Check
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&checks); err != nil {
		return nil, err
	}
	if len(checks) == 0 {
		return nil, errors.New("no checks")
	}
	for i, c := range checks {
		if err := c.valid(); err != nil {
			return nil, fmt.Errorf("check %d %q: %w", i+1, c.Name, err)
		}
	}
	return checks, nil
}

func (c *Check) valid() error {
	switch {
	case c.Method != http.MethodGet && c.Method != http.MethodPost:
		return fmt.Errorf("method %q", c.Method)
	case !strings.HasPrefix(c.Path, "/"):
		return fmt.Errorf("path %q", c.Path)
	case c.Status == 0 || len(c.Expect) == 0:
		return errors.New("no status or expected answer")
	}
	return nil
}

// accounts groups checks by cookie in order of appearance: each account has its own
// client (B13.1).
func accounts(checks []Check) [][]Check {
	var groups [][]Check
	for _, c := range checks {
		i := slices.IndexFunc(groups, func(g []Check) bool { return g[0].Cookie == c.Cookie && g[0].CookieName == c.CookieName })
		if i < 0 {
			groups = append(groups, []Check{c})
		} else {
			groups[i] = append(groups[i], c)
		}
	}
	return groups
}

// CheckData compares the server's answers about the initial data with the expected ones.
// The first difference is returned as an error.
func CheckData(ctx context.Context, newBrowser func() *client.Browser, checks []Check) error {
	for _, group := range accounts(checks) {
		b := newBrowser()
		for _, c := range group {
			if err := c.run(ctx, b); err != nil {
				b.Close()
				return fmt.Errorf("data check %q, %s %s: %w", c.Name, c.Method, c.Path, err)
			}
		}
		b.Close()
	}
	return nil
}

func (c *Check) question() client.Question {
	q := client.Question{Method: c.Method, Target: c.Path, Limit: client.OfficialLimits().Call}
	if c.Cookie != "" {
		q.Cookie = c.CookieName + "=" + c.Cookie
	}
	if c.Method == http.MethodPost {
		q.Body = string(c.Body)
	}
	return q
}

func (c *Check) run(ctx context.Context, b *client.Browser) error {
	status, body, err := b.Ask(ctx, c.question())
	if err != nil {
		return err
	}
	if status != c.Status {
		return fmt.Errorf("status %d, expected %d", status, c.Status)
	}
	return c.compare(body)
}

// compare is exact for all expected members, and for members that are expected elsewhere
// but not here, such as total_distance_updated_at of a chair that never moved. Unknown
// members are ignored, except in coordinates (B13.4).
func (c *Check) compare(body []byte) error {
	want, err := decodeJSON(c.Expect)
	if err != nil {
		return fmt.Errorf("expected answer: %w", err)
	}
	got, err := decodeJSON(body)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	m := comparison{keys: c.Keys, known: map[string]bool{}}
	m.learn("", want)
	return m.equal("", got, want)
}

// decodeJSON keeps numbers as they are written: 1.0 is not 1 (B13.4).
func decodeJSON(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// A comparison of two JSON values. Places are written like "chairs[].name".
type comparison struct {
	keys  map[string]string
	known map[string]bool // places of all expected members
}

func (m *comparison) learn(place string, want any) {
	switch want := want.(type) {
	case map[string]any:
		for name, v := range want {
			m.known[member(place, name)] = true
			m.learn(member(place, name), v)
		}
	case []any:
		for _, v := range want {
			m.learn(place+"[]", v)
		}
	}
}

func member(place, name string) string {
	if place == "" {
		return name
	}
	return place + "." + name
}

func (m *comparison) equal(place string, got, want any) error {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			return m.equalObjects(place, got, want)
		}
	case []any:
		if got, ok := got.([]any); ok {
			return m.equalLists(place, got, want)
		}
	default:
		if got == want {
			return nil
		}
	}
	return fmt.Errorf("%s is %s, expected %s", orBody(place), excerpt(got), excerpt(want))
}

func (m *comparison) equalObjects(place string, got, want map[string]any) error {
	for _, name := range sortedNames(want) {
		at := member(place, name)
		v, ok := got[name]
		if !ok {
			return fmt.Errorf("%s is missing in %s", at, excerpt(got))
		}
		if err := m.equal(at, v, want[name]); err != nil {
			return err
		}
	}
	_, coordinate := want["latitude"]
	for _, name := range sortedNames(got) {
		if _, expected := want[name]; !expected && (coordinate || m.known[member(place, name)]) {
			return fmt.Errorf("%s should not be there in %s", member(place, name), excerpt(got))
		}
	}
	return nil
}

func (m *comparison) equalLists(place string, got, want []any) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d items, expected %d", orBody(place), len(got), len(want))
	}
	if key, free := m.keys[place]; free {
		got, want = sortedBy(got, key), sortedBy(want, key)
	}
	for i := range want {
		if err := m.equal(place+"[]", got[i], want[i]); err != nil {
			return fmt.Errorf("%w (in %s)", err, excerpt(got[i]))
		}
	}
	return nil
}

// sortedBy orders objects by a member; duplicates stay side by side.
func sortedBy(items []any, key string) []any {
	sorted := slices.Clone(items)
	slices.SortStableFunc(sorted, func(a, b any) int { return strings.Compare(text(a, key), text(b, key)) })
	return sorted
}

func text(item any, key string) string {
	o, _ := item.(map[string]any)
	return fmt.Sprint(o[key])
}

func sortedNames(o map[string]any) []string {
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func orBody(place string) string {
	if place == "" {
		return "the answer"
	}
	return place
}

// excerpt shows a value in one line.
func excerpt(v any) string {
	const most = 160
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(b) > most {
		return string(b[:most]) + "..."
	}
	return string(b)
}
