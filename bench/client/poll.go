package client

import (
	"bytes"
	"net/http"
	"time"

	"isuride/bench/client/answer"
)

// polled takes the answer to a poll.
func (f *feed) polled(status int, body []byte) {
	if status != http.StatusOK {
		f.dropped("poll answered with status %d", status)
		f.retry()
		return
	}
	p, err := answer.DecodePoll(body)
	if err == nil && !answer.IsNull(p.Data) {
		err = f.pollMessage(p.Data)
	}
	if err != nil {
		f.dropped("%v in %.200q", err, body)
		f.retry()
		return
	}
	wait := f.entity.shard.engine.config.Limits.Reconnect
	if f.polls > 0 && p.HasRetryAfter {
		wait = time.Duration(min(max(p.RetryAfter, 0), maxRetryAfter)) * time.Millisecond
	}
	f.polls++
	f.next(wait)
}

// maxRetryAfter is an hour, longer than any run.
const maxRetryAfter = 3600 * 1000

// pollMessage posts a polled message. A repeated one, byte by byte, is not decoded again.
func (f *feed) pollMessage(data []byte) error {
	if f.lastAs == nil || !bytes.Equal(data, f.last) {
		body, err := f.decode(data)
		if err != nil {
			return err
		}
		f.last, f.lastAs = append(f.last[:0], data...), body
	}
	f.post(f.lastAs)
	return nil
}
