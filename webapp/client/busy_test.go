package client_test

import (
	"context"
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

// roundTrip stands for a network, so that a fake clock goes on.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// local answers at once.
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

// TestFollowGivesUpASilentServer: where nothing comes any more, neither an answer nor its rest, it connects again; the
// time that its caller takes is no silence.
func TestFollowGivesUpASilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var asked []string
		c := client.Client{URL: "http://server", HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, fmt.Sprint(time.Since(began), r.Header.Get("Last-Event-ID")))
			switch len(asked) {
			case 1:
				<-r.Context().Done()
				return nil, r.Context().Err()
			case 2:
				out, in := io.Pipe()
				context.AfterFunc(r.Context(), func() { in.CloseWithError(r.Context().Err()) })
				go func() {
					for i := range 3 {
						fmt.Fprintf(in, "id: 1:%d\ndata: {\"action\":\"heartbeat\"}\n\n", i)
					}
				}()
				return &http.Response{StatusCode: 200, Body: out}, nil
			}
			return &http.Response{StatusCode: 403, Body: http.NoBody}, nil
		})}}
		frames := 0
		for range c.Follow(t.Context(), client.Subscription{Tables: "city"}) {
			frames++
			time.Sleep(15 * time.Second)
		}
		// 10 s and a pause; four frames of 15 s each, 10 s, and a pause
		if got, want := fmt.Sprint(asked), "[0s 10.2s 1m20.4s1:2]"; got != want {
			t.Errorf("it asked at %s, want %s", got, want)
		}
		if want := 5; frames != want { // the two ends of the connection, and what came in between
			t.Errorf("%d frames, want %d", frames, want)
		}
	})
}
