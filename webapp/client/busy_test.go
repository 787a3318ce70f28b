package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/client"
)

// busy is the server's refusal.
func busy(w http.ResponseWriter, status int, after string) {
	w.Header().Set("Retry-After", after)
	w.WriteHeader(status)
	fmt.Fprint(w, `{"message":"the server is busy"}`)
}

// local answers without a network, so that a fake clock goes on.
type local http.HandlerFunc

func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	l(w, r)
	return w.Result(), nil
}

// TestBusyServerSaysHowLong: a refusal tells for how long, over HTTP and WebSockets.
func TestBusyServerSaysHowLong(t *testing.T) {
	t.Parallel()
	after := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { busy(w, 503, after) }))
	defer server.Close()
	c := client.New(server.URL)
	for text, want := range map[string]time.Duration{"2": 2 * time.Second, "0": 0, "": 0, "-1": 0, "Wed, 21 Oct 2015 07:28:00 GMT": 0} {
		after = text
		_, overHTTP := c.RideHistory(t.Context())
		_, overSocket := c.Realtime(t.Context())
		for _, err := range []error{overHTTP, overSocket} {
			var refused *client.Error
			if !errors.As(err, &refused) || *refused != (client.Error{Status: 503, Message: "the server is busy", RetryAfter: want}) {
				t.Errorf("with Retry-After %q the error is %#v", text, err)
			}
		}
	}
}

// TestFollowLeavesABusyServerAlone: it connects again after the time that the server asks for, and goes on.
func TestFollowLeavesABusyServerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var asked []time.Duration
		c := client.Client{URL: "http://server", HTTP: &http.Client{Transport: local(func(w http.ResponseWriter, _ *http.Request) {
			asked = append(asked, time.Since(began))
			switch len(asked) {
			case 1:
				busy(w, 503, "3")
			case 2:
				busy(w, 429, "1")
			case 3:
				io.WriteString(w, "id: 1:1\ndata: {\"action\":\"heartbeat\"}\n\n")
			default:
				busy(w, 403, "1")
			}
		})}}
		var seen []string
		for f, err := range c.Follow(t.Context(), client.Subscription{Tables: "city"}) {
			seen = append(seen, fmt.Sprint(f.Action, err))
		}
		if got, want := fmt.Sprint(asked), "[0s 3s 4s 4.2s]"; got != want {
			t.Errorf("it asked at %s, want %s", got, want)
		}
		if got, want := strings.Join(seen, "; "), fmt.Sprint(client.Connected, "<nil>; heartbeat<nil>; isuride: 403: the server is busy"); got != want {
			t.Errorf("it yields %s, want %s", got, want)
		}
	})
}
