package live

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"isuride/bench/client"
)

// An Account is one whose answers are worth recording.
type Account struct {
	Owner        bool // a user otherwise
	Token        string
	Since, Until string // window of the second look at an owner's sales, in Unix milliseconds; empty for none
}

// ReadAccounts reads a list with one account per line: "owner" or "user", its session
// token, and after an owner's token optionally the two ends of a sales window. Empty
// lines and those that start with # are skipped.
func ReadAccounts(r io.Reader) ([]Account, error) {
	var list []Account
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		a, err := parseAccount(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		list = append(list, a)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("no accounts")
	}
	return list, nil
}

func parseAccount(fields []string) (Account, error) {
	switch {
	case fields[0] == "user" && len(fields) == 2:
		return Account{Token: fields[1]}, nil
	case fields[0] == "owner" && len(fields) == 2:
		return Account{Owner: true, Token: fields[1]}, nil
	case fields[0] == "owner" && len(fields) == 4 && isNumber(fields[2]) && isNumber(fields[3]):
		return Account{Owner: true, Token: fields[1], Since: fields[2], Until: fields[3]}, nil
	}
	return Account{}, errors.New(`want "user TOKEN" or "owner TOKEN [SINCE UNTIL]"`)
}

func isNumber(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

// The estimates of B1.6.
var estimates = []struct{ name, body string }{
	{"estimate of a short ride", `{"pickup_coordinate":{"latitude":10,"longitude":10},"destination_coordinate":{"latitude":13,"longitude":20}}`},
	{"estimate of a long ride", `{"pickup_coordinate":{"latitude":-10,"longitude":-10},"destination_coordinate":{"latitude":-21,"longitude":0}}`},
}

// checks are the questions worth asking about the account, without answers.
func (a Account) checks() []Check {
	if a.Owner {
		keys := map[string]string{"chairs": "id", "models": "model"}
		list := []Check{a.check("chairs of an owner", http.MethodGet, "/api/owner/chairs", "", keys), a.check("sales of an owner", http.MethodGet, "/api/owner/sales?", "", keys)}
		if a.Since != "" {
			list = append(list, a.check("sales of an owner in a window", http.MethodGet, "/api/owner/sales?since="+a.Since+"&until="+a.Until, "", keys))
		}
		return list
	}
	list := []Check{a.check("rides of a user", http.MethodGet, "/api/app/rides", "", map[string]string{"rides": "id"})}
	for _, e := range estimates {
		list = append(list, a.check(e.name, http.MethodPost, "/api/app/rides/estimated-fare", e.body, map[string]string{}))
	}
	return list
}

func (a Account) check(name, method, path, body string, keys map[string]string) Check {
	c := Check{Name: name, Method: method, Path: path, CookieName: "app_session", Cookie: a.Token, Status: http.StatusOK, Keys: keys, Body: json.RawMessage("null")}
	if a.Owner {
		c.CookieName = "owner_session"
	}
	if body != "" {
		c.Body = json.RawMessage(body)
	}
	return c
}

// Record asks a trusted server about the accounts and returns its answers as checks for
// others.
func Record(ctx context.Context, newBrowser func() *client.Browser, list []Account) ([]Check, error) {
	var checks []Check
	for _, a := range list {
		b := newBrowser()
		for _, c := range a.checks() {
			if err := c.record(ctx, b); err != nil {
				b.Close()
				return nil, fmt.Errorf("%s %s with token %.8s...: %w", c.Method, c.Path, a.Token, err)
			}
			checks = append(checks, c)
		}
		b.Close()
	}
	return checks, nil
}

// record accepts the server's answer as the right one.
func (c *Check) record(ctx context.Context, b *client.Browser) error {
	status, body, err := b.Ask(ctx, c.question())
	if err != nil {
		return err
	}
	if status != c.Status {
		return fmt.Errorf("status %d", status)
	}
	if !json.Valid(body) {
		return errors.New("the answer is not JSON")
	}
	c.Expect = body
	return nil
}
