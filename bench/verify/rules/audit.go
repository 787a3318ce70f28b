package rules

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"sync"

	"isuride/bench/verify/probe"
)

// An audit looks at every answer of the API in a run, whatever its purpose, and keeps the
// first one that breaks each rule.
type audit struct {
	mu    sync.Mutex
	seen  int
	first map[string]*probe.Answer
}

func newAudit() *audit { return &audit{first: map[string]*probe.Answer{}} }

// note looks at an answer.
func (a *audit) note(w *probe.Answer) {
	if w.Err != nil || !strings.HasPrefix(w.Path, "/api/") {
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

func (a *audit) rules() map[string]func(*probe.Answer) bool {
	return map[string]func(*probe.Answer) bool{
		"answers-no-validators": cacheable,
		"answers-content-type":  notJSON,
		"errors-object":         strangeError,
	}
}

// scenario reports the findings. It is played last.
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

func shownIf(w *probe.Answer) []evidence {
	if w == nil {
		return nil
	}
	return []evidence{w}
}

func cacheable(w *probe.Answer) bool {
	for _, h := range []string{"Etag", "Last-Modified", "Expires"} {
		if w.Header.Get(h) != "" {
			return true
		}
	}
	return strings.Contains(strings.ToLower(strings.Join(w.Header.Values("Cache-Control"), ",")), "max-age")
}

func notJSON(w *probe.Answer) bool {
	if !w.Fine() || len(w.Body) == 0 {
		return false
	}
	kind, _, err := mime.ParseMediaType(w.Header.Get("Content-Type"))
	return err != nil || kind != "application/json"
}

// strangeError ignores unknown paths and methods, whose bodies are not defined.
func strangeError(w *probe.Answer) bool {
	if w.Status < 400 || w.Status == http.StatusMethodNotAllowed || len(w.Body) == 0 || strings.HasPrefix(w.Path, unknownPath) {
		return false
	}
	return !hasMessage(w)
}

func hasMessage(w *probe.Answer) bool {
	var e struct {
		Message *string `json:"message"`
	}
	return json.Unmarshal(w.Body, &e) == nil && e.Message != nil
}
