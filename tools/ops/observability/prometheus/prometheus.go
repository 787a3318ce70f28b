// Package prometheus queries a Prometheus over its HTTP API.
package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Client queries the Prometheus at URL.
type Client struct {
	URL string // http://host:port
}

// Point is a value and its time in Unix seconds.
type Point struct {
	At, Value float64
}

// UnmarshalJSON reads the API's format, [1700000000.123, "0.5"].
func (p *Point) UnmarshalJSON(b []byte) error {
	var value string
	if err := json.Unmarshal(b, &[]any{&p.At, &value}); err != nil {
		return err
	}
	var err error
	p.Value, err = strconv.ParseFloat(value, 64)
	return err
}

// Series are the values of one set of labels.
type Series struct {
	Labels map[string]string `json:"metric"`
	Points []Point           `json:"values"`
}

// Query evaluates an expression now: one point for each series.
func (c Client) Query(ctx context.Context, expr string) ([]Series, error) {
	var v vector
	if err := c.get(ctx, "query", url.Values{"query": {expr}}, &v); err != nil {
		return nil, err
	}
	var list []Series
	for _, s := range v.Result {
		list = append(list, Series{s.Labels, []Point{s.Point}})
	}
	return list, nil
}

// vector is a result with one value per series.
type vector struct {
	Result []struct {
		Labels map[string]string `json:"metric"`
		Point  Point             `json:"value"`
	} `json:"result"`
}

// Range evaluates an expression for each step from one time to another.
func (c Client) Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	var matrix struct {
		Result []Series `json:"result"`
	}
	err := c.get(ctx, "query_range", url.Values{"query": {expr}, "start": {seconds(from)}, "end": {seconds(to)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)}}, &matrix)
	return matrix.Result, err
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// Names returns the names of all metrics.
func (c Client) Names(ctx context.Context) (names []string, err error) {
	err = c.get(ctx, "label/__name__/values", nil, &names)
	return names, err
}

// Rule is a loaded alert.
type Rule struct {
	Name  string `json:"name"`
	Query string `json:"query"`
}

// Rules returns all alerts.
func (c Client) Rules(ctx context.Context) ([]Rule, error) {
	var loaded struct {
		Groups []struct {
			Rules []Rule `json:"rules"`
		} `json:"groups"`
	}
	err := c.get(ctx, "rules", url.Values{"type": {"alert"}}, &loaded)
	var all []Rule
	for _, g := range loaded.Groups {
		all = append(all, g.Rules...)
	}
	return all, err
}

// maxAnswer bounds the size of an answer: a dashboard's query returns about 100 KB.
const maxAnswer = 64 << 20

// get calls the API and decodes the answer's data.
func (c Client) get(ctx context.Context, path string, params url.Values, data any) error {
	request, err := http.NewRequestWithContext(ctx, "GET", c.URL+"/api/v1/"+path+"?"+params.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		Data  any    `json:"data"`
		Error string `json:"error"`
	}{Data: data}
	err = json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer)
	switch {
	case err == nil && answer.Error != "":
		return errors.New(answer.Error)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answers %s", request.URL.Host, response.Status)
	}
	return err
}
