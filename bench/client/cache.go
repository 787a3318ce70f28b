package client

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"isuride/bench/client/h1"
)

// errCacheControl is a Cache-Control field that cannot be read, which fails the call
// (B13.5).
var errCacheControl = errors.New("unparsable Cache-Control")

// A cache is the browser's cache of one entity (B13.5). Quirks: the method is not part of
// the key, using a fresh entry makes it as good as new, and a 304 does not.
type cache struct {
	entries map[string]entry // by target; nil until something is stored
}

// An entry is a stored answer and the time from which its age counts.
type entry struct {
	*stored
	since time.Time
}

// maxEntries bounds the entries of one entity. A front end has about sixty files; only a
// server that marks API answers as cacheable, each with its own parameters, gets near.
const maxEntries = 256

// A stored answer. It never changes, so that entities with the same answer share it.
type stored struct {
	status         int
	etag           string
	lastModified   string
	maxAge         time.Duration // 0 for none
	expires        time.Time
	hasExpires     bool
	mustRevalidate bool
	vary           []string // names of request fields
	varied         []string // and their values in the request that was answered
	body           []byte   // decoded; not kept of a static file
	sum            Sum      // of a static file
}

func (s *stored) equal(t *stored) bool {
	return s.status == t.status && s.etag == t.etag && s.lastModified == t.lastModified && s.maxAge == t.maxAge &&
		s.expires.Equal(t.expires) && s.hasExpires == t.hasExpires && s.mustRevalidate == t.mustRevalidate &&
		slices.Equal(s.vary, t.vary) && slices.Equal(s.varied, t.varied) && bytes.Equal(s.body, t.body) && s.sum == t.sum
}

// lookup returns what is stored for the target of q, nil if nothing, and whether it may
// be used without asking.
func (c *cache) lookup(q *h1.Request, at time.Time) (s *stored, fresh bool) {
	e, ok := c.entries[q.Target]
	if !ok {
		return nil, false
	}
	if e.mustRevalidate || e.outdated(at) || !slices.Equal(e.varied, values(q, e.vary)) {
		return e.stored, false
	}
	c.entries[q.Target] = entry{e.stored, at}
	return e.stored, true
}

func (e entry) outdated(at time.Time) bool {
	return e.maxAge <= 0 && !e.hasExpires ||
		e.maxAge > 0 && at.Sub(e.since) > e.maxAge ||
		e.hasExpires && e.expires.Before(at)
}

// put stores an answer that came at the given time.
func (c *cache) put(target string, s *stored, at time.Time) {
	if c.entries == nil {
		c.entries = map[string]entry{}
	}
	if _, ok := c.entries[target]; ok || len(c.entries) < maxEntries {
		c.entries[target] = entry{s, at}
	}
}

// values are the values of the named fields in q.
func values(q *h1.Request, names []string) []string {
	var v []string
	for _, name := range names {
		v = append(v, value(q, name))
	}
	return v
}

func value(q *h1.Request, name string) string {
	switch strings.ToLower(name) {
	case "user-agent":
		return h1.UserAgent
	case "accept":
		return h1.Accept
	case "accept-encoding":
		return h1.AcceptEncoding
	case "connection":
		return "keep-alive"
	case "cookie":
		return q.Cookie
	case "content-type":
		if q.Post {
			return h1.JSONContentType
		}
	}
	return ""
}

// newStored returns what to store of an answer to q, nil if it must not be stored. The
// content is left to the caller.
func newStored(q *h1.Request, h *h1.Head) (*stored, error) {
	control, err := parseCacheControl(h.Field(h1.CacheControl))
	if err != nil || len(h.Fields) == 0 {
		return nil, err
	}
	s := &stored{
		status: h.Status, etag: h.Field(h1.ETag), lastModified: h.Field(h1.LastModified),
		maxAge: control.maxAge, mustRevalidate: control.mustRevalidate,
	}
	if expires := h.Field(h1.Expires); expires != "" {
		s.hasExpires = true
		s.expires, _ = http.ParseTime(expires) // an invalid one has passed
	}
	expiry := s.etag != "" || s.lastModified != "" || s.hasExpires || control.hasMaxAge
	if q.Post || control.noStore || !storable(h.Status) || !expiry {
		return nil, nil
	}
	for _, f := range h.Fields {
		if f.Name == h1.Vary {
			s.vary = append(s.vary, splitList(f.Value)...)
		}
	}
	s.varied = values(q, s.vary)
	return s, nil
}

func storable(status int) bool {
	return slices.Contains([]int{200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501}, status)
}

// cacheControl holds the part of the field that matters (B13.5).
type cacheControl struct {
	maxAge         time.Duration
	hasMaxAge      bool
	noStore        bool
	mustRevalidate bool
}

// parseCacheControl refuses an unclosed quote, an argument where none belongs, and an age
// that is no number of seconds.
func parseCacheControl(field string) (cacheControl, error) {
	var c cacheControl
	if strings.Count(field, `"`)%2 != 0 {
		return c, errCacheControl
	}
	for _, directive := range splitList(field) {
		name, argument, has := strings.Cut(directive, "=")
		argument = strings.Trim(strings.TrimSpace(argument), `"`)
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "max-age", "s-maxage":
			seconds, err := strconv.ParseUint(argument, 10, 63)
			if err != nil {
				return c, errCacheControl
			}
			if name == "max-age" {
				c.hasMaxAge = true
				c.maxAge = time.Duration(min(seconds, maxAgeSeconds)) * time.Second
			}
		case "no-store", "must-revalidate", "public", "no-transform", "proxy-revalidate":
			if has {
				return c, errCacheControl
			}
			c.noStore = c.noStore || name == "no-store"
			c.mustRevalidate = c.mustRevalidate || name == "must-revalidate"
		}
	}
	return c, nil
}

// maxAgeSeconds is ten years; more does not fit a Duration for long.
const maxAgeSeconds = 10 * 365 * 24 * 3600

// splitList splits at commas outside of quotes and drops empty items.
func splitList(field string) []string {
	var items []string
	quoted := false
	for part := range strings.FieldsFuncSeq(field, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ',' && !quoted
	}) {
		if part = strings.TrimSpace(part); part != "" {
			items = append(items, part)
		}
	}
	return items
}
