package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"

	"github.com/gobwas/ws"

	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

// webSocket is the protocol's name in a request for an upgrade.
const webSocket = "websocket"

// openRealtime makes the connection a WebSocket over which tables and notifications of any
// number of sessions come.
func (a *API) openRealtime(c call) error {
	if refused := c.handshake(); refused {
		return nil
	}
	who, err := a.caller(c)
	if err != nil {
		return err
	}
	accept, ok := acceptKey(c.Header("Sec-WebSocket-Key"))
	if !ok {
		return isuride.Errorf(isuride.InvalidInput, "the header field Sec-WebSocket-Key must be 16 bytes in base64")
	}
	c.SetOwner(who.pointer())
	c.SetHeader("Sec-WebSocket-Accept", accept)
	r := &realtime{api: a, who: who, serial: c.Serial(), sessions: map[string]*told{}}
	c.Upgrade(webSocket, r.open, r.listen)
	return nil
}

// handshake refuses what is no request for a WebSocket, or comes from another site's page: a
// browser would send our cookies with it, and let that page read.
func (c call) handshake() (refused bool) {
	switch origin := c.Header("Origin"); {
	case origin != nil && !sameHost(origin, c.Header("Host")):
		writeError(c.Ctx, 403, "pages of other sites cannot open this; open it from a page of this server, or from a program without Origin")
	case !c.WantsUpgrade(webSocket):
		writeError(c.Ctx, 426, "this is a WebSocket: ask for it with Connection: Upgrade and Upgrade: websocket over HTTP/1.1; GET /api/feed has the same over plain HTTP")
		if !c.Multiplexed() {
			c.SetHeader("Upgrade", webSocket)
		}
	case string(c.Header("Sec-WebSocket-Version")) != "13":
		writeError(c.Ctx, 426, "the header field Sec-WebSocket-Version must be 13")
		c.SetHeader("Sec-WebSocket-Version", "13")
	default:
		return false
	}
	return true
}

// sameHost compares the host and port of a page with those that a request was sent to. The
// scheme says nothing: TLS may end in front of us.
func sameHost(origin, host []byte) bool {
	_, at, ok := bytes.Cut(origin, []byte("://"))
	return ok && bytes.EqualFold(at, host)
}

// realtime is one WebSocket. A goroutine of the connection reads commands; a writer of the
// pool writes what there is, see turns.
type realtime struct {
	// Set once.
	api *API
	who account // the connection's own

	serial uint64 // the connection's, among the server's
	conn   *httpd.Stream
	feed   *feed.Conn

	// Owned by the writer.
	batch []*told   // whose turn it is
	out   []outward // notifications that are being written
	text  []byte    // of one of them
	last  bool      // nothing follows what is being written

	turns turns

	mu lockwatch.Mutex
	// The rest is guarded by mu.
	sessions map[string]*told // by the name of the subscription; nil once nobody listens
	ready    []*told          // that may have something to tell
	said     []byte           // frames of our own that wait
	farewell *closing         // nil while the connection goes on
}

// Texts of refusals.
const (
	nameTaken = "the connection has a subscription of that name; unsubscribe first, or choose another"
	// Which of the two it is, the next subscription finds out: a token of before an initialize is
	// unknown then, and a server that does not lead ends the connection.
	sessionOver    = "the session's generation has ended here, by an initialize or because another server leads; subscribe again"
	generationOver = "the session has ended with its generation, by an initialize; register again"
	displacedText  = "the session has newer streams, as many as it may have, which have taken this one's place"
)

// maxTold bounds the notifications' subscriptions of a connection.
const maxTold = 4096

// maxSaid bounds what waits for a client that sends commands and does not read, in bytes.
const maxSaid = 64 << 10

var errDoesNotRead = &closing{ws.StatusPolicyViolation, "commands come and their answers are not read"}

// open is called when the handshake is answered.
func (r *realtime) open(conn *httpd.Stream) {
	r.conn = conn
	r.api.followers.join()
	r.feed = r.api.opt.Feed.Open(r.wake)
	conn.OnClose(r.close)
	r.wake() // the feed wakes only who has looked
}

// close is called once, when nobody listens any more.
func (r *realtime) close() {
	defer r.api.followers.leave()
	r.feed.Close()
	r.mu.Lock()
	sessions := r.sessions
	r.sessions = nil
	r.mu.Unlock()
	for _, s := range sessions {
		s.leave()
	}
}

func (r *realtime) wake() {
	if r.turns.wake() {
		r.api.writers.write(r)
	}
}

// listen obeys commands until the peer leaves or breaks the rules.
func (r *realtime) listen(from io.Reader) {
	in := newSocket(from)
	for {
		message, ping, err := in.next()
		var end *closing
		switch {
		case errors.As(err, &end):
			r.sayGoodbye(end)
			_, _ = io.Copy(io.Discard, from) // until the writer has said it and closes
			return
		case err != nil:
			return
		case ping:
			r.say(ws.OpPong, message)
		default:
			r.obey(message)
		}
	}
}

// say has the writer send a message of our own.
func (r *realtime) say(op ws.OpCode, message []byte) {
	r.mu.Lock()
	if len(r.said) < maxSaid {
		r.said = appendFrame(r.said, op, message)
	} else if r.farewell == nil {
		r.farewell = errDoesNotRead
	}
	r.mu.Unlock()
	r.wake()
}

func (r *realtime) sayGoodbye(end *closing) {
	r.mu.Lock()
	r.farewell = end
	r.mu.Unlock()
	r.wake()
}

// command is a message of a client.
type command struct {
	Op     string `json:"op"`
	Sub    string `json:"sub"`
	Table  string `json:"table"`
	Filter string `json:"filter"`
	Token  string `json:"token"`
	Resume string `json:"resume"`
	Since  scalar `json:"since"`
	Speed  scalar `json:"speed"`

	Interval scalar `json:"interval"`
}

// scalar is a text, or a number as it is written.
type scalar string

// UnmarshalJSON is part of json.Unmarshaler.
func (s *scalar) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		return json.Unmarshal(b, (*string)(s))
	case 'n': // null, which is nothing for a text, too
	case '{':
		return &json.UnmarshalTypeError{Value: "object", Type: reflect.TypeFor[scalar]()}
	case '[':
		return &json.UnmarshalTypeError{Value: "array", Type: reflect.TypeFor[scalar]()}
	case 't', 'f':
		return &json.UnmarshalTypeError{Value: "bool", Type: reflect.TypeFor[scalar]()}
	default:
		*s = scalar(b)
	}
	return nil
}

// notifications is the name that stands for a session's notifications among tables.
const notifications = "notifications"

func (r *realtime) obey(message []byte) {
	var c command
	d := json.NewDecoder(bytes.NewReader(message))
	d.DisallowUnknownFields() // a misspelt filter would let everything through
	if err := d.Decode(&c); err != nil {
		r.refuse(&c, feed.BadCommand, "the message is no command: "+decodeMessage(err))
		return
	}
	switch c.Op {
	case "subscribe":
		r.subscribe(&c)
	case "unsubscribe":
		if s := r.take(c.Sub); s != nil {
			s.leave()
			r.say(ws.OpText, s.frame("unsubscribed", nil))
			return
		}
		r.feed.Unsubscribe(c.Sub)
	case "checksum":
		r.feed.Checksum(c.Sub, c.Table)
	case "ping":
		r.say(ws.OpText, []byte(`{"action":"pong"}`))
	default:
		r.refuse(&c, feed.BadCommand, "op must be subscribe, unsubscribe, checksum or ping")
	}
}

// decodeMessage says what is wrong with a command, without Go's words for it.
func decodeMessage(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		want := "a text"
		if wrong.Type == reflect.TypeFor[scalar]() {
			want = "a text or a number"
		}
		return wrong.Field + " must be " + want + ", not " + wrong.Value
	}
	if text, ok := bytes.CutPrefix([]byte(err.Error()), []byte("json: ")); ok {
		return string(text)
	}
	return "it must be a JSON object with an op"
}

func (r *realtime) refuse(c *command, code feed.Code, text string) {
	r.feed.Refuse(&feed.Error{Sub: clip(c.Sub), Table: clip(c.Table), Code: code, Text: text})
}

// clip shortens a name that comes back in a refusal.
func clip(name string) string {
	const longest = 100 // bytes
	if len(name) > longest {
		return name[:longest]
	}
	return name
}

func (r *realtime) subscribe(c *command) {
	who, gen := r.who, r.api.engine.Current()
	if gen == nil { // another server leads, which a client finds by coming back
		r.sayGoodbye(errElsewhere)
		return
	}
	if c.Token != "" {
		found, ok := r.api.accountOf(gen, []byte(c.Token))
		if !ok {
			r.refuse(c, feed.UnknownAccount, "the token belongs to no account")
			return
		}
		who = found
	}
	switch {
	case c.Table == notifications:
		r.tell(c, gen, who)
	case r.has(c.Sub):
		r.refuse(c, feed.NameTaken, nameTaken)
	case !r.api.admitTable(r.serial):
		r.refuse(c, feed.Busy, "the server is busy; ask again in a few seconds")
	default:
		r.feed.Subscribe(feed.Request{Name: c.Sub, Tables: c.Table, Filter: c.Filter, Viewer: who.viewer(),
			Resume: c.Resume, Since: string(c.Since), Speed: string(c.Speed), Interval: string(c.Interval)})
	}
}

func (r *realtime) has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.sessions[name]
	return ok
}

// tell begins to tell a session's notifications.
func (r *realtime) tell(c *command, gen *engine.Generation, who account) {
	to, ok := recipientOf(gen, who)
	if !ok {
		r.refuse(c, feed.NoRight, "only users and chairs have notifications; give the token of one")
		return
	}
	s := newTold(r, c.Sub, gen, to)
	r.mu.Lock()
	_, taken := r.sessions[c.Sub]
	many := len(r.sessions) >= maxTold
	if !taken && !many {
		r.sessions[c.Sub] = s
	}
	r.mu.Unlock()
	switch {
	case taken:
		r.refuse(c, feed.NameTaken, nameTaken)
	case many:
		r.refuse(c, feed.TooMany, "the connection has as many subscriptions as it may; open another")
	case !s.begin():
		r.take(c.Sub)
		r.refuse(c, feed.UnknownAccount, generationOver)
	}
}

// recipientOf is who is told, if the account is.
func recipientOf(gen *engine.Generation, who account) (recipient, bool) {
	switch {
	case who.user != nil:
		return toUser(gen, who.user), true
	case who.chair != nil:
		return toChair(who.chair), true
	}
	return recipient{}, false
}

// take ends the notifications of that name as far as the connection is concerned, and returns
// them, nil if there are none: who takes them has them leave.
func (r *realtime) take(name string) *told {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sessions[name]
	delete(r.sessions, name)
	return s
}
