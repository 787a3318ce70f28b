package stream

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/valyala/fastjson"
)

// frame is a message of the feed, as far as the stream looks into it. Everything in it is
// lent until the parser's next call.
type frame struct {
	table, action []byte
	epoch, seq    uint64
	prev          uint64
	ts            []byte // "" if nobody knows
	more          bool
	reason        []byte
	code, message []byte
	rows          []*fastjson.Value
}

var errNoFrame = errors.New("it is no frame of the feed")

// parser reads frames. It belongs to one goroutine.
type parser struct{ fastjson.Parser }

func (p *parser) parse(text []byte) (f frame, err error) {
	v, err := p.ParseBytes(text)
	if err != nil {
		return f, fmt.Errorf("%w: %w", errNoFrame, err)
	}
	if f = frameOf(v); len(f.action) == 0 {
		return f, fmt.Errorf("%w: it has no action", errNoFrame)
	}
	return f, nil
}

func frameOf(v *fastjson.Value) (f frame) {
	o, err := v.Object()
	if err != nil {
		return f
	}
	o.Visit(func(key []byte, v *fastjson.Value) {
		switch string(key) {
		case "table":
			f.table = v.GetStringBytes()
		case "action":
			f.action = v.GetStringBytes()
		case "epoch":
			f.epoch = v.GetUint64()
		case "seq":
			f.seq = v.GetUint64()
		case "prev":
			f.prev = v.GetUint64()
		case "ts":
			f.ts = v.GetStringBytes()
		case "more":
			f.more = v.GetBool()
		case "reason":
			f.reason = v.GetStringBytes()
		case "code":
			f.code = v.GetStringBytes()
		case "message":
			f.message = v.GetStringBytes()
		case "data":
			f.rows = v.GetArray()
		}
	})
	return f
}

// position is a place in the log of a region; zero is before everything.
type position struct{ epoch, seq uint64 }

func (p position) String() string { return string(p.append(nil)) }

func (p position) append(dst []byte) []byte {
	return strconv.AppendUint(append(strconv.AppendUint(dst, p.epoch, 10), ':'), p.seq, 10)
}

// resume is what a Source is asked to go on behind: "" for the beginning.
func (p position) resume() string {
	if p == (position{}) {
		return ""
	}
	return p.String()
}

func parsePosition(text []byte) (p position, err error) {
	epoch, seq, ok := bytes.Cut(text, []byte(":"))
	p.epoch, err = strconv.ParseUint(string(epoch), 10, 63)
	if err == nil && ok {
		p.seq, err = strconv.ParseUint(string(seq), 10, 63)
	}
	if err != nil || !ok {
		return position{}, fmt.Errorf("%.60q is no position in a log", text)
	}
	return p, nil
}
