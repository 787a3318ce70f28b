package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// Realtime is a WebSocket with any number of subscriptions. Next belongs to one goroutine;
// the other methods may be called from any.
type Realtime struct {
	conn net.Conn
	in   io.Reader

	mu sync.Mutex // held while something is written
}

// Realtime opens one for the client's account, or for nobody. A refusal is an *Error.
func (c *Client) Realtime(ctx context.Context) (*Realtime, error) {
	var refused error
	d := ws.Dialer{OnStatusError: func(_ int, _ []byte, answer io.Reader) {
		if r, err := http.ReadResponse(bufio.NewReader(answer), nil); err == nil {
			refused = refusal(r)
		}
	}}
	if c.Token != "" {
		d.Header = ws.HandshakeHeaderHTTP(http.Header{"Authorization": {"Bearer " + c.Token}})
	}
	if t, ok := c.http().Transport.(*http.Transport); ok && t.TLSClientConfig != nil {
		d.TLSConfig = t.TLSClientConfig.Clone()
		d.TLSConfig.NextProtos = nil // a WebSocket needs HTTP/1.1
	}
	conn, buffered, _, err := d.Dial(ctx, "ws"+strings.TrimPrefix(c.URL, "http")+"/api/realtime")
	if refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	r := &Realtime{conn: conn, in: conn}
	if buffered != nil { // what came together with the handshake's answer
		r.in = buffered
	}
	return r, nil
}

// Subscribe begins a subscription named sub, for the account of a token, or with "" for the
// connection's own. Its frames, or a refusal, come in Next.
func (r *Realtime) Subscribe(sub, token string, s Subscription) error {
	return r.send(map[string]string{"op": "subscribe", "sub": sub, "token": token, "table": s.Tables, "filter": s.Filter,
		"resume": s.Resume, "since": s.Since, "speed": s.Speed, "interval": s.Interval})
}

// Notifications begins to tell the notifications of a user or a chair, as frames whose action
// is "notification".
func (r *Realtime) Notifications(sub, token string) error {
	return r.Subscribe(sub, token, Subscription{Tables: "notifications"})
}

// Unsubscribe ends a subscription, whose last frame is "unsubscribed".
func (r *Realtime) Unsubscribe(sub string) error {
	return r.send(map[string]string{"op": "unsubscribe", "sub": sub})
}

// Checksum asks for the checksum of a table, which comes as a frame with one row.
func (r *Realtime) Checksum(sub, table string) error {
	return r.send(map[string]string{"op": "checksum", "sub": sub, "table": table})
}

// Ping is answered by a frame whose action is "pong".
func (r *Realtime) Ping() error { return r.send(map[string]string{"op": "ping"}) }

func (r *Realtime) send(command map[string]string) error {
	for name, value := range command {
		if value == "" {
			delete(command, name)
		}
	}
	text, err := json.Marshal(command)
	if err != nil {
		return err
	}
	return r.Send(string(text))
}

// Send sends a command as it is.
func (r *Realtime) Send(command string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return wsutil.WriteClientText(r.conn, []byte(command))
}

// Next returns the next frame. After an error the connection is dead.
func (r *Realtime) Next() (f Frame, err error) {
	text, _, err := wsutil.ReadServerData(readWriter{r.in, r})
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}

// readWriter lets pings be answered while commands are sent.
type readWriter struct {
	io.Reader
	r *Realtime
}

func (w readWriter) Write(p []byte) (int, error) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	return w.r.conn.Write(p)
}

// Close ends the connection.
func (r *Realtime) Close() error { return r.conn.Close() }
