package httpd_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"isuride/webapp/internal/httpd"
)

func Example() {
	handler := func(c *httpd.Ctx) {
		switch string(c.Path()) {
		case "/hello":
			c.SetHead("Content-Type: text/plain\r\n")
			c.SetBody(fmt.Appendf(c.Out(0), "hello %s", c.Query()))
		case "/events":
			c.SetBody(append(c.Out(0), "data: first\n\n"...)) // leaves with the head
			c.Stream(func(s *httpd.Stream) {
				go func() {
					s.Write([]byte("data: second\n\n"))
					s.Close()
				}()
			})
		default:
			c.SetStatus(404)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s := httpd.New(handler, httpd.Options{})
	go s.Serve(l)

	for _, path := range []string{"/hello?world", "/events", "/nothing"} {
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("%d %q\n", resp.StatusCode, body)
	}
	s.Shutdown(context.Background())
	// Output:
	// 200 "hello world"
	// 200 "data: first\n\ndata: second\n\n"
	// 404 ""
}
