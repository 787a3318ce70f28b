package httpd

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Ctx is one request and its answer. It is valid until the handler returns, and so are
// the slices it hands out, which alias the read buffer.
type Ctx struct {
	conn *conn     // nil while pooled
	via  *exchange // over HTTP/2, else nil
	req  request
	msg  []byte // the complete request, in aliases it
	buf  readBuffer
	res  response
	tag  any

	waited time.Duration // see Waited
}

func newCtx() *Ctx {
	c := &Ctx{buf: readBuffer{b: make([]byte, readSize)}}
	c.res.init()
	c.req.reset()
	return c
}

// recycle makes the Ctx ready for another request or connection.
func (c *Ctx) recycle() {
	c.msg, c.tag, c.waited = nil, nil, 0
	c.req.reset()
	c.buf.recycle()
	c.res.recycle()
}

func (c *Ctx) isHead() bool { return string(c.Method()) == "HEAD" }

// Method returns the request method as sent.
func (c *Ctx) Method() []byte { return c.req.method.of(c.msg) }

// Path returns the path of the request target as sent, still percent-encoded, or "*".
func (c *Ctx) Path() []byte { return c.req.path.of(c.msg) }

// Query returns the part of the target after the question mark, as sent.
func (c *Ctx) Query() []byte { return c.req.query.of(c.msg) }

// Body returns the whole request body, decoded when it came in chunks.
func (c *Ctx) Body() []byte { return c.req.body.of(c.msg) }

// Header returns the first field of that name, in any case, or nil.
func (c *Ctx) Header(name string) []byte {
	for i := range c.req.fields[:c.req.count] {
		f := &c.req.fields[i]
		if equalFold(f.name.of(c.msg), name) {
			return f.value.of(c.msg)
		}
	}
	return nil
}

// HeaderList returns the values of all fields of that name as one list (RFC 9110 5.3), or
// nil. One field costs no copy.
func (c *Ctx) HeaderList(name string) []byte {
	var list []byte
	for i := range c.req.fields[:c.req.count] {
		f := &c.req.fields[i]
		if !equalFold(f.name.of(c.msg), name) {
			continue
		}
		if value := f.value.of(c.msg); list == nil {
			list = value[:len(value):len(value)]
		} else {
			list = append(append(list, ", "...), value...)
		}
	}
	return list
}

// EachHeader visits the fields of the request in their order, with names as they came.
func (c *Ctx) EachHeader(visit func(name, value []byte)) {
	for i := range c.req.fields[:c.req.count] {
		f := &c.req.fields[i]
		visit(f.name.of(c.msg), f.value.of(c.msg))
	}
}

// Cookie returns the first cookie of that name, or nil; an empty value is not nil. Double
// quotes around a value are not part of it (RFC 6265 4.1.1).
func (c *Ctx) Cookie(name string) []byte {
	for i := range c.req.fields[:c.req.count] {
		f := &c.req.fields[i]
		if !equalFold(f.name.of(c.msg), "cookie") {
			continue
		}
		if v := findCookie(f.value.of(c.msg), name); v != nil {
			return v
		}
	}
	return nil
}

// Authorization returns the first field of that name, or nil. Unlike Header it costs nothing
// when there is none: every call with a session asks.
func (c *Ctx) Authorization() []byte {
	if c.req.grant == 0 {
		return nil
	}
	return c.req.fields[c.req.grant-1].value.of(c.msg)
}

func findCookie(pairs []byte, name string) []byte {
	for len(pairs) > 0 {
		pair := pairs
		if i := bytes.IndexByte(pairs, ';'); i >= 0 {
			pair, pairs = pairs[:i], pairs[i+1:]
		} else {
			pairs = nil
		}
		pair = trimBlank(pair)
		if len(pair) > len(name) && pair[len(name)] == '=' && string(pair[:len(name)]) == name {
			return unquote(pair[len(name)+1:])
		}
	}
	return nil
}

func unquote(v []byte) []byte {
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		return v[1 : len(v)-1]
	}
	return v
}

// ID tells this request from all others of the server: the serial number of its
// connection, and its own on that. It is made when asked for.
func (c *Ctx) ID() string {
	n := c.conn.requests.Load()
	if c.via != nil {
		n = c.via.number
	}
	return strconv.FormatUint(c.conn.serial, 10) + "-" + strconv.FormatUint(n, 10)
}

// SetTag leaves a word for Options.Observe, which finds it in Tag; nil if the handler
// left none.
func (c *Ctx) SetTag(tag any) { c.tag = tag }

// SetOwner tells whose request this is, by anything that can be compared. What an owner
// keeps waiting is bounded, and its streams count together when one must leave; without
// an owner each connection counts for itself. It should be a pointer, which
// costs nothing.
func (c *Ctx) SetOwner(owner any) {
	if c.via != nil {
		c.via.owner = owner
		return
	}
	c.conn.owner = owner
}

// Tag returns the value given to SetTag.
func (c *Ctx) Tag() any { return c.tag }

// RemoteAddr returns the peer of the connection. Behind a proxy that is the proxy.
func (c *Ctx) RemoteAddr() net.Addr { return c.conn.nc.RemoteAddr() }

// Local reports whether the peer is on this machine: loopback or a unix socket. A proxy
// on this machine makes everything local, so it must guard internal paths itself (S3).
func (c *Ctx) Local() bool {
	switch a := c.RemoteAddr().(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	}
	return false
}

// Status returns the status of the answer.
func (c *Ctx) Status() int { return c.res.status }

// Forget drops what was set of the answer, for a handler that begins again.
func (c *Ctx) Forget() { c.res.reset() }

// SetStatus sets the status of the answer; it is 200 by default.
func (c *Ctx) SetStatus(status int) { c.res.status = status }

// SetHead sets header lines that were made beforehand, each with its CRLF, replacing
// those of an earlier call. Length and connection fields are the server's.
func (c *Ctx) SetHead(lines string) { c.res.head = lines }

// SetHeader adds a header field. Length and connection fields are the server's.
func (c *Ctx) SetHeader(name, value string) {
	if strings.ContainsAny(value, "\r\n\x00") {
		panic("BUG: line break in the value of response header " + name)
	}
	r := &c.res
	r.lines = append(r.lines, name...)
	r.lines = append(r.lines, ": "...)
	r.lines = append(r.lines, value...)
	r.lines = append(r.lines, "\r\n"...)
}

// Out returns an empty slice in a pooled buffer, with room for at least size bytes, to
// which a handler appends the body it then passes to SetBody. Only one such slice is
// alive at a time.
func (c *Ctx) Out(size int) []byte { return c.res.room(size) }

// SetBody sets the body of the answer. Built on Out it is sent from where it stands. Any
// other slice must not change before the answer has been written; a large one is not
// copied. HEAD, 204 and 304 send no body.
func (c *Ctx) SetBody(b []byte) { c.res.body, c.res.shared = b, false }

// SetSharedBody is SetBody for bytes that are kept anyway, like a file: answers that wait
// with such a body are not held against anybody.
func (c *Ctx) SetSharedBody(b []byte) { c.res.body, c.res.shared = b, true }

// AfterWrite has fn called once, on this goroutine, when the socket has taken the whole
// answer, or with the error that prevented it. It replaces the function of an earlier
// call. The Ctx is not valid in fn. Of a stream, the answer is the head with the first
// events, and fn runs before the stream is opened.
func (c *Ctx) AfterWrite(fn func(err error)) { c.res.after = fn }

// Waited returns how long the request has waited to be read, if that was measured (see
// Options.Waits), else 0.
func (c *Ctx) Waited() time.Duration { return c.waited }

// Serial numbers the connection among all of the server's.
func (c *Ctx) Serial() uint64 { return c.conn.serial }

// Drop has a refused request go without an answer: the connection, or the stream of HTTP/2, ends. For Options.Admit only.
func (c *Ctx) Drop() { c.res.drop = true }

// Last has the connection end after this answer, and says so in it, so that the client's next
// request comes over another one. Over HTTP/2 it does nothing: there the connection has other requests.
func (c *Ctx) Last() { c.res.last = true }

// Stream makes the answer an event stream: status 200 and a head without a length are
// sent when the handler returns, and with them in the same write the body, if one was
// set, as the first events. Then open is called on this goroutine, unless that write
// failed or the method is HEAD. It must not block; it hands the stream to the goroutine
// that writes to it.
func (c *Ctx) Stream(open func(*Stream)) { c.res.open, c.res.talk = open, nil }

// Multiplexed reports whether the request came over HTTP/2, which knows neither upgrades nor
// their header fields.
func (c *Ctx) Multiplexed() bool { return c.via != nil }

// WantsUpgrade reports whether the client asks to go on with another protocol, and can: over
// HTTP/1.1 (RFC 9110 7.8).
func (c *Ctx) WantsUpgrade(protocol string) bool {
	return c.via == nil && c.req.minor > 0 && hasMember(c.HeaderList("Connection"), "upgrade") && hasMember(c.HeaderList("Upgrade"), protocol)
}

// hasMember looks for a member of a list, in any case.
func hasMember(list []byte, member string) bool {
	for m := range bytes.SplitSeq(list, []byte{','}) {
		if equalFold(trimBlank(m), member) {
			return true
		}
	}
	return false
}

// Upgrade makes the connection one of another protocol, for which the client must have asked:
// status 101 is sent when the handler returns. What is left is a Stream, which open gets as
// with Ctx.Stream; the limits of streams hold for it. talk is then called with what the peer
// sends, on a goroutine of the connection, and may block in reading. The stream ends when it
// returns; its reader fails once the stream has ended.
func (c *Ctx) Upgrade(protocol string, open func(*Stream), talk func(io.Reader)) {
	if !c.WantsUpgrade(protocol) {
		panic("BUG: nobody has asked for an upgrade to " + protocol)
	}
	c.res.status, c.res.open, c.res.talk, c.res.to = 101, open, talk, protocol
}
