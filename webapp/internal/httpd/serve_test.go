package httpd

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestQuick(t *testing.T) {
	s := New(func(c *Ctx) {
		c.SetHead("Content-Type: text/plain\r\n")
		c.SetBody(append(append(c.Out(0), c.Method()...), c.Body()...))
	}, Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	for range 5 {
		resp, err := http.Post("http://"+l.Addr().String()+"/x?y", "text/plain", io.MultiReader(strings.NewReader("hello")))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != "POSThello" {
			t.Fatal(string(b))
		}
	}
	_ = bufio.NewReader
	t.Log(s.Stats())
	s.Shutdown(t.Context())
	t.Log(s.Stats())
}
