package verify

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"sync"
)

// An audit looks at every answer of the API in a run, whatever it was for, and keeps the first that breaks a rule.
type audit struct {
	mu    sync.Mutex
	seen  int
	first map[string]*answer
}

func newAudit() *audit { return &audit{first: map[string]*answer{}} }

// note looks at an answer.
func (a *audit) note(w *answer) {
	if w.err != nil || !strings.HasPrefix(w.path, "/api/") {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen++
	for id, breaks := range a.rules() {
		if a.first[id] == nil && breaks(w) {
			a.first[id] = w
		}
	}
}

func (a *audit) rules() map[string]func(*answer) bool {
	return map[string]func(*answer) bool{
		"answers-no-validators": cacheable,
		"answers-content-type":  notJSON,
		"errors-object":         strangeError,
	}
}

// scenario reports what was seen; it is played last.
func (a *audit) scenario() Scenario {
	return Scenario{
		name: "all answers",
		rules: []rule{
			{"answers-no-validators", "S4.0", B, "no answer of the API carries ETag, Last-Modified, Expires or a max-age"},
			{"answers-content-type", "S4.0", M, "bodies of the API are declared as application/json"},
			{"errors-object", "S4.0", R, "an error's body is an object with the string member message"},
		},
		play: func(t *trial) {
			a.mu.Lock()
			defer a.mu.Unlock()
			t.need(a.seen > 0, "no call was answered")
			for id := range a.rules() {
				t.check(id, a.first[id] == nil, "this answer breaks the rule", shownIf(a.first[id])...)
			}
		},
	}
}

func shownIf(w *answer) []evidence {
	if w == nil {
		return nil
	}
	return []evidence{w}
}

func cacheable(w *answer) bool {
	for _, h := range []string{"Etag", "Last-Modified", "Expires"} {
		if w.header.Get(h) != "" {
			return true
		}
	}
	return strings.Contains(strings.ToLower(strings.Join(w.header.Values("Cache-Control"), ",")), "max-age")
}

func notJSON(w *answer) bool {
	if !w.fine() || len(w.body) == 0 {
		return false
	}
	kind, _, err := mime.ParseMediaType(w.header.Get("Content-Type"))
	return err != nil || kind != "application/json"
}

// strangeError leaves out unknown paths and methods, whose bodies are not defined.
func strangeError(w *answer) bool {
	if w.status < 400 || w.status == http.StatusMethodNotAllowed || len(w.body) == 0 || strings.HasPrefix(w.path, unknownPath) {
		return false
	}
	return !hasMessage(w)
}

func hasMessage(w *answer) bool {
	var e struct {
		Message *string `json:"message"`
	}
	return json.Unmarshal(w.body, &e) == nil && e.Message != nil
}
