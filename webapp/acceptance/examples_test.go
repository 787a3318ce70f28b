package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"isuride/webapp/docs"
	"isuride/webapp/servertest"
)

// TestExamples makes every call of openapi.yaml as its example has it, in the order of one
// ride, and wants the answer that is written there.
func TestExamples(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("one ride by the examples", rideByExamples)
	})
}

func rideByExamples(p *servertest.Process) {
	all := readExamples(p.T)
	anyone := p.Anonymous()
	all.try(anyone, "initialize", nil)
	p.Initialize() // the example's gateway is nobody's
	user, owner, chair := p.Anonymous(), p.Anonymous(), p.Anonymous()
	all.try(user, "registerUser", nil)
	all.try(user, "setPaymentMethod", nil)
	register := all.try(owner, "registerOwner", nil)["chair_register_token"]
	all.try(chair, "registerChair", servertest.Object{"chair_register_token": register})
	all.try(chair, "setActivity", nil)
	all.try(chair, "reportPosition", nil)
	all.try(user, "nearbyChairs", nil)
	all.try(user, "estimateFare", nil)
	ride := all.try(user, "requestRide", nil)["ride_id"].(string)
	all.try(anyone, "match", nil)
	chair.Listen().Expect(ride, "MATCHING")
	all.path["{ride_id}"] = ride
	all.try(chair, "advanceRide", nil)
	chair.Report(servertest.At(0, 0))
	chair.Advance(ride, "CARRYING")
	chair.Report(servertest.At(3, 20))
	all.try(user, "rate", nil)
	all.try(user, "rideHistory", nil)
	all.try(owner, "ownerSales", nil)
	all.try(owner, "ownerChairs", nil)
	for _, name := range slices.Sorted(maps.Keys(all.operations)) {
		if o := all.operations[name]; !o.tried && !o.streams() && !strings.HasPrefix(o.path, "/api/operator/") { // see TestQuestions
			p.T.Errorf("the example of %s is not tried", name)
		}
	}
}

// examples are the operations of openapi.yaml, and what stands for parameters of paths.
type examples struct {
	operations map[string]*operation
	path       map[string]string
}

type operation struct {
	path, method string
	tried        bool
	Parameters   []struct {
		Name, In string
		Example  any
	}
	RequestBody struct{ Content content }
	Responses   map[string]struct{ Content content }
}

type content map[string]struct {
	Examples map[string]struct{ Value any }
}

// streams says that an operation's answer has no end.
func (o *operation) streams() bool {
	_, events := o.Responses["200"].Content["text/event-stream"]
	_, socket := o.Responses["101"]
	return events || socket
}

// example is the first one, nil if there is none.
func (c content) example() any {
	for _, name := range slices.Sorted(maps.Keys(c["application/json"].Examples)) {
		return c["application/json"].Examples[name].Value
	}
	return nil
}

func readExamples(t testing.TB) examples {
	t.Helper()
	text, err := docs.JSON(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	all := examples{map[string]*operation{}, map[string]string{}}
	for path, item := range document.Paths {
		for method, text := range item {
			if method == "parameters" {
				continue
			}
			o := &operation{path: path, method: strings.ToUpper(method)}
			var id struct{ OperationID string }
			for _, into := range []any{o, &id} {
				if err := json.Unmarshal(text, into); err != nil {
					t.Fatalf("%s %s: %v", method, path, err)
				}
			}
			all.operations[id.OperationID] = o
		}
	}
	return all
}

// try calls an operation by its example, with some members replaced, and checks the answer.
func (all examples) try(c *servertest.Client, name string, instead servertest.Object) servertest.Object {
	c.T.Helper()
	o, ok := all.operations[name]
	if !ok {
		c.T.Fatalf("openapi.yaml has no operation %s", name)
	}
	o.tried = true
	path := o.path
	for parameter, value := range all.path {
		path = strings.Replace(path, parameter, value, 1)
	}
	query := url.Values{}
	for _, p := range o.Parameters {
		if p.In == "query" && p.Example != nil {
			query.Set(p.Name, fmt.Sprint(p.Example))
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	body := o.RequestBody.Content.example()
	for member, value := range instead {
		body.(servertest.Object)[member] = value
	}
	r := c.Call(o.method, path, body)
	if set := r.CookieOf(); set != "" {
		c.Cookie = set
	}
	o.check(c.T, name, r)
	return r.Object(c.T)
}

func (o *operation) check(t testing.TB, name string, r servertest.Reply) {
	t.Helper()
	response, ok := o.Responses[strconv.Itoa(r.Status)]
	if !ok || r.Status >= 300 {
		t.Fatalf("%s answers %d %s", name, r.Status, r.Body)
	}
	want := response.Content.example()
	if want == nil {
		if len(r.Body) > 0 {
			t.Errorf("%s has no example of its answer %s", name, r.Body)
		}
		return
	}
	var got any
	if err := json.Unmarshal(r.Body, &got); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := alike(got, want, "the answer"); err != nil {
		t.Errorf("%s: %v in %s", name, err, r.Body)
	}
}

// made matches texts that differ from run to run: identifiers and secrets.
var made = []*regexp.Regexp{regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`), regexp.MustCompile(`^[0-9a-f]{64}$`), regexp.MustCompile(`^[0-9a-f]{30}$`)}

// present is a time of today in milliseconds, or later.
const present = 1e12

// alike compares an answer with its example: times, identifiers and secrets by their form.
func alike(got, want any, where string) error {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		if a, b := slices.Sorted(maps.Keys(g)), slices.Sorted(maps.Keys(w)); !slices.Equal(a, b) {
			return fmt.Errorf("%s has %v, the example %v,", where, a, b)
		}
		for name := range w {
			if err := alike(g[name], w[name], name); err != nil {
				return err
			}
		}
		return nil
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			return fmt.Errorf("%s has %d elements, the example %d,", where, len(g), len(w))
		}
		for i := range w {
			if err := alike(g[i], w[i], fmt.Sprint(where, "[", i, "]")); err != nil {
				return err
			}
		}
		return nil
	case float64:
		if g, ok := got.(float64); ok && w >= present && g >= present {
			return nil
		}
	case string:
		g, _ := got.(string)
		if slices.ContainsFunc(made, func(form *regexp.Regexp) bool { return form.MatchString(w) && form.MatchString(g) }) {
			return nil
		}
	}
	if got != want {
		return fmt.Errorf("%s is %v, in the example %v,", where, got, want)
	}
	return nil
}
