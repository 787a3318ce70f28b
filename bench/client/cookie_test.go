package client

import (
	"net/url"
	"testing"
)

func TestJar(t *testing.T) {
	server := &url.URL{Scheme: "http", Host: "192.0.2.1:8080"}
	for _, c := range []struct {
		name  string
		lines []string
		want  map[string]string // by target
	}{
		{"none", nil, map[string]string{"/api/app/rides": ""}},
		{"usual", []string{"app_session=abc; Path=/"}, map[string]string{"/api/app/rides": "app_session=abc", "/": "app_session=abc"}},
		{"replaced", []string{"a=1; Path=/", "a=2; Path=/; HttpOnly; SameSite=Lax"}, map[string]string{"/x?y": "a=2"}},
		{"two", []string{"a=1; Path=/", "b=2; Path=/"}, map[string]string{"/": "a=1; b=2"}},
		{"secure over plain HTTP", []string{"a=1; Path=/; Secure"}, map[string]string{"/": ""}},
		{"path", []string{"a=1; Path=/api/app"}, map[string]string{"/api/app/rides?x=1": "a=1", "/client": ""}},
		{"deleted", []string{"a=1; Path=/", "a=; Path=/; Max-Age=-1"}, map[string]string{"/": ""}},
		{"expired", []string{"a=1; Path=/; Expires=Mon, 01 Jan 2001 00:00:00 GMT"}, map[string]string{"/": ""}},
		{"of another domain", []string{"a=1; Path=/; Domain=example.org"}, map[string]string{"/": ""}},
		{"malformed", []string{"=;;"}, map[string]string{"/": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j jar
			for _, line := range c.lines {
				j.set(server, line)
			}
			for target, want := range c.want {
				if got := j.send(server, target); got != want {
					t.Errorf("%s: %q, want %q", target, got, want)
				}
			}
		})
	}
}
