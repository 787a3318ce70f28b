package payment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxDrain bounds how much of an answer's body is read to keep the connection, in
// bytes. More than that costs more than a new connection.
const maxDrain = 64 << 10

// charge is what every attempt of one charge sends.
type charge struct {
	url    string
	header http.Header
	body   string
}

// newCharge fails if the request could not be sent as it is. That must show before the
// first attempt: a key whose first request is malformed is lost (spec 8.2).
func newCharge(gatewayURL, token string, amount int, key string) (charge, error) {
	if u, err := url.Parse(gatewayURL); err != nil {
		return charge{}, err
	} else if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return charge{}, fmt.Errorf("%q is not an http address", gatewayURL)
	}
	if !sendable(token) {
		return charge{}, errors.New("the token cannot be sent in a header")
	}
	if !sendable(key) {
		return charge{}, errors.New("the key cannot be sent in a header")
	}
	return charge{
		url: gatewayURL,
		header: http.Header{
			"Authorization":   {"Bearer " + token},
			"Content-Type":    {"application/json"},
			"Idempotency-Key": {key},
		},
		body: `{"amount":` + strconv.Itoa(amount) + `}`,
	}, nil
}

// sendable reports whether s is neither empty nor changed by being a header value.
func sendable(s string) bool {
	isControl := func(r rune) bool { return r < ' ' || r == 0x7f }
	return s != "" && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, isControl)
}

// verdict says what an attempt means for the charge.
type verdict int

const (
	registered verdict = iota // the payment is registered
	refused                   // final: repeating cannot help
	failed                    // answered with a failure: the next attempt may follow at once
	unanswered                // perhaps still in process: the next attempt should wait
	conflict                  // in process for sure: the next attempt should wait
)

// attempt sends the charge once and waits for the outcome. The error is nil only for
// registered.
func (g *Gateway) attempt(ctx context.Context, c charge) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, g.attemptTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(c.body))
	if err != nil {
		return refused, &RefusedError{Err: err}
	}
	req.Header = c.header.Clone()
	resp, err := g.client.Do(req)
	if err != nil {
		return unanswered, err
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, maxDrain) // an error only costs the connection
	return judge(resp.StatusCode)
}

// judge maps the statuses of spec 8.1. What the spec does not know is treated by its
// class: a server's failure may pass, anything else is not the answer of a payment
// gateway and will not become one.
func judge(status int) (verdict, error) {
	switch {
	case status == http.StatusNoContent:
		return registered, nil
	case status == http.StatusConflict:
		return conflict, answerError(status)
	case status == http.StatusServiceUnavailable || status < http.StatusInternalServerError:
		return refused, &RefusedError{Status: status}
	}
	return failed, answerError(status)
}

func answerError(status int) error {
	return fmt.Errorf("the gateway answered %d %s", status, http.StatusText(status))
}
