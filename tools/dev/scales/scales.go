// Package scales weighs the answers of an HTTPS server as its client's CPU has to carry
// them, for tests: lines and bytes, and records of TLS, each of which is a write of the
// server and is read, authenticated and decrypted apart.
//
// What an answer should weigh, and what it says, are the tests' to know.
package scales

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A Weight is that of one answer.
type Weight struct {
	Lines   int // of the head, the first one included
	Head    int // bytes, the empty line included
	Body    int // bytes
	Records int
}

// Scales are a client with one connection of HTTP/1.1.
type Scales struct {
	t    testing.TB
	conn *tls.Conn
	in   *recordCounter
	read *bufio.Reader
	head []string // of the last answer
}

// patience is for a machine that has other work; nothing is measured by it.
const patience = time.Minute

// New connects. Like the contest's client it keeps no session for later connections, so a
// server that sends a ticket sends it in vain.
func New(t testing.TB, address string) *Scales {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(patience))
	s := &Scales{t: t, in: &recordCounter{Conn: nc}}
	s.conn = tls.Client(s.in, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	t.Cleanup(func() { s.conn.Close() })
	if err := s.conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	s.in.records = 0
	s.read = bufio.NewReaderSize(s.conn, 1<<20)
	return s
}

// Weigh sends a request line without its version, with further lines and a body, and
// weighs the answer. Records since the answer before, or since the handshake, count.
func (s *Scales) Weigh(request, body string, lines ...string) (w Weight) {
	s.t.Helper()
	lines = append([]string{request + " HTTP/1.1", "Host: localhost"}, lines...)
	if body != "" {
		lines = append(lines, fmt.Sprint("Content-Length: ", len(body)))
	}
	if _, err := fmt.Fprintf(s.conn, "%s\r\n\r\n%s", strings.Join(lines, "\r\n"), body); err != nil {
		s.t.Fatalf("%s: %v", request, err)
	}
	s.head = nil
	length := 0
	for {
		line, err := s.read.ReadString('\n')
		if err != nil {
			s.t.Fatalf("%s: %v", request, err)
		}
		w.Head += len(line)
		if line == "\r\n" {
			break
		}
		w.Lines++
		s.head = append(s.head, strings.TrimSpace(line))
		fmt.Sscanf(line, "Content-Length: %d", &length)
	}
	n, err := io.CopyN(io.Discard, s.read, int64(length))
	if err != nil {
		s.t.Fatalf("%s: %v", request, err)
	}
	w.Body, w.Records, s.in.records = int(n), s.in.records, 0
	return w
}

// Head is the head of the last answer.
func (s *Scales) Head() string { return strings.Join(s.head, "\n") }

// Field is a header field of the last answer.
func (s *Scales) Field(name string) string {
	s.t.Helper()
	for _, line := range s.head {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	s.t.Fatalf("there is no %s in\n%s", name, s.Head())
	return ""
}

// recordCounter counts the records of TLS that are read.
type recordCounter struct {
	net.Conn
	records int
	header  []byte // of the record that begins
	left    int    // of its content
}

func (c *recordCounter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for b := p[:n]; len(b) > 0; {
		if c.left > 0 {
			skip := min(c.left, len(b))
			c.left, b = c.left-skip, b[skip:]
			continue
		}
		c.header, b = append(c.header, b[0]), b[1:]
		if len(c.header) == 5 { // type, version, length
			c.records++
			c.left, c.header = int(c.header[3])<<8|int(c.header[4]), c.header[:0]
		}
	}
	return n, err
}
