package httpd

import (
	"net"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	var r request
	in := []byte(positionReport)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		r.reset()
		if n, _ := r.parse(in, limits{16 << 10, 1 << 20}); n != len(in) {
			b.Fatal("not taken")
		}
	}
}

func BenchmarkCookie(b *testing.B) {
	c := newCtx()
	c.msg = []byte(positionReport)
	c.req.parse(c.msg, limits{16 << 10, 1 << 20})
	b.ReportAllocs()
	for b.Loop() {
		if c.Cookie("chair_session") == nil {
			b.Fatal("not found")
		}
	}
}

func BenchmarkPack(b *testing.B) {
	c := newCtx()
	b.ReportAllocs()
	for b.Loop() {
		c.res.reset()
		c.SetHead("Content-Type: application/json;charset=utf-8\r\n")
		c.SetBody(append(c.Out(0), recordedAt...))
		c.res.pack(&c.req, false, true, false)
	}
}

// BenchmarkSweep walks 20,000 connections none of which is due.
func BenchmarkSweep(b *testing.B) {
	s := New(func(*Ctx) {}, Options{})
	for range 20_000 {
		c := newConn(s, struct{ net.Conn }{})
		c.deadline.enter(idle, 1<<40)
		s.conns.push(c)
	}
	for b.Loop() {
		s.expireAll(1)
	}
}
