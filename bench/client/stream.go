package client

import (
	"bytes"

	"isuride/bench/client/answer"
)

// maxEventLine is the longest line of a stream, its end included (B9.2).
const maxEventLine = 64 << 10

// lines goes through input of the stream; false if there is no room for more, and the
// rest is held, or if the stream has been given up.
func (f *feed) lines(p []byte) bool {
	for len(p) > 0 {
		line, rest, found := bytes.Cut(p, []byte{'\n'})
		if size := len(f.line) + len(line); size >= maxEventLine {
			f.dropped("event line longer than 64 KiB")
			f.line = nil
			f.exchange.fail(errTooLong)
			return false
		}
		if !found {
			f.line = append(f.line, p...)
			return true
		}
		f.lineEnd(line)
		p = rest
		if f.full() {
			f.held = append(f.held, p...)
			return false
		}
	}
	return true
}

// lineEnd takes the end of a line, whose beginning may have come before.
func (f *feed) lineEnd(line []byte) {
	if len(f.line) > 0 {
		f.line = append(f.line, line...)
		line = f.line
	}
	f.message(line)
	f.line = f.line[:0]
	if cap(f.line) > bufferSize {
		f.line = nil
	}
}

// message takes one line of the stream. All but data lines are ignored.
func (f *feed) message(line []byte) {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok || answer.IsNull(data) {
		return
	}
	body, err := f.decode(data)
	if err != nil {
		f.dropped("%v in %.200q", err, data)
		return
	}
	f.post(body)
}

// streamEnded takes a last line without an end, and connects again.
func (f *feed) streamEnded() {
	if len(f.line) > 0 {
		f.message(f.line)
		f.line = f.line[:0]
	}
	f.retry()
}
