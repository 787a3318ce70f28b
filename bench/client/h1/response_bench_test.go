package h1

import "testing"

func BenchmarkReader(b *testing.B) {
	input := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n" +
		"Content-Length: 29\r\n\r\n{\"recorded_at\":1732579200000}")
	var r Reader
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		for p, part := input, More; part != EndPart; {
			var n int
			n, _, part, _ = r.Next(p)
			p = p[n:]
		}
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	tmpl := NewTemplate("localhost:8080")
	q := Request{Post: true, Target: "/api/chair/coordinate", Cookie: "chair_session=0811617de5c97aea5ddb433f085c3d1ef2598ab71531ab3492ebb8629f0598d2",
		Body: []byte(`{"latitude":-17,"longitude":299}`)}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = tmpl.AppendRequest(buf[:0], &q)
	}
}
