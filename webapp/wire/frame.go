package wire

import "time"

// A notification travels in one of two frames (S6.1): as an event of a stream or
// as the answer to a poll. Open, the notification, close:
//
//	dst = AppendEventClose(AppendUserNotification(AppendEventOpen(dst), n))

// AppendEventOpen begins an event of a stream. An event is one line and nothing but
// data: browsers cut the prefix off the first bytes they read.
func AppendEventOpen(dst []byte) []byte { return append(dst, `data: `...) }

// AppendEventClose ends an event.
func AppendEventClose(dst []byte) []byte { return append(dst, "\n\n"...) }

// AppendPollOpen begins the answer to a poll.
func AppendPollOpen(dst []byte) []byte { return append(dst, `{"data":`...) }

// AppendPollClose ends the answer to a poll; the client asks again after the pause, in
// whole milliseconds.
func AppendPollClose(dst []byte, pause time.Duration) []byte {
	dst = append(dst, `,"retry_after_ms":`...)
	dst = appendInt(dst, int(pause.Milliseconds()))
	return append(dst, '}')
}

// AppendNoRide appends, in either frame, the notification of somebody who never had a
// ride.
func AppendNoRide(dst []byte) []byte { return append(dst, `null`...) }
