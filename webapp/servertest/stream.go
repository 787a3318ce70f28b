package servertest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Stream is an open notification stream.
type Stream struct {
	Client *Client
	Lines  chan string // closed when the stream ends
	conn   *net.TCPConn
	cancel context.CancelFunc
}

// Listen opens the client's notification stream: of a user or of a chair, by cookie.
func (c *Client) Listen() *Stream {
	c.T.Helper()
	e, err := c.Open()
	if err != nil {
		c.T.Fatal(err)
	}
	return e
}

// Open is Listen for goroutines other than the test's own. Like Call, it asks again where no server leads.
func (c *Client) Open() (*Stream, error) {
	for {
		e, status, err := c.open()
		if err != nil || status == http.StatusOK {
			return e, err
		}
		if c.Process.Node == "" || status != http.StatusServiceUnavailable {
			return nil, fmt.Errorf("the stream answers %d", status)
		}
		time.Sleep(Again)
	}
}

func (c *Client) open() (e *Stream, status int, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	c.T.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", c.Process.URL+c.NotificationPath(), nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Cookie", c.Cookie)
	e = &Stream{Client: c, Lines: make(chan string, 1000), cancel: cancel}
	res, err := e.Transport().RoundTrip(req)
	if err != nil {
		return nil, 0, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, res.StatusCode, nil
	}
	go func() {
		defer close(e.Lines)
		defer res.Body.Close()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			if text, ok := strings.CutPrefix(s.Text(), "data:"); ok {
				e.Lines <- strings.TrimSpace(text)
			}
		}
	}()
	return e, http.StatusOK, nil
}

// NotificationPath depends on the kind of account.
func (c *Client) NotificationPath() string {
	if strings.HasPrefix(c.Cookie, "chair_session") {
		return "/api/chair/notification"
	}
	return "/api/app/notification"
}

// Transport makes a connection for each stream, as clients have.
func (e *Stream) Transport() *http.Transport {
	return &http.Transport{DisableKeepAlives: true, TLSClientConfig: trusting(), ForceAttemptHTTP2: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		e.conn, _ = nc.(*net.TCPConn)
		return nc, err
	}}
}

// TellLimit is when a notification counts as missing: far above what clients wait (S10.2), for a
// busy machine.
const TellLimit = time.Minute

// Next is the next message, nil for "no ride".
func (e *Stream) Next() Object {
	e.Client.T.Helper()
	select {
	case line, ok := <-e.Lines:
		if !ok {
			e.Client.T.Fatal("the stream has ended")
		}
		return Reply{Body: []byte(line)}.objectOrNull(e.Client.T)
	case <-time.After(TellLimit):
		e.Client.T.Fatal("nothing comes")
	}
	return nil
}

func (r Reply) objectOrNull(t testing.TB) Object {
	if string(r.Body) == "null" {
		return nil
	}
	return r.Object(t)
}

// Expect reads one message for each status and returns the last.
func (e *Stream) Expect(ride string, statuses ...string) (last Object) {
	e.Client.T.Helper()
	for _, want := range statuses {
		last = e.Next()
		if last["status"] != want || last["ride_id"] != ride {
			e.Client.T.Fatalf("told %v of ride %v, want %s of %s", last["status"], last["ride_id"], want, ride)
		}
	}
	return last
}

// Close drops the connection, with whatever is on its way.
func (e *Stream) Close() { e.cancel() }

// Quit ends the stream without losing what is on its way: the client sends no more, the
// server ends the stream, and until then everything is read.
func (e *Stream) Quit() (rest []string) {
	e.conn.CloseWrite()
	return e.Rest()
}

// Rest reads to the end of a stream that the server ends.
func (e *Stream) Rest() (rest []string) {
	e.Client.T.Helper()
	for {
		select {
		case line, ok := <-e.Lines:
			if !ok {
				return rest
			}
			rest = append(rest, line)
		case <-time.After(TellLimit):
			e.Client.T.Fatal("the stream does not end")
		}
	}
}

// Await reads until a status of the ride comes.
func (e *Stream) Await(ride, status string) error {
	limit := time.After(RideLimit)
	for {
		select {
		case line, ok := <-e.Lines:
			if !ok {
				return fmt.Errorf("the stream ends before %s of ride %s", status, ride)
			}
			m, err := Decode(line)
			if err != nil || m["ride_id"] == ride && m["status"] == status {
				return err
			}
		case <-limit:
			return fmt.Errorf("%s of ride %s does not come", status, ride)
		}
	}
}

// RideLimit is when a ride that waits for its chair counts as forgotten; far above the
// 30 s of S7.2, for busy machines.
const RideLimit = time.Minute
