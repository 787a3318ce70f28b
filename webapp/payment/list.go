package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// ErrNoList says that the gateway does not tell what was paid.
var ErrNoList = errors.New("the gateway does not list payments")

// List returns the amounts of all payments under a token that the gateway has registered, in their
// order (S8.1). Gateways need not have that: see ErrNoList. One that stores nothing answers with
// an empty list.
func (g *Gateway) List(ctx context.Context, token string) ([]int, error) {
	switch {
	case g.unusable != nil:
		return nil, &RefusedError{Err: g.unusable}
	case !sendable(token):
		return nil, &RefusedError{Err: errors.New("the token cannot be sent in a header")}
	}
	ctx, cancel := context.WithTimeout(ctx, g.attemptTimeout)
	defer cancel()
	a, err := g.links.send(ctx, aGet, []byte("GET "+g.url.RequestURI()+" HTTP/1.1"+
		"\r\nHost: "+g.url.Host+
		"\r\nAuthorization: Bearer "+token+"\r\n\r\n"))
	switch {
	case err != nil:
		return nil, &UnavailableError{Attempts: 1, Err: err}
	case a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotImplemented:
		return nil, ErrNoList
	case a.status != http.StatusOK:
		return nil, &UnavailableError{Attempts: 1, Err: answerError(a.status)}
	}
	var list []struct{ Amount int }
	if err := json.Unmarshal(a.body, &list); err != nil {
		return nil, fmt.Errorf("payment: the gateway's list cannot be read: %w", err)
	}
	amounts := make([]int, len(list))
	for i := range list {
		amounts[i] = list[i].Amount
	}
	return amounts, nil
}

// aGet tells net/http which request the answers belong to.
var aGet = &http.Request{Method: http.MethodGet}
