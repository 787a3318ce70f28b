package httpd

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestFramesAreChecked: what is wrong costs its stream or the connection, by the code that
// RFC 9113 names; what only this server does not want has a status, as over HTTP/1.1.
func TestFramesAreChecked(t *testing.T) {
	headers := func(pairs ...string) func(*framer) string {
		return func(f *framer) string { return f.ask(pairs...) }
	}
	gone := func(send func(f *framer)) func(*framer) string {
		return func(f *framer) string {
			send(f)
			return f.goneWith()
		}
	}
	const broken = " PROTOCOL_ERROR"
	for name, tc := range map[string]struct {
		send func(*framer) string
		want string
	}{
		"fine":                  {headers(get("/a?b")...), "200 GET /a ? b"},
		"host for authority":    {headers(":method", "GET", ":scheme", "https", ":path", "/", "host", "x"), "200 GET / ? "},
		"the same host twice":   {headers(get("/", "host", "x")...), "200 GET / ? "},
		"cookies apart":         {headers(get("/", "cookie", "a=1", "cookie", "s=1")...), `200 GET / ?  s="1"`},
		"te: trailers":          {headers(get("/", "te", "trailers")...), "200 GET / ? "},
		"head":                  {headers(":method", "HEAD", ":scheme", "https", ":authority", "x", ":path", "/"), "200 "},
		"no content":            {headers(get("/204")...), "204 "},
		"panic":                 {headers(get("/panic")...), "500 internal error"},
		"end of a stream":       {headers(get("/stream")...), "200 data: 1\n\n"},
		"no path":               {headers(":method", "GET", ":scheme", "https", ":authority", "x"), "400 malformed request target"},
		"no method":             {headers(":scheme", "https", ":authority", "x", ":path", "/"), "400 malformed method"},
		"no scheme":             {headers(":method", "GET", ":authority", "x", ":path", "/"), "400 malformed scheme"},
		"no host":               {headers(":method", "GET", ":scheme", "https", ":path", "/"), "400 exactly one Host is required"},
		"two hosts":             {headers(get("/", "host", "y")...), "400 exactly one Host is required"},
		"bad host":              {headers(":method", "GET", ":scheme", "https", ":path", "/", ":authority", "x y"), "400 malformed Host"},
		"absolute path":         {headers(get("https://x/")...), "400 malformed request target"},
		"asterisk":              {headers(get("*")...), "400 malformed request target"},
		"space in path":         {headers(get("/a b")...), "400 malformed request target"},
		"connect":               {headers(":method", "CONNECT", ":authority", "x:1"), "400 malformed scheme"},
		"protocol":              {headers(append([]string{":protocol", "websocket"}, get("/")...)...), "400 unknown pseudo header field"},
		"connection":            {headers(get("/", "connection", "close")...), "400 a field of HTTP/1.1"},
		"transfer-encoding":     {headers(get("/", "transfer-encoding", "chunked")...), "400 a field of HTTP/1.1"},
		"upgrade":               {headers(get("/", "upgrade", "h2c")...), "400 a field of HTTP/1.1"},
		"te":                    {headers(get("/", "te", "gzip")...), "400 a field of HTTP/1.1"},
		"capitals":              {headers(get("/", "X-A", "1")...), broken},
		"line break":            {headers(get("/", "x", "a\r\nb: c")...), broken},
		"space in front":        {headers(get("/", "x", " a")...), "400 malformed header field value"},
		"name with colon":       {headers(get("/", "x:y", "1")...), broken},
		"pseudo field late":     {headers(":method", "GET", "x", "1", ":scheme", "https", ":path", "/"), broken},
		"pseudo field twice":    {headers(append([]string{":method", "GET"}, get("/")...)...), broken},
		"unknown pseudo field":  {headers(append([]string{":x", "1"}, get("/")...)...), broken},
		"a response's":          {headers(append([]string{":status", "200"}, get("/")...)...), broken},
		"long head":             {headers(get("/", "x", tooLong[:16_000], "y", tooLong[:1000])...), "431 request head too large"},
		"many fields":           {headers(get("/", repeated(100, "x", "1")...)...), "431 too many header fields"},
		"expectation":           {headers(get("/", "expect", "much")...), "417 unknown expectation"},
		"length without a body": {headers(post("/", "content-length", "1")...), broken},
		"lengths":               {headers(post("/", "content-length", "0", "content-length", "1")...), "400 contradicting Content-Length"},
		"body": {func(f *framer) string {
			id := f.begin(false, post("/", "content-length", "2")...)
			f.WriteData(id, false, []byte("a"))
			f.WriteDataPadded(id, true, []byte("b"), make([]byte, 10))
			return f.answer(id)
		}, `200 POST / ?  body="ab"`},
		"body of another length": {func(f *framer) string {
			id := f.begin(false, post("/", "content-length", "2")...)
			f.WriteData(id, true, []byte("abc"))
			return f.answer(id)
		}, broken},
		"announced too large": {func(f *framer) string {
			return f.answer(f.begin(false, post("/", "content-length", "2000")...))
		}, "413 request body too large"},
		"too large": {func(f *framer) string {
			id := f.begin(false, post("/")...)
			f.WriteData(id, false, []byte(tooLong[:600]))
			f.WriteData(id, false, []byte(tooLong[:600]))
			f.WriteData(id, false, []byte(tooLong[:600]))
			return f.answer(id) + " then " + f.ask(get("/")...)
		}, "413 request body too large then 200 GET / ? "},
		"trailers": {func(f *framer) string {
			id := f.begin(false, post("/")...)
			f.WriteData(id, false, []byte("a"))
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.header("x", "y"), EndStream: true, EndHeaders: true})
			return f.answer(id)
		}, `200 POST / ?  body="a"`},
		"trailers without an end": {func(f *framer) string {
			id := f.begin(false, post("/")...)
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.header("x", "y"), EndHeaders: true})
			return f.answer(id)
		}, broken},
		"pseudo fields in trailers": {func(f *framer) string {
			id := f.begin(false, post("/")...)
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.header(":path", "/"), EndStream: true, EndHeaders: true})
			return f.answer(id)
		}, broken},
		"data after the end": {func(f *framer) string {
			id := f.begin(true, get("/wait")...)
			f.WriteData(id, false, []byte("a"))
			return f.answer(id)
		}, " STREAM_CLOSED"},
		"head after the end": {func(f *framer) string {
			id := f.begin(true, get("/wait")...)
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.header("x", "y"), EndStream: true, EndHeaders: true})
			return f.answer(id)
		}, " STREAM_CLOSED"},
		"update by nothing": {func(f *framer) string {
			id := f.begin(true, get("/wait")...)
			f.WriteRawFrame(http2.FrameWindowUpdate, 0, id, []byte{0, 0, 0, 0})
			return f.answer(id)
		}, broken},
		"window of a stream too large": {func(f *framer) string {
			id := f.begin(true, get("/wait")...)
			f.WriteWindowUpdate(id, 1<<31-1)
			return f.answer(id)
		}, " FLOW_CONTROL_ERROR"},
		"reset of nothing":     {gone(func(f *framer) { f.WriteRSTStream(5, 0) }), "PROTOCOL_ERROR"},
		"data on nothing":      {gone(func(f *framer) { f.WriteData(5, true, nil) }), "PROTOCOL_ERROR"},
		"update of nothing":    {gone(func(f *framer) { f.WriteWindowUpdate(5, 1) }), "PROTOCOL_ERROR"},
		"window too large":     {gone(func(f *framer) { f.WriteWindowUpdate(0, 1<<31-1) }), "FLOW_CONTROL_ERROR"},
		"even stream":          {gone(func(f *framer) { f.id = 2; f.begin(true, get("/")...) }), "PROTOCOL_ERROR"},
		"earlier stream":       {gone(func(f *framer) { f.ask(get("/")...); f.id = 1; f.begin(true, get("/")...) }), "STREAM_CLOSED"},
		"lower stream":         {gone(func(f *framer) { f.id = 7; f.ask(get("/")...); f.id = 5; f.begin(true, get("/")...) }), "STREAM_CLOSED"},
		"frame too large":      {gone(func(f *framer) { f.WriteData(1, true, make([]byte, 17_000)) }), "FRAME_SIZE_ERROR"},
		"short update":         {gone(func(f *framer) { f.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, []byte{1}) }), "FRAME_SIZE_ERROR"},
		"short settings":       {gone(func(f *framer) { f.WriteRawFrame(http2.FrameSettings, 0, 0, []byte{1}) }), "FRAME_SIZE_ERROR"},
		"settings of a stream": {gone(func(f *framer) { f.WriteRawFrame(http2.FrameSettings, 0, 1, nil) }), "PROTOCOL_ERROR"},
		"settings with an ack": {gone(func(f *framer) { f.WriteRawFrame(http2.FrameSettings, 1, 0, make([]byte, 6)) }), "FRAME_SIZE_ERROR"},
		"large initial window": {gone(func(f *framer) { f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31}) }), "FLOW_CONTROL_ERROR"},
		"push":                 {gone(func(f *framer) { f.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 2}) }), "PROTOCOL_ERROR"},
		"frame size":           {gone(func(f *framer) { f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1}) }), "PROTOCOL_ERROR"},
		"promise": {gone(func(f *framer) {
			f.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true})
		}), "PROTOCOL_ERROR"},
		"lone continuation":     {gone(func(f *framer) { f.WriteContinuation(1, true, nil) }), "PROTOCOL_ERROR"},
		"head in pieces, mixed": {gone(func(f *framer) { f.part(1); f.WritePing(false, [8]byte{}) }), "PROTOCOL_ERROR"},
		"head in pieces, other": {gone(func(f *framer) { f.part(1); f.WriteContinuation(3, true, nil) }), "PROTOCOL_ERROR"},
		"no compression":        {gone(func(f *framer) { f.block2(1, []byte{0xff, 0xff, 0xff, 0xff, 0xff}) }), "COMPRESSION_ERROR"},
		"unknown index":         {gone(func(f *framer) { f.block2(1, []byte{0xff, 0x7f}) }), "COMPRESSION_ERROR"},
		"huge table":            {gone(func(f *framer) { f.block2(1, []byte{0x3f, 0xe1, 0xff, 0x7f}) }), "COMPRESSION_ERROR"},
		"padding beyond data":   {gone(func(f *framer) { f.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, 1, []byte{9, 0}) }), "PROTOCOL_ERROR"},
		"data without a stream": {gone(func(f *framer) { f.WriteData(0, true, nil) }), "PROTOCOL_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			wait := make(chan struct{})
			_, addr := serve2(t, func(c *Ctx) {
				if string(c.Path()) == "/wait" {
					<-wait
				}
				echo(c)
			}, Options{MaxBody: 1000})
			defer close(wait)
			f := dial2(t, addr)
			f.says(tc.send(f), tc.want)
		})
	}
}

// part sends a head without its end.
func (f *framer) part(id uint32) {
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.header(get("/")...), EndStream: true})
}

func (f *framer) block2(id uint32, block []byte) {
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: true, EndHeaders: true})
}

// TestFloods: frames that cost the client nothing end the connection when there are too
// many of them; anyone who asks for something in between may send more.
func TestFloods(t *testing.T) {
	settings := http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000}
	for name, tc := range map[string]struct {
		begin func(f *framer)
		again func(f *framer)
		want  string
	}{
		"ping":         {nil, func(f *framer) { f.WritePing(false, [8]byte{}) }, "ENHANCE_YOUR_CALM"},
		"settings":     {nil, func(f *framer) { f.WriteSettings(settings) }, "ENHANCE_YOUR_CALM"},
		"ack":          {nil, func(f *framer) { f.WriteSettingsAck() }, "ENHANCE_YOUR_CALM"},
		"priority":     {nil, func(f *framer) { f.WritePriority(1, http2.PriorityParam{StreamDep: 3}) }, "ENHANCE_YOUR_CALM"},
		"window":       {nil, func(f *framer) { f.WriteWindowUpdate(0, 1) }, "ENHANCE_YOUR_CALM"},
		"unknown":      {nil, func(f *framer) { f.WriteRawFrame(99, 0, 0, nil) }, "ENHANCE_YOUR_CALM"},
		"farewell":     {nil, func(f *framer) { f.WriteGoAway(0, 0, nil) }, "ENHANCE_YOUR_CALM"},
		"empty data":   {func(f *framer) { f.begin(false, post("/")...) }, func(f *framer) { f.WriteData(1, false, nil) }, "ENHANCE_YOUR_CALM"},
		"small data":   {func(f *framer) { f.begin(false, post("/")...) }, func(f *framer) { f.WriteData(1, false, []byte("x")) }, "ENHANCE_YOUR_CALM"},
		"reset":        {nil, func(f *framer) { f.WriteRSTStream(f.begin(true, get("/wait")...), http2.ErrCodeCancel) }, "ENHANCE_YOUR_CALM"},
		"streams":      {nil, func(f *framer) { f.begin(true, get("/wait")...) }, "ENHANCE_YOUR_CALM"},
		"bad streams":  {nil, func(f *framer) { f.begin(true, get("/", "X", "1")...) }, "ENHANCE_YOUR_CALM"},
		"continuation": {func(f *framer) { f.part(1) }, func(f *framer) { f.WriteContinuation(1, false, nil) }, "ENHANCE_YOUR_CALM"},
		"long head": {func(f *framer) { f.part(1) }, func(f *framer) {
			f.WriteContinuation(1, false, f.header(repeated(30, "x", tooLong[:500])...))
		}, "PROTOCOL_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			wait := make(chan struct{})
			var running, most int
			count := make(chan int, 1)
			count <- 0
			srv, addr := serve2(t, func(c *Ctx) {
				running = <-count + 1
				most = max(most, running)
				count <- running
				<-wait
				count <- <-count - 1
			}, Options{})
			defer close(wait)
			f := dial2(t, addr)
			if tc.begin != nil {
				tc.begin(f)
			}
			go func() {
				for range 20_000 {
					tc.again(f)
				}
			}()
			f.says(f.goneWith(), tc.want)
			n := <-count
			if count <- n; n > 2*maxMulti || srv.many.Load() > 2*maxMulti {
				t.Errorf("%d handlers run, %d requests are kept", n, srv.many.Load())
			}
		})
	}
}

// TestUploadsAreBounded: bodies that are not complete are bounded for the connection, not
// only each.
func TestUploadsAreBounded(t *testing.T) {
	_, addr := serve2(t, echo, Options{MaxBody: 10_000})
	f := dial2(t, addr)
	var ids []uint32
	for range 4 {
		id := f.begin(false, post("/")...)
		f.WriteData(id, false, []byte(strings.Repeat("x", 6000)))
		ids = append(ids, id)
	}
	f.says(f.answer(ids[3]), " ENHANCE_YOUR_CALM")
	f.WriteData(ids[0], true, nil)
	f.says(f.answer(ids[0])[:20], "200 POST / ?  body=\"")
}

// hello is what a client says first.
func hello() string {
	var b bytes.Buffer
	b.WriteString(http2.ClientPreface)
	http2.NewFramer(&b, nil).WriteSettings()
	return b.String()
}

// TestMultiKeyUpdateFlood: what TestKeyUpdateFlood says of HTTP/1.1, with records that hold
// nothing, and with frames.
func TestMultiKeyUpdateFlood(t *testing.T) {
	for _, data := range []string{"", "\x00\x00\x08\x06\x00\x00\x00\x00\x00pingpong"} {
		l := listen(t, "tcp")
		c := tlsConfig(t)
		c.NextProtos = []string{protocol2}
		srv := serve(t, NewTLSListener(narrow{l}, c), echo, Options{})
		r := dialRecords(t, l.Addr().String(), protocol2)
		if _, err := r.Write(r.seal(r.keyUpdates(nil, 3), dataRecord, hello())); err != nil {
			t.Fatal(err)
		}
		r.flood(data)
		srv.expireAll(srv.clock.Add(srv.idle))
		eventually(t, "the connection is gone", func() bool { return srv.Stats().Conns == 0 })
	}
}

// TestMultiRecordTrickles: a part of a record begins the time of a frame, and more of it
// does not renew that.
func TestMultiRecordTrickles(t *testing.T) {
	srv, addr := serve2(t, echo, Options{IdleTimeout: time.Hour, ReadTimeout: time.Minute})
	r := dialRecords(t, addr, protocol2)
	if _, err := r.Write(r.seal(nil, dataRecord, hello())); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server reads frames", func() bool {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		for c := range srv.conns.all() {
			return c.multi.Load() != nil
		}
		return false
	})
	record := r.seal(nil, dataRecord, strings.Repeat("x", 8000))
	for i := range 90 {
		if _, err := r.Write(record[i : i+1]); err != nil {
			if i < 50 {
				t.Fatalf("ended after %d s", i)
			}
			return
		}
		time.Sleep(3 * time.Millisecond)
		srv.expireAll(srv.clock.Add(1))
	}
	eventually(t, "the connection is gone", func() bool { return srv.Stats().Conns == 0 })
}

// TestMultiFullSocket: a client that asks for much and reads nothing holds its connection
// for as long as one write may take, and the memory of its answers is counted.
func TestMultiFullSocket(t *testing.T) {
	done := make(chan error, 9)
	l := listen(t, "tcp")
	c := tlsConfig(t)
	c.NextProtos = []string{protocol2}
	srv := serve(t, NewTLSListener(narrow{l}, c), outcomes(&done), Options{})
	nc := dialRaw2(t, l.Addr().String())
	nc.(*tls.Conn).NetConn().(*net.TCPConn).SetReadBuffer(4 << 10)
	f := newFramer(t, nc, windowOf(1<<30))
	f.WriteWindowUpdate(0, 1<<30)
	for range 3 {
		f.begin(true, get("/8000000")...)
	}
	eventually(t, "three answers wait", func() bool { return srv.Stats().Waiting > 24_000_000 })
	srv.expireAll(srv.clock.Add(srv.write))
	for range 3 {
		if await(t, "the answer fails", done) == nil {
			t.Error("an answer that nobody reads was written")
		}
	}
	eventually(t, "the connection is gone", func() bool { st := srv.Stats(); return st.Conns+st.Waiting == 0 })
}
