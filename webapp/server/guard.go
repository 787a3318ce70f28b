package server

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

// guard keeps browsers from being used against the internal listener, which has no
// passwords. A hostile page can have its own name resolve to an address of ours (DNS
// rebinding) and then read everything, so only names that outsiders cannot own are
// answered. A page can also send requests without reading the answers; browsers mark those
// as coming from another site.
func guard(address string, next http.Handler) http.Handler {
	names := ownNames(address)
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit(w, r)
		if !isOwn(r.Host, names) {
			http.Error(w, "this listener answers to addresses like 127.0.0.1, to localhost, to this machine's name "+
				"and to the name in ISURIDE_INTERNAL only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownNames lists the names under which the listener answers.
func ownNames(address string) map[string]bool {
	names := map[string]bool{"localhost": true}
	if host, _, err := net.SplitHostPort(address); err == nil {
		names[plainName(host)] = true
	}
	if name, err := os.Hostname(); err == nil {
		names[plainName(name)] = true
	}
	delete(names, "")
	return names
}

// isOwn judges a Host field. Old clients send none; browsers always do.
func isOwn(field string, names map[string]bool) bool {
	host := field
	if h, _, err := net.SplitHostPort(field); err == nil {
		host = h
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if _, err := netip.ParseAddr(host); err == nil || field == "" {
		return true
	}
	return names[plainName(host)]
}

func plainName(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// limit sets the deadlines of the answer and of the request's body.
func limit(w http.ResponseWriter, r *http.Request) {
	c := http.NewResponseController(w)
	c.SetWriteDeadline(time.Now().Add(answerLimit + profileTime(r)))
	if r.ContentLength != 0 { // without one, a deadline would end the request under way
		c.SetReadDeadline(time.Now().Add(headLimit))
	}
}

// profileTime is the duration of a profile or trace, or of a look at a log.
func profileTime(r *http.Request) time.Duration {
	for _, path := range []string{"/debug/pprof/", "/debug/fgprof", "/debug/log/"} {
		if strings.HasPrefix(r.URL.Path, path) {
			return duration(r)
		}
	}
	return 0
}
