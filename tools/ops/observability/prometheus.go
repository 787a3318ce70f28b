package main

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

	"github.com/prometheus/common/model"
)

// prometheus is the URL of a Prometheus, http://host:port.
type prometheus string

// query evaluates an expression for each step from one time to another.
func (p prometheus) query(ctx context.Context, expr string, from, to time.Time, step time.Duration) (model.Matrix, error) {
	seconds := func(s float64) []string { return []string{strconv.FormatFloat(s, 'f', -1, 64)} }
	var answer struct{ Result model.Matrix }
	err := p.get(ctx, "query_range", url.Values{"query": {expr}, "start": seconds(float64(from.UnixMilli()) / 1000),
		"end": seconds(float64(to.UnixMilli()) / 1000), "step": seconds(step.Seconds())}, &answer)
	return answer.Result, err
}

// maxAnswer bounds the size of an answer: a dashboard's query returns about 100 KB.
const maxAnswer = 64 << 20

// get calls the API and decodes the answer's data.
func (p prometheus) get(ctx context.Context, path string, params url.Values, data any) error {
	request, err := http.NewRequestWithContext(ctx, "GET", string(p)+"/api/v1/"+path+"?"+params.Encode(), nil)
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
