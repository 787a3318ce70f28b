package client

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// A jar keeps the cookies of one entity for one server. The rules are those of the
// standard jar (B13.1); what it would send is remembered as long as it cannot change by
// itself, because asking it is costly (B15.2).
type jar struct {
	standard *cookiejar.Jar // nil without cookies
	header   string         // to send everywhere, if plain
	plain    bool           // all cookies so far are for every path and for ever
}

// set takes a Set-Cookie line over. A malformed one is ignored, as net/http does.
func (j *jar) set(server *url.URL, line string) {
	c, err := http.ParseSetCookie(line)
	if err != nil {
		return
	}
	if j.standard == nil {
		j.standard, _ = cookiejar.New(nil) // has no way to fail
		j.plain = true
	}
	j.standard.SetCookies(server, []*http.Cookie{c})
	j.plain = j.plain && c.Path == "/" && c.MaxAge == 0 && c.RawExpires == ""
	j.header = j.ask(server)
}

// send is the Cookie field of a request to target, empty for none.
func (j *jar) send(server *url.URL, target string) string {
	if j.standard == nil || j.plain {
		return j.header
	}
	u, err := server.Parse(target)
	if err != nil {
		return ""
	}
	return j.ask(u)
}

func (j *jar) ask(u *url.URL) string {
	var b strings.Builder
	for i, c := range j.standard.Cookies(u) {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.Name + "=" + c.Value)
	}
	return b.String()
}
