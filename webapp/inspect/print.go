package inspect

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
)

func (p *printer) event(seq uint64, e *isuride.Event) error {
	if p.options.JSON {
		p.jsonEvent(seq, e)
	} else {
		p.textEvent(seq, e)
	}
	return p.write()
}

// remark is a line that is no event.
func (p *printer) remark(s journal.Sight) error {
	if p.options.JSON {
		p.jsonRemark(s)
	} else {
		p.textRemark(s)
	}
	return p.write()
}

func kindName(k isuride.Kind) string {
	name, _, _ := strings.Cut(k.String(), " (")
	return name
}

// Text: the number, the time and the kind, then the rows with their columns. What is NULL
// or empty is left out, and the times of a row's making and change that are
// the event's.
func (p *printer) textEvent(seq uint64, e *isuride.Event) {
	at := "-"
	if t := e.At(); t != 0 {
		at = t.String()
	}
	p.line = fmt.Appendf(p.line, "%9d  %-27s  %-20s", seq, at, kindName(e.Kind))
	for _, r := range rowsOf(e) {
		p.textRow(r, e.At())
	}
	for i := range e.Coupons {
		p.textRow(couponRow(&e.Coupons[i]), e.At())
	}
	p.line = append(p.line, '\n')
	if e.Kind == isuride.RideAssigned {
		p.textWhy(e)
	}
}

func (p *printer) textRow(r row, at isuride.Time) {
	p.line = fmt.Appendf(p.line, "  %s:", r.name)
	for _, f := range r.fields {
		if !absent(f.value) && (f.value != at || f.name != "created_at" && f.name != "updated_at") {
			p.line = fmt.Appendf(p.line, " %s=%s", f.name, textValue(p.reveal(f.value)))
		}
	}
}

func textValue(value any) string {
	switch v := value.(type) {
	case isuride.Coordinate:
		return fmt.Sprintf("%d,%d", v.Latitude, v.Longitude)
	case string:
		if q := strconv.Quote(v); strings.ContainsAny(v, ` "=`) || q[1:len(q)-1] != v {
			return q
		}
		return v
	}
	return fmt.Sprint(value)
}

const indent = "                                        "

func (p *printer) textWhy(e *isuride.Event) {
	w := e.Why
	if w == nil {
		p.line = append(p.line, indent+"why: not recorded\n"...)
		return
	}
	p.line = fmt.Appendf(p.line, indent+"why: %s ride, trip %s, age %s (ticks of 30 ms)\n", w.Class, ticks(w.Trip), ticks(w.Age))
	p.textCost("chosen", e.Ride.ChairID, w, w.Chosen)
	for i := range w.Lost {
		p.textCost("lost", lostID(&w.Lost[i]), w, w.Lost[i].ChairCost)
	}
}

func (p *printer) textCost(what, chair string, w *isuride.Why, c isuride.ChairCost) {
	p.line = fmt.Appendf(p.line, indent+"%-6s  %-26s  cost %9s = pickup %8s + carry %8s + trip + age\n",
		what, chair, ticks(w.Cost(c)), ticks(c.Pickup), ticks(c.Carry))
}

func lostID(r *isuride.Rival) string {
	if id := r.Chair.ID(); id != "" {
		return id
	}
	return "(id too long)"
}

func ticks(thousandths int32) string {
	return strconv.FormatFloat(float64(thousandths)/1000, 'f', 3, 64)
}

func (p *printer) textRemark(s journal.Sight) {
	p.line = append(p.line, "# "...)
	if s.Damaged {
		p.line = append(p.line, "DAMAGED: "...)
	}
	p.line = append(p.line, s.Remark...)
	if s.Segment != "" {
		p.line = fmt.Appendf(p.line, " [record %d, %s, offset %d]", s.Seq, s.Segment, s.Offset)
	}
	p.line = append(p.line, '\n')
}

// JSON: the same names; a line is an event or a remark.
func (p *printer) jsonEvent(seq uint64, e *isuride.Event) {
	p.line = fmt.Appendf(p.line, `{"seq":%d,"kind":"%s"`, seq, kindName(e.Kind))
	if t := e.At(); t != 0 {
		p.line = fmt.Appendf(p.line, `,"time":"%s"`, t)
	}
	for _, r := range rowsOf(e) {
		p.line = fmt.Appendf(p.line, `,"%s":`, r.name)
		p.jsonRow(r)
	}
	for i := range e.Coupons {
		p.line = append(p.line, [...]string{`,"coupons":[`, `,`}[min(i, 1)]...)
		p.jsonRow(couponRow(&e.Coupons[i]))
	}
	if len(e.Coupons) > 0 {
		p.line = append(p.line, ']')
	}
	if w := e.Why; w != nil {
		p.line = append(p.line, `,"why":`...)
		p.jsonValue(whyOf(w))
	}
	p.line = append(p.line, "}\n"...)
}

func (p *printer) jsonRow(r row) {
	comma := byte('{')
	for _, f := range r.fields {
		if absent(f.value) {
			continue
		}
		p.line = fmt.Appendf(append(p.line, comma), `"%s":`, f.name)
		p.jsonValue(p.reveal(f.value))
		comma = ','
	}
	if comma == '{' {
		p.line = append(p.line, '{')
	}
	p.line = append(p.line, '}')
}

func (p *printer) jsonValue(value any) {
	switch v := value.(type) {
	case isuride.Time:
		value = v.String()
	case isuride.Coordinate:
		value = place{v.Latitude, v.Longitude}
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic("BUG: inspect: " + err.Error())
	}
	p.line = append(p.line, text...)
}

type place struct {
	Latitude  int32 `json:"latitude"`
	Longitude int32 `json:"longitude"`
}

// why are reasons in JSON, in thousandths of a tick of 30 ms.
type why struct {
	Class  string `json:"class"`
	Trip   int32  `json:"trip"`
	Age    int32  `json:"age"`
	Chosen cost   `json:"chosen"`
	Lost   []cost `json:"lost"`
}

type cost struct {
	Chair  string `json:"chair_id,omitempty"`
	Cost   int32  `json:"cost"`
	Pickup int32  `json:"pickup"`
	Carry  int32  `json:"carry"`
}

func whyOf(w *isuride.Why) why {
	out := why{Class: w.Class.String(), Trip: w.Trip, Age: w.Age, Lost: []cost{},
		Chosen: cost{Cost: w.Cost(w.Chosen), Pickup: w.Chosen.Pickup, Carry: w.Chosen.Carry}}
	for _, l := range w.Lost {
		out.Lost = append(out.Lost, cost{l.Chair.ID(), w.Cost(l.ChairCost), l.Pickup, l.Carry})
	}
	return out
}

func (p *printer) jsonRemark(s journal.Sight) {
	p.jsonValue(struct {
		Remark  string `json:"remark"`
		Damaged bool   `json:"damaged"`
		Seq     uint64 `json:"seq,omitempty"`
		Segment string `json:"segment,omitempty"`
		Offset  int64  `json:"offset,omitempty"`
	}{s.Remark, s.Damaged, s.Seq, s.Segment, s.Offset})
	p.line = append(p.line, '\n')
}
