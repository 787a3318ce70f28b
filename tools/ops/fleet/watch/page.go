package watch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// style is the look of a part of a line where there is colour.
type style string

// Sequences of ECMA-48, the same on every terminal.
const (
	plain  style = ""
	strong style = "\x1b[1m"
	faint  style = "\x1b[2m"
	bad    style = "\x1b[1;31m"
	reset        = "\x1b[0m"
)

type span struct {
	text  string
	style style
}

// line is a line of the page. If there is no room for all, those of the highest rank are
// dropped.
type line struct {
	rank  int
	spans []span
}

// Ranks.
const (
	always = iota
	first
	more
	rest
	space
)

// page is the content of a screen.
type page struct {
	reports       []Report
	width, height int
	lines         []line
}

// draw makes the lines of a page for a screen of that size.
func draw(reports []Report, width, height int, colour bool) []string {
	p := &page{reports: reports, width: width, height: height}
	now := reports[len(reports)-1]
	p.head(now)
	if s := now.Server; s != nil {
		p.rides(s)
		p.requests(s)
		p.inside(s)
	}
	p.group(now)
	p.hosts(now)
	var drawn []string
	for _, l := range p.fitting() {
		drawn = append(drawn, l.draw(width, colour))
	}
	return drawn
}

func (p *page) add(rank int, spans ...span) { p.lines = append(p.lines, line{rank, spans}) }

// fitting drops lines for which there is no room.
func (p *page) fitting() []line {
	lines := p.lines
	for len(lines) > p.height {
		last := 0
		for i, l := range lines {
			if l.rank >= lines[last].rank {
				last = i
			}
		}
		lines = slices.Delete(lines, last, last+1)
	}
	return lines
}

// draw cuts the line at the width, so that it never wraps.
func (l line) draw(width int, colour bool) string {
	var b strings.Builder
	for _, s := range l.spans {
		text := []rune(clean(s.text))
		text = text[:min(len(text), width)]
		width -= len(text)
		if !colour || s.style == plain || len(text) == 0 {
			b.WriteString(string(text))
			continue
		}
		b.WriteString(string(s.style) + string(text) + reset)
	}
	return strings.TrimRight(b.String(), " ")
}

const nameWidth = 11

func (p *page) head(now Report) {
	title, clock := span{"ISURIDE", strong}, span{now.Time.Format("  15:04:05  "), faint}
	if s := now.Server; s != nil {
		p.add(always, title, clock,
			span{fmt.Sprintf("up %s, generation %s", age(now.Time.Sub(s.Started)), count(s.Generation)), plain},
			span{titled("release", s.Release) + titled("revision", s.Revision), faint})
	} else {
		p.add(always, title, clock, span{"no figures of the server", bad})
	}
	p.add(space)
}

func titled(name, value string) string {
	if value == "" {
		return ""
	}
	return ", " + name + " " + value
}

// course adds a line with the values of the last minute.
func (p *page) course(rank int, name string, value func(*Server) float64, show func(float64) string) {
	var values []float64
	for _, r := range p.reports {
		if r.Server == nil {
			values = append(values, math.NaN())
		} else {
			values = append(values, value(r.Server))
		}
	}
	head := fmt.Sprintf("%-*s %10s  ", nameWidth, name, show(values[len(values)-1]))
	p.add(rank, span{head[:nameWidth], faint}, span{head[nameWidth:], strong},
		span{sparkline(values, max(0, p.width-len(head))), plain})
}

// part is one figure of a line; a problem is shown in red.
type part struct {
	text  string
	wrong bool
}

func (p *page) figures(rank int, name string, parts ...part) {
	spans := []span{{fmt.Sprintf("%-*s ", nameWidth, name), faint}}
	for i, one := range parts {
		if i > 0 {
			spans = append(spans, span{"  ", plain})
		}
		s := plain
		if one.wrong {
			s = bad
		}
		spans = append(spans, span{one.text, s})
	}
	p.add(rank, spans...)
}

// tooLong is the wait after which a rider complains (S7.3).
const tooLong = 20

func (p *page) rides(s *Server) {
	p.course(first, "requested", func(s *Server) float64 { return s.Rides.Requested }, rate)
	p.course(first, "matched", func(s *Server) float64 { return s.Rides.Matched }, rate)
	p.course(first, "completed", func(s *Server) float64 { return s.Rides.Completed }, rate)
	p.course(first, "waiting", func(s *Server) float64 { return s.Rides.Waiting }, count)
	r := s.Rides
	p.figures(first, "rides",
		part{"oldest wait " + duration(r.OldestWait), r.OldestWait > tooLong},
		part{text: "matched " + count(r.Assigned)},
		part{text: "pickup " + count(r.Pickup)},
		part{text: "carrying " + count(r.Carrying)},
		part{text: "arrived " + count(r.Arrived)})
	p.add(space)
}

func (p *page) requests(s *Server) {
	p.course(first, "requests", func(s *Server) float64 { return s.Requests.All }, rate)
	r := s.Requests
	p.figures(first, "by status",
		part{text: "2xx " + rate(r.Success)},
		part{text: "3xx " + rate(r.Redirect)},
		part{text: "4xx " + rate(r.ClientError)},
		part{"5xx " + rate(r.ServerError), r.ServerError > 0})
	p.add(more, span{fmt.Sprintf("%-18s %10s %9s %9s", "latency", "", "p50", "p99"), faint})
	for _, l := range s.Latencies {
		text := fmt.Sprintf("%-18s %10s", l.Name, rate(l.Rate))
		if l.Rate > 0 {
			text += fmt.Sprintf(" %9s %9s", duration(l.P50), duration(l.P99))
		}
		p.add(more, span{text, plain})
	}
	p.add(space)
}

func (p *page) inside(s *Server) {
	p.figures(rest, "matching",
		part{text: rate(s.Matching.Rounds)},
		part{text: "p99 " + duration(s.Matching.Round.P99)},
		part{text: count(s.Matching.Rides) + " rides x " + count(s.Matching.Chairs) + " chairs"},
		part{text: "cost " + count(s.Matching.Cost)})
	p.figures(rest, "chairs",
		part{text: "free " + count(s.Accounts.FreeChairs)},
		part{text: "busy " + count(s.Accounts.BusyChairs)},
		part{text: "inactive " + count(s.Accounts.InactiveChairs)},
		part{text: "users " + count(s.Accounts.Users)})
	p.figures(rest, "streams",
		part{text: "users " + count(s.Streams.Users)},
		part{text: "chairs " + count(s.Streams.Chairs)},
		part{text: "sent " + rate(s.Streams.Sent)})
	p.figures(rest, "journal",
		part{text: rate(s.Journal.Events)},
		part{text: size(s.Journal.Bytes) + "/s"},
		part{text: "unsynced " + count(s.Journal.Unsynced)},
		part{text: "on disk " + size(s.Journal.Size)})
	p.figures(more, "database",
		part{text: "lag " + duration(s.Database.Lag)},
		part{text: "backlog " + count(s.Database.Backlog)},
		part{text: count(s.Database.Rows) + " rows/s"},
		part{text: "batch p99 " + duration(s.Database.Batch.P99)},
		part{"retries " + rate(s.Database.Retries), s.Database.Retries > 0})
	p.figures(rest, "payments",
		part{text: "accepted " + rate(s.Payments.Accepted)},
		part{text: "refused " + rate(s.Payments.Refused)},
		part{text: "failed " + rate(s.Payments.Failed)},
		part{text: "open " + count(s.Payments.Open)})
	p.figures(more, "server",
		part{text: count(s.Connections.Open) + " of " + count(s.Connections.Max) + " connections"},
		part{"refused " + rate(s.Connections.Refused), s.Connections.Refused > 0},
		part{text: size(s.Memory)},
		part{text: count(s.Goroutines) + " goroutines"})
	logged := part{count(s.Errors.Logged) + " logged", s.Errors.Rate > 0}
	if s.Errors.Last != "" && s.Errors.Logged > 0 {
		p.figures(more, "errors", logged, part{text: s.Errors.Last})
	} else {
		p.figures(more, "errors", logged)
	}
	p.add(space)
}

// tooFar is how many events a member may lack, as in the alert IsurideReplicaBehind.
const tooFar = 50_000

// group has a line about who leads and how far the others are, if the servers are a group.
func (p *page) group(now Report) {
	var members []part
	var leader *Replica
	leaders := 0
	for _, h := range now.Hosts {
		if r := h.Replica; r.leads() {
			leaders, leader = leaders+1, r
		}
	}
	for _, h := range now.Hosts {
		if h.Replica != nil {
			members = append(members, member(h, leader))
		}
	}
	if len(members) == 0 {
		return
	}
	who := part{fmt.Sprintf("%d lead", leaders), true}
	switch leaders {
	case 0:
		who.text = "nobody leads"
	case 1:
		who = part{text: "term " + count(leader.Term) + "  wait p99 " + duration(leader.Wait.P99)}
	}
	p.figures(always, "group", append([]part{who}, members...)...)
	p.add(space)
}

// member says what a server is in its group; leader is nil if nobody leads.
func member(h Host, leader *Replica) part {
	r := h.Replica
	text, wrong := h.Name+" "+r.Role, false
	if leader != nil && !r.leads() {
		behind := max(leader.Behind[h.Name], r.Lag)
		text += " lacks " + count(behind)
		wrong = behind > tooFar
	}
	if r.InDoubt {
		text, wrong = text+" in doubt", true
	}
	if r.Different > 0 {
		text, wrong = text+" differs", true
	}
	return part{text, wrong}
}

// Columns of the table of hosts; names and roles are as wide as the longest.
const hostRow = "%-*s %-*s  %7s %5s %6s %7s %7s %11s  %s"

func (p *page) hosts(now Report) {
	name, roles := len("host"), len("roles")
	for _, h := range now.Hosts {
		name, roles = max(name, len(h.Name)), max(roles, len(h.Roles))
	}
	p.add(more, span{fmt.Sprintf(hostRow, name, "host", roles, "roles",
		"CPUs", "load", "memory", "in/s", "out/s", "tcp/waiting", "processes"), faint})
	for _, h := range now.Hosts {
		if !h.Here {
			p.add(always, span{fmt.Sprintf("%-*s %-*s  ", name, h.Name, roles, h.Roles), plain},
				span{absence(h), bad})
			continue
		}
		text := fmt.Sprintf(hostRow, name, h.Name, roles, h.Roles,
			fmt.Sprintf("%s/%d", share(h.Busy), h.CPUs), share(h.Load), percent(h.MemoryUsed, h.Memory),
			size(h.Received), size(h.Sent),
			fmt.Sprintf("%d/%d", h.TCP, h.TimeWait), processes(h.Processes))
		p.add(always, span{text, plain}, stolen(h))
		if h.Problem != "" {
			p.add(always, span{strings.Repeat(" ", name+1) + h.Problem, bad})
		}
	}
}

// absence says for how long a host has been gone, and why.
func absence(h Host) string {
	text := h.Problem
	if h.Gone >= 1 {
		text = "gone since " + age(time.Duration(h.Gone*float64(time.Second)))
		if h.Problem != "" {
			text += ": " + h.Problem
		}
	}
	return text
}

func processes(all []Process) string {
	var words []string
	for _, one := range all {
		words = append(words, one.Name+" "+share(one.CPUs))
	}
	return strings.Join(words, ", ")
}

// noticeable is how much of a processor other machines must take to be shown.
const noticeable = 0.05

func stolen(h Host) span {
	if h.Stolen < noticeable {
		return span{}
	}
	return span{", stolen " + share(h.Stolen), bad}
}
