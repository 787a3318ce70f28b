package payment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// request returns the bytes that every attempt of one charge sends. It fails if that
// could not be sent as it is, which must show before the first attempt: a key whose first
// request is malformed is lost (S8.2).
func (g *Gateway) request(token string, amount int, key string) ([]byte, error) {
	switch {
	case g.unusable != nil:
		return nil, g.unusable
	case !sendable(token):
		return nil, errors.New("the token cannot be sent in a header")
	case !sendable(key):
		return nil, errors.New("the key cannot be sent in a header")
	}
	body := `{"amount":` + strconv.Itoa(amount) + `}`
	head := "POST " + g.url.RequestURI() + " HTTP/1.1" +
		"\r\nHost: " + g.url.Host +
		"\r\nAuthorization: Bearer " + token +
		"\r\nContent-Type: application/json" +
		"\r\nIdempotency-Key: " + key +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	return []byte(head + body), nil
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

// errNoAnswer ends an exchange on whose connection nothing came back.
var errNoAnswer = errors.New("the gateway closed the connection without an answer")

// attempt sends the charge once and waits for the outcome. The error is nil only for
// registered.
func (g *Gateway) attempt(ctx context.Context, request []byte) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, g.attemptTimeout)
	defer cancel()
	status, err := g.links.post(ctx, request)
	if err != nil {
		return unanswered, err
	}
	return judge(status)
}

// judge maps the statuses of S8.1. What the rules do not name is treated by its
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
