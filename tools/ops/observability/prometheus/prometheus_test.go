package prometheus

import (
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// serve answers as Prometheus does, with the same body whatever it is asked.
func serve(t *testing.T, status int, body string) (c Client, asked *string) {
	asked = new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = r.URL.Path + "?" + r.URL.RawQuery
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return Client{s.URL}, asked
}

func TestQuery(t *testing.T) {
	c, asked := serve(t, 200, `{"status":"success","data":{"resultType":"vector","result":[
		{"metric":{"a":"b"},"value":[1700000000.5,"0.25"]},{"metric":{},"value":[1700000001,"+Inf"]}]}}`)
	got, err := c.Query(t.Context(), "a + b")
	want := []Series{{map[string]string{"a": "b"}, []Point{{1700000000.5, 0.25}}}, {map[string]string{}, []Point{{1700000001, math.Inf(1)}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if *asked != "/api/v1/query?query=a+%2B+b" {
		t.Errorf("asked %s", *asked)
	}
}

func TestRange(t *testing.T) {
	c, asked := serve(t, 200, `{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[2,"NaN"]]}]}}`)
	got, err := c.Range(t.Context(), "up", time.UnixMilli(1500), time.Unix(3, 0), 250*time.Millisecond)
	if err != nil || len(got) != 1 || got[0].Points[0] != (Point{1, 2}) || !math.IsNaN(got[0].Points[1].Value) {
		t.Errorf("got %v, %v", got, err)
	}
	if *asked != "/api/v1/query_range?end=3.000&query=up&start=1.500&step=0.25" {
		t.Errorf("asked %s", *asked)
	}
}

func TestRules(t *testing.T) {
	c, _ := serve(t, 200, `{"data":{"groups":[{"rules":[{"name":"A","query":"up == 0"}]},{"rules":[{"name":"B","query":"x > 1"}]}]}}`)
	if got, err := c.Rules(t.Context()); err != nil || !reflect.DeepEqual(got, []Rule{{"A", "up == 0"}, {"B", "x > 1"}}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRefusals(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a wrong expression": {400, `{"status":"error","error":"parse error"}`, "parse error"},
		"another program":    {404, "not found", "404"},
		"half an answer":     {200, `{"data":{"result":[{"metr`, "unexpected EOF"},
		"a wrong point":      {200, `{"data":{"result":[{"values":[[1,"x"]]}]}}`, "invalid syntax"},
	} {
		c, _ := serve(t, answer.status, answer.body)
		if _, err := c.Range(t.Context(), "up", time.Unix(0, 0), time.Unix(1, 0), time.Second); err == nil || !strings.Contains(err.Error(), answer.want) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, answer.want)
		}
	}
}
