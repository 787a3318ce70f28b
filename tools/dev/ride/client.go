package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"
)

// client is a user, owner or chair with its cookie.
type client struct {
	base string
	http *http.Client
	say  func(format string, args ...any)
}

func newClient(base string, say func(string, ...any)) *client {
	jar, _ := cookiejar.New(nil) // never fails
	return &client{base: base, say: say, http: &http.Client{Jar: jar, Transport: transport()}}
}

// transport accepts the self-signed certificate of tools/dev/devcert.
func transport() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
}

// patience is how long the server may be unreachable before the tool gives up.
const patience = time.Minute

// call repeats a request while the server is unreachable, as a client must while a server
// restarts. It returns the status.
func (c *client) call(ctx context.Context, method, path string, body, answer any) (int, error) {
	limit := time.Now().Add(patience)
	for announced := false; ; {
		status, err := c.once(ctx, method, path, body, answer)
		if err == nil || ctx.Err() != nil || time.Now().After(limit) {
			return status, err
		}
		if !announced {
			c.say("the server is unreachable (%v); trying again for %v", err, patience)
			announced = true
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// once returns an error without a usable answer, or with one from a server that is about
// to stop.
func (c *client) once(ctx context.Context, method, path string, body, answer any) (int, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return 0, err
	case res.StatusCode == http.StatusServiceUnavailable, res.StatusCode == http.StatusBadGateway && path[:5] != "/api/":
		return 0, fmt.Errorf("%s: %s", res.Status, content)
	case res.StatusCode/100 == 2 && answer != nil:
		return res.StatusCode, json.Unmarshal(content, answer)
	}
	return res.StatusCode, nil
}

// notice is the part of a notification that the tool reads.
type notice struct {
	RideID string `json:"ride_id"`
	Status string `json:"status"`
}

// listen keeps a notification stream open and passes on its notices, until the context
// ends. It reopens a stream that ends.
func (c *client) listen(ctx context.Context, path string, got func(line string, n notice)) {
	for ctx.Err() == nil {
		if err := c.stream(ctx, path, got); err != nil && ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func (c *client) stream(ctx context.Context, path string, got func(string, notice)) error {
	req, err := http.NewRequestWithContext(ctx, "GET", c.base+path, nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		return errors.New(res.Status)
	}
	if !strings.Contains(res.Header.Get("Content-Type"), "text/event-stream") {
		return c.polled(res.Body, got)
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
			deliver([]byte(text), got)
		}
	}
	return lines.Err()
}

// polled handles the single answer of a server that does not stream.
func (c *client) polled(body io.Reader, got func(string, notice)) error {
	var envelope struct {
		Data  json.RawMessage `json:"data"`
		Pause int             `json:"retry_after_ms"`
	}
	if err := json.NewDecoder(body).Decode(&envelope); err != nil {
		return err
	}
	deliver(envelope.Data, got)
	time.Sleep(time.Duration(envelope.Pause) * time.Millisecond)
	return nil
}

func deliver(text []byte, got func(string, notice)) {
	var n notice
	if json.Unmarshal(text, &n) == nil && n.Status != "" {
		got(strings.TrimSpace(string(text)), n)
	}
}
