package httpd

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// echo answers with what it understood of the request.
func echo(c *Ctx) {
	b := c.Out(0)
	b = fmt.Appendf(b, "%s %s ? %s", c.Method(), c.Path(), c.Query())
	if len(c.Body()) > 0 {
		b = fmt.Appendf(b, " body=%q", c.Body())
	}
	if v := c.Cookie("s"); v != nil {
		b = fmt.Appendf(b, " s=%q", v)
	}
	switch string(c.Path()) {
	case "/204":
		c.SetStatus(204)
	case "/304":
		c.SetStatus(304)
	case "/299":
		c.SetStatus(299)
	case "/json":
		c.SetHead("Content-Type: application/json;charset=utf-8\r\n")
		c.SetHeader("Set-Cookie", "s=1; Path=/")
	case "/panic":
		panic("test")
	case "/stream":
		c.Stream(func(s *Stream) { s.Close() })
		b = append(b[:0], "data: 1\n\n"...)
	}
	c.SetBody(b)
}

func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func okClose(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}

func refused(status, message string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\n\r\n%s", status, len(message), message)
}

// lines puts CRLF after each line, and the empty line that ends a head.
func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n\r\n" }

// exchanges maps raw requests to raw answers.
var exchanges = []struct {
	name   string
	in     string
	out    string
	closes bool
}{
	{name: "get", in: lines("GET /a?b=c HTTP/1.1", "Host: x"), out: ok("GET /a ? b=c")},
	{name: "empty query", in: lines("GET /a? HTTP/1.1", "Host: x"), out: ok("GET /a ? ")},
	{name: "second question mark", in: lines("GET /a?b?c HTTP/1.1", "Host: x"), out: ok("GET /a ? b?c")},
	{name: "encoded path stays", in: lines("GET /a%20b HTTP/1.1", "Host: x"), out: ok("GET /a%20b ? ")},
	{name: "unknown method", in: lines("BREW / HTTP/1.1", "Host: x"), out: ok("BREW / ? ")},
	{name: "empty host", in: lines("GET / HTTP/1.1", "Host:"), out: ok("GET / ? ")},
	{name: "absolute form", in: lines("GET http://h:80/a?b HTTP/1.1", "Host: x"), out: ok("GET /a ? b")},
	{name: "absolute form without path", in: lines("GET http://h HTTP/1.1", "Host: x"), out: ok("GET / ? ")},
	{name: "absolute form, query only", in: lines("GET http://h?q HTTP/1.1", "Host: x"), out: ok("GET / ? q")},
	{name: "asterisk", in: lines("OPTIONS * HTTP/1.1", "Host: x"), out: ok("OPTIONS * ? ")},
	{name: "cookie", in: lines("GET / HTTP/1.1", "Host: x", "cOOkie: a=b; s=v; s=w"), out: ok(`GET / ?  s="v"`)},
	{name: "white space around values", in: lines("GET / HTTP/1.1", "Host: x", "Cookie:\t s=v \t"), out: ok(`GET / ?  s="v"`)},

	{name: "body", in: lines("POST /a HTTP/1.1", "Host: x", "Content-Length: 3") + "abc", out: ok(`POST /a ?  body="abc"`)},
	{name: "no body", in: lines("POST /a HTTP/1.1", "Host: x"), out: ok("POST /a ? ")},
	{name: "body of a GET", in: lines("GET /a HTTP/1.1", "Host: x", "Content-Length: 1") + "z", out: ok(`GET /a ?  body="z"`)},
	{name: "repeated equal length", in: lines("POST /a HTTP/1.1", "Host: x", "Content-Length: 3", "content-length: 3") + "abc", out: ok(`POST /a ?  body="abc"`)},
	{name: "body of the largest size", in: lines("POST /a HTTP/1.1", "Host: x", "Content-Length: 64") + strings.Repeat("a", 64), out: ok(`POST /a ?  body="` + strings.Repeat("a", 64) + `"`)},
	{name: "chunks", in: lines("POST /a HTTP/1.1", "Host: x", "Transfer-Encoding: Chunked") + "3\r\nabc\r\n0a;x=y\r\n0123456789\r\n0\r\n\r\n", out: ok(`POST /a ?  body="abc0123456789"`)},
	{name: "trailer", in: lines("POST /a HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "1\r\na\r\n0\r\nCookie: s=v\r\n\r\n", out: ok(`POST /a ?  body="a"`)},
	{name: "no chunks", in: lines("POST /a HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "0\r\n\r\n", out: ok("POST /a ? ")},

	{name: "pipelined", in: lines("GET /1 HTTP/1.1", "Host: x") + lines("POST /2 HTTP/1.1", "Host: x", "Content-Length: 1") + "b" + lines("GET /3 HTTP/1.1", "Host: x"),
		out: ok("GET /1 ? ") + ok(`POST /2 ?  body="b"`) + ok("GET /3 ? ")},
	{name: "pipelined after chunks", in: lines("POST /1 HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n" + lines("GET /2 HTTP/1.1", "Host: x"),
		out: ok(`POST /1 ?  body="ab"`) + ok("GET /2 ? ")},
	{name: "nothing after close", in: lines("GET /1 HTTP/1.1", "Host: x", "Connection: close") + lines("GET /2 HTTP/1.1", "Host: x"), out: okClose("GET /1 ? "), closes: true},
	{name: "empty lines in front", in: "\r\n\r\n" + lines("GET / HTTP/1.1", "Host: x"), out: ok("GET / ? ")},

	{name: "close", in: lines("GET / HTTP/1.1", "Host: x", "Connection: x, Close"), out: okClose("GET / ? "), closes: true},
	{name: "keep-alive", in: lines("GET / HTTP/1.1", "Host: x", "Connection: keep-alive"), out: ok("GET / ? ")},
	{name: "1.0", in: lines("GET / HTTP/1.0"), out: okClose("GET / ? "), closes: true},
	{name: "1.0 keep-alive", in: lines("GET / HTTP/1.0", "Connection: Keep-Alive"), out: "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: keep-alive\r\n\r\nGET / ? "},

	{name: "head", in: lines("HEAD /a HTTP/1.1", "Host: x"), out: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"},
	{name: "204", in: lines("GET /204 HTTP/1.1", "Host: x"), out: "HTTP/1.1 204 No Content\r\n\r\n"},
	{name: "304", in: lines("GET /304 HTTP/1.1", "Host: x"), out: "HTTP/1.1 304 Not Modified\r\n\r\n"},
	{name: "status without a phrase", in: lines("GET /299 HTTP/1.1", "Host: x"), out: "HTTP/1.1 299 \r\nContent-Length: 11\r\n\r\nGET /299 ? "},
	{name: "header fields", in: lines("GET /json HTTP/1.1", "Host: x"), out: "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n" +
		"Content-Type: application/json;charset=utf-8\r\nSet-Cookie: s=1; Path=/\r\n\r\nGET /json ? "},
	{name: "stream", in: lines("GET /stream HTTP/1.1", "Host: x"), out: streamHead + "\r\ndata: 1\n\n", closes: true},
	{name: "head of a stream", in: lines("HEAD /stream HTTP/1.1", "Host: x"), out: streamHead + "\r\n", closes: true},
	{name: "panic", in: lines("GET /panic HTTP/1.1", "Host: x"), out: refused("500 Internal Server Error", "internal error"), closes: true},

	{name: "no request line", in: lines("GET"), out: refused("400 Bad Request", "malformed request line"), closes: true},
	{name: "no version", in: lines("GET /"), out: refused("400 Bad Request", "malformed request line"), closes: true},
	{name: "strange version", in: lines("GET / HTTP/x.y"), out: refused("400 Bad Request", "malformed request line"), closes: true},
	{name: "lower-case version", in: lines("GET / http/1.1"), out: refused("400 Bad Request", "malformed request line"), closes: true},
	{name: "http/2 preface", in: lines("PRI * HTTP/2.0"), out: refused("505 HTTP Version Not Supported", "HTTP version not supported"), closes: true},
	{name: "method with a colon", in: lines("G:T / HTTP/1.1"), out: refused("400 Bad Request", "malformed request line"), closes: true},
	{name: "space in front of the method", in: lines(" GET / HTTP/1.1"), out: refused("400 Bad Request", "malformed request line"), closes: true},
	{name: "two spaces", in: lines("GET  / HTTP/1.1"), out: refused("400 Bad Request", "malformed request target"), closes: true},
	{name: "space in the target", in: lines("GET /a b HTTP/1.1"), out: refused("400 Bad Request", "malformed request target"), closes: true},
	{name: "control character in the target", in: lines("GET /\x00 HTTP/1.1"), out: refused("400 Bad Request", "malformed request target"), closes: true},
	{name: "relative target", in: lines("GET a HTTP/1.1"), out: refused("400 Bad Request", "malformed request target"), closes: true},
	{name: "no scheme", in: lines("GET h1/p://a HTTP/1.1"), out: refused("400 Bad Request", "malformed request target"), closes: true},
	{name: "asterisk of a GET", in: lines("GET * HTTP/1.1"), out: refused("400 Bad Request", "malformed request target"), closes: true},
	{name: "authority form", in: lines("CONNECT x:443 HTTP/1.1"), out: refused("400 Bad Request", "malformed request target"), closes: true},
	{name: "absolute form without host", in: lines("GET http:///a HTTP/1.1"), out: refused("400 Bad Request", "malformed request target"), closes: true},

	{name: "no host", in: lines("GET / HTTP/1.1"), out: refused("400 Bad Request", "exactly one Host is required"), closes: true},
	{name: "two hosts", in: lines("GET / HTTP/1.1", "Host: x", "Host: x"), out: refused("400 Bad Request", "exactly one Host is required"), closes: true},
	{name: "host with a path", in: lines("GET / HTTP/1.1", "Host: x/y"), out: refused("400 Bad Request", "malformed Host"), closes: true},
	{name: "space before the colon", in: lines("GET / HTTP/1.1", "Host : x"), out: refused("400 Bad Request", "malformed header field name"), closes: true},
	{name: "space in a name", in: lines("GET / HTTP/1.1", "Ho st: x"), out: refused("400 Bad Request", "malformed header field name"), closes: true},
	{name: "empty name", in: lines("GET / HTTP/1.1", ": x"), out: refused("400 Bad Request", "malformed header field name"), closes: true},
	{name: "no colon", in: lines("GET / HTTP/1.1", "Host"), out: refused("400 Bad Request", "malformed header field name"), closes: true},
	{name: "folded line", in: lines("GET / HTTP/1.1", "Host: x", "A: b", " c"), out: refused("400 Bad Request", "malformed header field name"), closes: true},
	{name: "space before the first field", in: lines("GET / HTTP/1.1", " Host: x"), out: refused("400 Bad Request", "malformed header field name"), closes: true},
	{name: "bare CR", in: lines("GET / HTTP/1.1", "Host: x", "A: b\rc"), out: refused("400 Bad Request", "malformed header field value"), closes: true},
	{name: "zero byte", in: lines("GET / HTTP/1.1", "Host: x", "A: b\x00"), out: refused("400 Bad Request", "malformed header field value"), closes: true},
	{name: "bare LF", in: "GET / HTTP/1.1\nHost: x\n\n", out: refused("400 Bad Request", "line ends without carriage return"), closes: true},
	{name: "bare LF in front", in: "\nGET / HTTP/1.1\r\n", out: refused("400 Bad Request", "line ends without carriage return"), closes: true},

	{name: "both lengths", in: lines("POST / HTTP/1.1", "Host: x", "Content-Length: 3", "Transfer-Encoding: chunked") + "0\r\n\r\n", out: refused("400 Bad Request", "both Content-Length and Transfer-Encoding"), closes: true},
	{name: "different lengths", in: lines("POST / HTTP/1.1", "Host: x", "Content-Length: 3", "Content-Length: 4") + "abcd", out: refused("400 Bad Request", "contradicting Content-Length"), closes: true},
	{name: "length list", in: lines("POST / HTTP/1.1", "Host: x", "Content-Length: 3, 3") + "abc", out: refused("400 Bad Request", "malformed Content-Length"), closes: true},
	{name: "signed length", in: lines("POST / HTTP/1.1", "Host: x", "Content-Length: +3") + "abc", out: refused("400 Bad Request", "malformed Content-Length"), closes: true},
	{name: "negative length", in: lines("POST / HTTP/1.1", "Host: x", "Content-Length: -3") + "abc", out: refused("400 Bad Request", "malformed Content-Length"), closes: true},
	{name: "empty length", in: lines("POST / HTTP/1.1", "Host: x", "Content-Length:"), out: refused("400 Bad Request", "malformed Content-Length"), closes: true},
	{name: "unknown encoding", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: gzip, chunked"), out: refused("501 Not Implemented", "transfer encoding not supported"), closes: true},
	{name: "chunked twice", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), out: refused("400 Bad Request", "repeated Transfer-Encoding"), closes: true},
	{name: "chunked in 1.0", in: lines("POST / HTTP/1.0", "Transfer-Encoding: chunked"), out: refused("400 Bad Request", "Transfer-Encoding in HTTP/1.0"), closes: true},
	{name: "chunk size without digits", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "\r\n", out: refused("400 Bad Request", "malformed chunk size"), closes: true},
	{name: "chunk size with a prefix", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "0x3\r\nabc\r\n", out: refused("400 Bad Request", "malformed chunk size"), closes: true},
	{name: "chunk size with a space", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "3 \r\nabc\r\n", out: refused("400 Bad Request", "malformed chunk size"), closes: true},
	{name: "bare CR in a chunk extension", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "3;\r\r\nabc\r\n", out: refused("400 Bad Request", "malformed chunk size"), closes: true},
	{name: "long chunk", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "3\r\nabcd\r\n", out: refused("400 Bad Request", "chunk longer than its size"), closes: true},
	{name: "long chunk line", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "3;" + strings.Repeat("x", 300), out: refused("400 Bad Request", "chunk line too long"), closes: true},
	{name: "bad trailer", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "0\r\nA b: c\r\n\r\n", out: refused("400 Bad Request", "malformed header field name"), closes: true},

	{name: "large head", in: lines("GET / HTTP/1.1", "Host: x", "A: "+strings.Repeat("b", 2000)), out: refused("431 Request Header Fields Too Large", "request head too large"), closes: true},
	{name: "endless line", in: "GET /" + strings.Repeat("b", 2000), out: refused("431 Request Header Fields Too Large", "request head too large"), closes: true},
	{name: "many fields", in: "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A:\r\n", maxFields), out: refused("431 Request Header Fields Too Large", "too many header fields"), closes: true},
	{name: "large trailer", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "0\r\n" + strings.Repeat("A: b\r\n", 300), out: refused("431 Request Header Fields Too Large", "trailer too large"), closes: true},
	{name: "large body", in: lines("POST / HTTP/1.1", "Host: x", "Content-Length: 65"), out: refused("413 Content Too Large", "request body too large"), closes: true},
	{name: "huge length", in: lines("POST / HTTP/1.1", "Host: x", "Content-Length: 99999999999999999999999"), out: refused("413 Content Too Large", "request body too large"), closes: true},
	{name: "large chunk", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "41\r\n", out: refused("413 Content Too Large", "request body too large"), closes: true},
	{name: "huge chunk", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "ffffffffffffffffffffffff\r\n", out: refused("413 Content Too Large", "request body too large"), closes: true},
	{name: "chunks too large together", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "40\r\n" + strings.Repeat("a", 64) + "\r\n1\r\n", out: refused("413 Content Too Large", "request body too large"), closes: true},
	{name: "chunk framing too large", in: lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + strings.Repeat("1;"+strings.Repeat("x", 200)+"\r\na\r\n", 8), out: refused("413 Content Too Large", "request body too large"), closes: true},
	{name: "later 1.x", in: lines("GET / HTTP/1.2", "Host: x"), out: ok("GET / ? ")},
	{name: "latest 1.x", in: lines("GET / HTTP/1.9", "Host: x"), out: ok("GET / ? ")},
	{name: "version 0.9", in: lines("GET / HTTP/0.9", "Host: x"), out: refused("505 HTTP Version Not Supported", "HTTP version not supported"), closes: true},
	{name: "empty expectation", in: lines("POST / HTTP/1.1", "Host: x", "Expect:"), out: ok("POST / ? ")},
	{name: "empty members of an expectation", in: lines("POST / HTTP/1.1", "Host: x", "Expect: , 100-Continue,"), out: ok("POST / ? ")},
	{name: "known and unknown expectation", in: lines("POST / HTTP/1.1", "Host: x", "Expect: 100-continue, miracles"), out: refused("417 Expectation Failed", "unknown expectation"), closes: true},
	{name: "bare LF after an empty line", in: "\r\n\n" + lines("GET / HTTP/1.1", "Host: x"), out: refused("400 Bad Request", "line ends without carriage return"), closes: true},
	{name: "absolute form with a malformed host", in: lines("GET http://a:b:c/ HTTP/1.1", "Host: x"), out: refused("400 Bad Request", "malformed request target"), closes: true},
	{name: "unknown expectation", in: lines("POST / HTTP/1.1", "Host: x", "Expect: miracles"), out: refused("417 Expectation Failed", "unknown expectation"), closes: true},
}

// exchangeOptions have limits that the table can exceed in few bytes.
var exchangeOptions = Options{MaxHeader: 1000, MaxBody: 64}

func TestExchanges(t *testing.T) {
	inAllModes(t, echo, exchangeOptions, func(t *testing.T, _ *Server, a target) {
		for _, x := range exchanges {
			t.Run(x.name, func(t *testing.T) {
				c := dial(t, a)
				c.send(x.in)
				if x.closes {
					c.expectEnd(x.out)
					return
				}
				c.expect(x.out)
				c.send(lines("GET /next HTTP/1.1", "Host: x"))
				c.expect(ok("GET /next ? "))
			})
		}
	})
}

// TestExchangesByteByByte sends the same requests in the smallest pieces.
func TestExchangesByteByByte(t *testing.T) {
	inAllModes(t, echo, exchangeOptions, func(t *testing.T, _ *Server, a target) {
		for _, x := range exchanges {
			t.Run(x.name, func(t *testing.T) {
				c := dial(t, a)
				go func() {
					for i := range len(x.in) {
						if _, err := c.Write([]byte(x.in[i : i+1])); err != nil {
							return // refused
						}
					}
				}()
				if x.closes {
					c.expectEnd(x.out)
					return
				}
				c.expect(x.out)
			})
		}
	})
}

func TestExpectContinue(t *testing.T) {
	inAllModes(t, echo, exchangeOptions, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		for range 3 {
			c.send(lines("POST / HTTP/1.1", "Host: x", "Content-Length: 2", "Expect: 100-continue"))
			c.expect("HTTP/1.1 100 Continue\r\n\r\n")
			c.send("a")
			c.send("b")
			c.expect(ok(`POST / ?  body="ab"`))
		}
		c.send(lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Expect: 100-continue"))
		c.expect("HTTP/1.1 100 Continue\r\n\r\n")
		c.send("1\r\na\r\n0\r\n\r\n")
		c.expect(ok(`POST / ?  body="a"`))
		// The body that is already there needs no invitation, one that will be refused
		// gets none.
		c.send(lines("POST / HTTP/1.1", "Host: x", "Content-Length: 1", "Expect: 100-continue") + "a")
		c.expect(ok(`POST / ?  body="a"`))
		c.send(lines("POST / HTTP/1.1", "Host: x", "Content-Length: 65", "Expect: 100-continue"))
		c.expectEnd(refused("413 Content Too Large", "request body too large"))
	})
}

// TestRefusedHead: an answer to HEAD has no body, however early the request is refused
// (RFC 9110 9.3.2), and otherwise the head that the answer to GET has.
func TestRefusedHead(t *testing.T) {
	inAllModes(t, echo, exchangeOptions, func(t *testing.T, _ *Server, a target) {
		for _, rest := range []string{
			"/ HTTP/1.1\r\n\r\n",
			"/ HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n",
			"/ HTTP/1.1\r\nHost: a:b:c\r\n\r\n",
			"/ HTTP/2.0\r\n\r\n",
			"/\r\n\r\n",
			"a HTTP/1.1\r\n\r\n",
			"/" + strings.Repeat("a", 2000),
			"/panic HTTP/1.1\r\nHost: x\r\n\r\n",
			"/ HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\n",
			"/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nx",
		} {
			end := ""
			if strings.HasSuffix(rest, "x") {
				end = "\r\n"
			}
			ask := func(method string) string {
				c := dial(t, a)
				c.send("\r\n" + lines("GET / HTTP/1.1", "Host: x")) // the refusal is not the first answer
				c.expect(ok("GET / ? "))
				c.send(method + " " + rest + end)
				answer, _ := io.ReadAll(c)
				return string(answer)
			}
			head, get := ask("HEAD"), ask("GET")
			if want, body, _ := strings.Cut(get, "\r\n\r\n"); body == "" || head != want+"\r\n\r\n" {
				t.Errorf("%.60q: HEAD is answered %q, GET %q", rest, head, get)
			}
		}
	})
}

// TestChunkExtensions follows RFC 9112 7.1.1 to the letter.
func TestChunkExtensions(t *testing.T) {
	for ext, want := range map[string]bool{
		"": true, ";a": true, ";a=b": true, " ;a=b": true, "\t; a \t=\t b": true, ";a;b=c ;d": true, `;a="b c;,@{}\""`: true, `;a=""`: true,
		";": false, ";;a": false, " ": false, ";a ": false, ";a=": false, ";=b": false, ";a b": false, ";a b=@{}": false, ";a=b c": false,
		`;a="b`: false, `;a="b\`: false, "; a=\"\x01\"": false, ";a=b\r": false, "x": false, ",a": false, ";a==b": false, `;a="b"c`: false,
	} {
		if _, got := parseChunkSize([]byte("3"+ext), 100); got != want {
			t.Errorf("%q is taken: %t", "3"+ext, got)
		}
	}
}

// TestHosts follows RFC 9110 7.2 and RFC 3986 3.2.2.
func TestHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"": true, "x": true, "x:": true, "x:80": true, "a.b-c_d~e!": true, "1.2.3.4:5": true, "%41b": true, ":80": true, "xn--bcher-kva.example": true,
		"[::1]": true, "[::1]:80": true, "[2001:DB8::7]:": true, "[::ffff:1.2.3.4]": true, "[v1.a:b]": true,
		"a:b:c": false, "a:80:": false, "a:8x": false, "%zz": false, "%4": false, "%": false, "[[:]": false, "[": false, "[]": false, "[::1": false, "::1": false,
		"[::1]x": false, "[::1]80": false, "[::1]:x": false, "[1.2.3.4]": false, "[::1%25eth0]": false, "[g::1]": false, "[v.a]": false, "[v1.]": false,
		"a]": false, "a[b]": false, "a@b": false, "a/b": false, "a b": false, "a,b": true, "\xc3\xa4": false, `a"b`: false, "a\\b": false, "[:::1]": false, "[1:2:3:4:5:6:7:8:9]": false,
	} {
		if got := isHost([]byte(host)); got != want {
			t.Errorf("the host %q is taken: %t", host, got)
		}
	}
}

// TestHalfClose has a client that sends its request, then its end.
func TestHalfClose(t *testing.T) {
	inAllModes(t, echo, Options{}, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		c.closeWrite()
		c.expectEnd(ok("GET / ? "))
	})
}

// TestHalfCloseAtOnce has the request and the end arrive in one segment, which wakes the
// waiting server only once.
func TestHalfCloseAtOnce(t *testing.T) {
	l := listen(t, "tcp")
	s := serve(t, l, echo, Options{})
	a := target{addr: l.Addr().String()}
	t.Run("first request", func(t *testing.T) {
		c := dial(t, a)
		awaitIdle(t, s)
		c.cork()
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		c.closeWrite()
		c.expectEnd(ok("GET / ? "))
	})
	t.Run("incomplete request", func(t *testing.T) {
		c := dial(t, a)
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		c.expect(ok("GET / ? "))
		awaitIdle(t, s)
		c.cork()
		c.send("GET /")
		c.closeWrite()
		c.expectEnd("")
	})
}

// awaitIdle waits until the server's only connection waits for a request.
func awaitIdle(t *testing.T, s *Server) {
	t.Helper()
	isIdle := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.conns.len != 1 {
			return false
		}
		_, p, _ := s.conns.first.deadline.load()
		return p == idle
	}
	for start := time.Now(); !isIdle(); runtime.Gosched() {
		if time.Since(start) > patience {
			t.Fatal("the server has no single idle connection")
		}
	}
}

// TestRefusalReachesSender checks that a client that goes on sending what was refused
// still gets the answer instead of a reset.
func TestRefusalReachesSender(t *testing.T) {
	inAllModes(t, echo, exchangeOptions, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		c.send(lines("POST / HTTP/1.1", "Host: x", "Content-Length: 500000"))
		c.send(strings.Repeat("a", 500000))
		c.expectEnd(refused("413 Content Too Large", "request body too large"))
	})
}

func TestUnixSocket(t *testing.T) {
	l := listen(t, "unix")
	serve(t, l, func(c *Ctx) {
		c.SetBody(fmt.Appendf(c.Out(0), "local=%t", c.Local()))
	}, Options{})
	nc, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := client{t, nc}
	for range 3 {
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		c.expect(ok("local=true"))
	}
}
